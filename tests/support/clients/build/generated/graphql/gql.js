/* eslint-disable */
import * as types from './graphql.js';
const documents = {
    "\n  query Me {\n    me {\n      name\n      etag\n      editableFields\n    }\n  }\n": types.MeDocument,
    "\n  mutation Rename($input: UpdateMyProfileInput!, $ifMatch: String) {\n    updateMyProfile(input: $input, ifMatch: $ifMatch) {\n      __typename\n      ... on Profile {\n        displayName\n      }\n      ... on ProfileError {\n        code\n        violations {\n          field\n          code\n        }\n      }\n    }\n  }\n": types.RenameDocument,
};
export function graphql(source) {
    return documents[source] ?? {};
}
