// What a frontend's author writes: graphql-codegen gives each document below its types from
// schema.graphql. Prints what it saw as JSON.
import { graphql } from "../generated/graphql/gql.js";
const [address = "", token = "", tenant = ""] = process.argv.slice(2);
const Me = graphql(`
  query Me {
    me {
      name
      etag
      editableFields
    }
  }
`);
const Rename = graphql(`
  mutation Rename($input: UpdateMyProfileInput!, $ifMatch: String) {
    updateMyProfile(input: $input, ifMatch: $ifMatch) {
      __typename
      ... on Profile {
        displayName
      }
      ... on ProfileError {
        code
        violations {
          field
          code
        }
      }
    }
  }
`);
async function run(document, variables) {
    const response = await fetch(`${address}/graphql`, {
        method: "POST",
        headers: {
            Authorization: `Bearer ${token}`,
            "Content-Type": "application/json",
            "X-Tenant-ID": tenant,
        },
        body: JSON.stringify({ query: document, variables }),
    });
    const { data } = (await response.json());
    return data;
}
const { me } = await run(Me, {});
const changed = await run(Rename, { input: { displayName: "EWD" }, ifMatch: me.etag });
const refused = await run(Rename, { input: { firstName: "a".repeat(101) } });
// @ts-expect-error: nobody can send an email
const email = { input: { email: "ada@elsewhere.example" } };
console.log(JSON.stringify({
    name: me.name,
    editable: me.editableFields,
    changed: changed.updateMyProfile,
    refused: refused.updateMyProfile,
}));
