/** Who keeps a person's sign-in. */
export var AuthProvider;
(function (AuthProvider) {
    AuthProvider["Local"] = "LOCAL";
    AuthProvider["Oidc"] = "OIDC";
    AuthProvider["Saml"] = "SAML";
})(AuthProvider || (AuthProvider = {}));
/** A field of the profile that a person can change. */
export var ProfileField;
(function (ProfileField) {
    ProfileField["AvatarBase64"] = "AVATAR_BASE64";
    ProfileField["DisplayName"] = "DISPLAY_NAME";
    ProfileField["FirstName"] = "FIRST_NAME";
    ProfileField["LastName"] = "LAST_NAME";
})(ProfileField || (ProfileField = {}));
export class TypedDocumentString extends String {
    __apiType;
    value;
    __meta__;
    constructor(value, __meta__) {
        super(value);
        this.value = value;
        this.__meta__ = __meta__;
    }
    toString() {
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
    `);
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
    `);
