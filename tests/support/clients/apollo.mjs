// A frontend with Apollo Client and its cache: shows a face, renames, takes the picture away.
// Prints what it saw as JSON.

import { ApolloClient, CombinedGraphQLErrors, gql, HttpLink, InMemoryCache } from "@apollo/client";

const [address, token, tenant] = process.argv.slice(2);

const client = (bearer) =>
  new ApolloClient({
    cache: new InMemoryCache({ possibleTypes: { UpdateMyProfileResult: ["Profile", "ProfileError"] } }),
    link: new HttpLink({
      uri: `${address}/graphql`,
      headers: { Authorization: `Bearer ${bearer}`, "X-Tenant-ID": tenant },
    }),
  });

const ME = gql`
  query Me {
    me {
      id
      name
      face: avatarUrl(size: 64)
      avatarUrl
    }
  }
`;

const UPDATE = gql`
  mutation Update($input: UpdateMyProfileInput!) {
    updateMyProfile(input: $input) {
      ... on Profile {
        id
        name
        face: avatarUrl(size: 64)
        avatarUrl
      }
      ... on ProfileError {
        code
      }
    }
  }
`;

const apollo = client(token);
const cached = () => apollo.readQuery({ query: ME }).me;
const update = (input) => apollo.mutate({ mutation: UPDATE, variables: { input } });
const answer = async (url) => {
  const response = await fetch(new URL(url, address));
  return [response.status, response.headers.get("content-type"), response.headers.get("cache-control")];
};

const { me } = (await apollo.query({ query: ME })).data;
const face = await answer(me.face);
await update({ displayName: "EWD" });
const renamed = cached();
await update({ avatarBase64: null });
const without = cached();
const stranger = await client("no token")
  .query({ query: ME })
  .catch((error) => CombinedGraphQLErrors.is(error) && error.errors[0].extensions.code);

console.log(
  JSON.stringify({
    face,
    sizes: me.face !== me.avatarUrl,
    renamed: renamed.name,
    kept: renamed.face === me.face,
    without: without.face,
    gone: (await answer(me.face))[0],
    stranger,
  }),
);
