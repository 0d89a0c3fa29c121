/* eslint-disable */
import * as types from './graphql.js';



/**
 * Map of all GraphQL operations in the project.
 *
 * This map has several performance disadvantages:
 * 1. It is not tree-shakeable, so it will include all operations in the project.
 * 2. It is not minifiable, so the string of a GraphQL query will be multiple times inside the bundle.
 * 3. It does not support dead code elimination, so it will add unused operations.
 *
 * Therefore it is highly recommended to use the babel or swc plugin for production.
 * Learn more about it here: https://the-guild.dev/graphql/codegen/plugins/presets/preset-client#reducing-bundle-size
 */
type Documents = {
    "\n  query Me {\n    me {\n      name\n      etag\n      editableFields\n    }\n  }\n": typeof types.MeDocument,
    "\n  mutation Rename($input: UpdateMyProfileInput!, $ifMatch: String) {\n    updateMyProfile(input: $input, ifMatch: $ifMatch) {\n      __typename\n      ... on Profile {\n        displayName\n      }\n      ... on ProfileError {\n        code\n        violations {\n          field\n          code\n        }\n      }\n    }\n  }\n": typeof types.RenameDocument,
};
const documents: Documents = {
    "\n  query Me {\n    me {\n      name\n      etag\n      editableFields\n    }\n  }\n": types.MeDocument,
    "\n  mutation Rename($input: UpdateMyProfileInput!, $ifMatch: String) {\n    updateMyProfile(input: $input, ifMatch: $ifMatch) {\n      __typename\n      ... on Profile {\n        displayName\n      }\n      ... on ProfileError {\n        code\n        violations {\n          field\n          code\n        }\n      }\n    }\n  }\n": types.RenameDocument,
};

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Me {\n    me {\n      name\n      etag\n      editableFields\n    }\n  }\n"): typeof import('./graphql.js').MeDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation Rename($input: UpdateMyProfileInput!, $ifMatch: String) {\n    updateMyProfile(input: $input, ifMatch: $ifMatch) {\n      __typename\n      ... on Profile {\n        displayName\n      }\n      ... on ProfileError {\n        code\n        violations {\n          field\n          code\n        }\n      }\n    }\n  }\n"): typeof import('./graphql.js').RenameDocument;


export function graphql(source: string) {
  return (documents as any)[source] ?? {};
}
