// What a frontend's author writes: graphql-codegen gives each document below its types from
// schema.graphql. Prints what it saw as JSON.

import { graphql } from "../generated/graphql/gql.js";
import type { ErrorCode, TypedDocumentString } from "../generated/graphql/graphql.js";
import { remedyOf } from "../remedy.js";

const [address = "", token = "", tenant = ""] = process.argv.slice(2);

const Me = graphql(`
  query Me {
    me {
      name
      etag
      editableFields
      avatarUrl(size: 64)
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
          max
        }
      }
    }
  }
`);

type Answer<Result> = { data?: Result; errors?: { extensions: { code: ErrorCode } }[] };

async function run<Result, Variables>(
  document: TypedDocumentString<Result, Variables>,
  variables: Variables,
  bearer = token,
): Promise<Result> {
  const response = await fetch(`${address}/graphql`, {
    method: "POST",
    headers: {
      Authorization: `Bearer ${bearer}`,
      "Content-Type": "application/json",
      "X-Tenant-ID": tenant,
    },
    body: JSON.stringify({ query: document, variables }),
  });
  const { data, errors } = (await response.json()) as Answer<Result>;
  const [refused] = errors ?? [];
  if (refused || !data) throw new Error(refused && remedyOf(refused.extensions.code));
  return data;
}

const { me } = await run(Me, {});
const face = me.avatarUrl ? await fetch(new URL(me.avatarUrl, address)) : null;
const changed = await run(Rename, { input: { displayName: "EWD" }, ifMatch: me.etag });
const refused = await run(Rename, { input: { firstName: "a".repeat(101) } });

// @ts-expect-error: nobody can send an email
const email = { input: { email: "ada@elsewhere.example" } } satisfies Parameters<
  typeof run<unknown, (typeof Rename)["__apiType"] extends never ? never : { input: { firstName?: string } }>
>[1];

console.log(
  JSON.stringify({
    name: me.name,
    face: face && `${face.status} ${face.headers.get("content-type")}`,
    editable: me.editableFields,
    changed: changed.updateMyProfile,
    refused: refused.updateMyProfile,
    remedy:
      refused.updateMyProfile.__typename === "ProfileError" &&
      remedyOf(refused.updateMyProfile.code),
    stranger: await run(Me, {}, "no token").catch((error: Error) => error.message),
  }),
);
