/* eslint-disable */
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
export type Maybe<T> = T | null;
export type InputMaybe<T> = T | null | undefined;
export type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
export type MakeOptional<T, K extends keyof T> = Omit<T, K> & { [SubKey in K]?: Maybe<T[SubKey]> };
export type MakeMaybe<T, K extends keyof T> = Omit<T, K> & { [SubKey in K]: Maybe<T[SubKey]> };
export type MakeEmpty<T extends { [key: string]: unknown }, K extends keyof T> = { [_ in K]?: never };
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
/** All built-in and custom scalars, mapped to their actual values */
export type Scalars = {
  ID: { input: string; output: string; }
  String: { input: string; output: string; }
  Boolean: { input: boolean; output: boolean; }
  Int: { input: number; output: number; }
  Float: { input: number; output: number; }
  /** Date with time (isoformat) */
  DateTime: { input: any; output: any; }
  /** The `JSON` scalar type represents JSON values as specified by [ECMA-404](https://ecma-international.org/wp-content/uploads/ECMA-404_2nd_edition_december_2017.pdf). */
  JSON: { input: any; output: any; }
};

/** Who keeps a person's sign-in. */
export enum AuthProvider {
  Local = 'LOCAL',
  Oidc = 'OIDC',
  Saml = 'SAML'
}

/** One field of a change. Of a picture only its digest is kept. */
export type ChangedField = {
  __typename?: 'ChangedField';
  field: Scalars['String']['output'];
  new?: Maybe<Scalars['String']['output']>;
  old?: Maybe<Scalars['String']['output']>;
};

/** One field that breaks one rule. */
export type FieldViolation = {
  __typename?: 'FieldViolation';
  code: Scalars['String']['output'];
  field: Scalars['String']['output'];
  message: Scalars['String']['output'];
};

export type Mutation = {
  __typename?: 'Mutation';
  /** Changes your own profile, all of it or nothing. With `ifMatch`, only if the profile still has one of these entity tags. */
  updateMyProfile: UpdateMyProfileResult;
};


export type MutationUpdateMyProfileArgs = {
  ifMatch?: InputMaybe<Scalars['String']['input']>;
  input: UpdateMyProfileInput;
};

/** Where a page begins and ends (Relay). */
export type PageInfo = {
  __typename?: 'PageInfo';
  endCursor?: Maybe<Scalars['String']['output']>;
  hasNextPage: Scalars['Boolean']['output'];
  hasPreviousPage: Scalars['Boolean']['output'];
  startCursor?: Maybe<Scalars['String']['output']>;
};

/** Your own profile. */
export type Profile = {
  __typename?: 'Profile';
  authProvider: AuthProvider;
  /** The picture as a data URI, `data:image/png;base64,…`, at most 256 KiB decoded. */
  avatarBase64?: Maybe<Scalars['String']['output']>;
  /** What changed, newest first: at most 100 at a time, 20 if you do not say. Null where it cannot be shown, so that an update is never hidden by that. */
  changes?: Maybe<ProfileChangeConnection>;
  /** At most 100 code points. */
  displayName?: Maybe<Scalars['String']['output']>;
  /** What you may change now, by sign-in provider and by policy. */
  editableFields: Array<ProfileField>;
  /** Read-only here. */
  email: Scalars['String']['output'];
  /** The version of this profile, for `ifMatch`; the same as REST's `ETag`. */
  etag: Scalars['String']['output'];
  /** At most 100 code points. */
  firstName?: Maybe<Scalars['String']['output']>;
  id: Scalars['ID']['output'];
  /** At most 100 code points. */
  lastName?: Maybe<Scalars['String']['output']>;
  /** What to call you: display name, else first and last name, else email. */
  name: Scalars['String']['output'];
};


/** Your own profile. */
export type ProfileChangesArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
};

/** One change of your profile: who, when, by which way in, what. */
export type ProfileChange = {
  __typename?: 'ProfileChange';
  at: Scalars['DateTime']['output'];
  /** `rest`, `graphql`, or another way in, as `import`. */
  face: Scalars['String']['output'];
  fields: Array<ChangedField>;
  /** Who vouched for the one who made the change. */
  issuer: Scalars['String']['output'];
  newVersion: Scalars['Int']['output'];
  oldVersion: Scalars['Int']['output'];
  requestId: Scalars['String']['output'];
  subject: Scalars['String']['output'];
};

/** A page of changes, newest first. */
export type ProfileChangeConnection = {
  __typename?: 'ProfileChangeConnection';
  edges: Array<ProfileChangeEdge>;
  pageInfo: PageInfo;
};

export type ProfileChangeEdge = {
  __typename?: 'ProfileChangeEdge';
  cursor: Scalars['String']['output'];
  node: ProfileChange;
};

/** Why an update was refused; nothing was changed. */
export type ProfileError = {
  __typename?: 'ProfileError';
  code: Scalars['String']['output'];
  details?: Maybe<Scalars['JSON']['output']>;
  message: Scalars['String']['output'];
  notices: Array<Scalars['String']['output']>;
  violations: Array<FieldViolation>;
};

/** A field of the profile that a person can change. */
export enum ProfileField {
  AvatarBase64 = 'AVATAR_BASE64',
  DisplayName = 'DISPLAY_NAME',
  FirstName = 'FIRST_NAME',
  LastName = 'LAST_NAME'
}

export type Query = {
  __typename?: 'Query';
  /** Your own profile. */
  me: Profile;
};

/** What to change. A field that is left out stays as it is; an empty name clears it; `avatarBase64: null` removes the picture. */
export type UpdateMyProfileInput = {
  avatarBase64?: InputMaybe<Scalars['String']['input']>;
  displayName?: InputMaybe<Scalars['String']['input']>;
  firstName?: InputMaybe<Scalars['String']['input']>;
  lastName?: InputMaybe<Scalars['String']['input']>;
};

export type UpdateMyProfileResult = Profile | ProfileError;

export type MeQueryVariables = Exact<{ [key: string]: never; }>;


export type MeQuery = { __typename?: 'Query', me: { __typename?: 'Profile', name: string, etag: string, editableFields: Array<ProfileField> } };

export type RenameMutationVariables = Exact<{
  input: UpdateMyProfileInput;
  ifMatch?: InputMaybe<Scalars['String']['input']>;
}>;


export type RenameMutation = { __typename?: 'Mutation', updateMyProfile:
    | { __typename: 'Profile', displayName?: string | null }
    | { __typename: 'ProfileError', code: string, violations: Array<{ __typename?: 'FieldViolation', field: string, code: string }> }
   };

export class TypedDocumentString<TResult, TVariables>
  extends String
  implements DocumentTypeDecoration<TResult, TVariables>
{
  __apiType?: NonNullable<DocumentTypeDecoration<TResult, TVariables>['__apiType']>;
  private value: string;
  public __meta__?: Record<string, any> | undefined;

  constructor(value: string, __meta__?: Record<string, any> | undefined) {
    super(value);
    this.value = value;
    this.__meta__ = __meta__;
  }

  override toString(): string & DocumentTypeDecoration<TResult, TVariables> {
    return this.value;
  }
}

export const MeDocument = new TypedDocumentString(`
    query Me {
  me {
    name
    etag
    editableFields
  }
}
    `) as unknown as TypedDocumentString<MeQuery, MeQueryVariables>;
export const RenameDocument = new TypedDocumentString(`
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
    `) as unknown as TypedDocumentString<RenameMutation, RenameMutationVariables>;