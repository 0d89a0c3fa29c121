// What a frontend's author writes: graphql-codegen gives each document below its types from
// schema.graphql. Prints what it saw as JSON.

import { graphql } from "../generated/graphql/gql.js";
import type { TypedDocumentString } from "../generated/graphql/graphql.js";

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
        }
      }
    }
  }
`);

async function run<Result, Variables>(
  document: TypedDocumentString<Result, Variables>,
  variables: Variables,
): Promise<Result> {
  const response = await fetch(`${address}/graphql`, {
    method: "POST",
    headers: {
      Authorization: `Bearer ${token}`,
      "Content-Type": "application/json",
      "X-Tenant-ID": tenant,
    },
    body: JSON.stringify({ query: document, variables }),
  });
  const { data } = (await response.json()) as { data: Result };
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
  }),
);
