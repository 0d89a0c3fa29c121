"""Providers as their documentation shows them: tokens, key sets, and the configuration that reads them."""

from dataclasses import dataclass, field
from typing import Any

from profile_testing.signing import edwards_key, public_jwk, rsa_key

ACME = "7f1b3c5e-2d4a-4c6b-8e9f-0a1b2c3d4e5f"
GLOBEX = "00000000-0000-4000-8000-000000000002"
DIRECTORY = "aaaabbbb-0000-cccc-1111-dddd2222eeee"


@dataclass
class Provider:
    """``entry`` is the object of PROFILE_ISSUERS that docs/providers.md has under its name.

    ``signing`` is the member of its key set that signs, ``beside`` are the others. What a token
    says must be met in ACME as ``subject``, with ``scopes``; ``made`` are the fields of a person
    whom it makes. ``elsewhere`` changes the claims so that they speak for nobody here.
    """

    entry: dict[str, Any]
    claims: dict[str, Any]
    subject: str
    scopes: set[str] = field(default_factory=set)
    elsewhere: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    signing: dict[str, Any] = field(default_factory=dict)
    beside: list[dict[str, Any]] = field(default_factory=list)
    made: dict[str, Any] | None = None
    name: str = ""
    algorithm: str = "RS256"

    def key_set(self):
        key = edwards_key() if self.algorithm == "EdDSA" else rsa_key()
        return {"keys": [*self.beside, public_jwk(key, **self.signing)]}


X5C = ["MIIDBTCCAe2gAwIBAgIQH4FlYNA+UJlF0G3vy9ZrhTANBgkqhkiG9w0BAQsFADAtMSsw"]
ANOTHER = public_jwk(rsa_key("second"), use="sig", alg="RS256", kid="another")

AUTH0 = "https://acme.eu.auth0.com/"
AUTH0_SIGNING = {
    "use": "sig",
    "kid": "NjVBRjY5MDlCMUIwNzU4RTA2QzZFMDQ4QzQ2MDAyQjVDNjk1RTM2Qg",
    "x5t": "NjVBRjY5MDlCMUIwNzU4RTA2QzZFMDQ4QzQ2MDAyQjVDNjk1RTM2Qg",
    "x5c": X5C,
    "alg": "RS256",
}
ENTRA_SIGNING = {
    "use": "sig",
    "kid": "kWbkha6qs8wsTnBwiiNYOhHbnAw",
    "x5t": "kWbkha6qs8wsTnBwiiNYOhHbnAw",
    "x5c": X5C,
    "cloud_instance_name": "microsoftonline.com",
}
KEYCLOAK_SIGNING = {"kid": "FJ86GcF3jTbNLOco4NvZkUCIUmfYCqoqtOQeMfbhNlE", "alg": "RS256"}
KEYCLOAK_SIGNING |= {"use": "sig", "x5c": X5C, "x5t": "O1c", "x5t#S256": "S1c"}
KEYCLOAK_BESIDE = [
    public_jwk(rsa_key("second"), kid="Tq0", alg="RSA-OAEP", use="enc", x5c=X5C),
    {"kty": "AKP", "kid": "later", "alg": "ML-DSA-65", "pub": "AAAA"},
]
KEYCLOAK_CLAIMS = {
    "jti": "onrtro:0f1d5b9c-5b8a-4f57-9c6f-0a6b0a6d7f10",
    "iss": "https://id.example/realms/acme",
    "aud": ["profile", "account"],
    "sub": "9d1a1a5c-9c6c-4c44-8d25-1b3e6c2b7a0f",
    "typ": "Bearer",
    "azp": "web",
    "sid": "c8f3b8a0-5b1e-4b1d-8a71-0f6c1d0a9a55",
    "acr": "1",
    "allowed-origins": ["https://app.example"],
    "realm_access": {"roles": ["offline_access", "uma_authorization"]},
    "resource_access": {"account": {"roles": ["manage-account", "view-profile"]}},
    "scope": "openid organization profile email",
    "email_verified": True,
    "name": "Ada Lovelace",
    "preferred_username": "ada",
    "given_name": "Ada",
    "family_name": "Lovelace",
    "email": "ada@acme.example",
}
ADA = {
    "email": "ada@acme.example",
    "first_name": "Ada",
    "last_name": "Lovelace",
    "auth_provider": "oidc",
}
COGNITO = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_example"
COGNITO_ENTRY = {
    "issuer": COGNITO,
    "audience": "1example23456789",
    "audience_claim": ["aud", "client_id"],
    "algorithms": ["RS256"],
    "discovery": True,
    "tenant_claim": "cognito:groups",
    "tenant_ids": {"acme": ACME},
    "provision": True,
}
GOOGLE_ENTRY = {
    "issuer": "https://accounts.google.com",
    "audience": "1234987819200.apps.googleusercontent.com",
    "algorithms": ["RS256"],
    "discovery": True,
    "tenant_claim": "hd",
    "tenant_ids": {"acme.example": ACME},
    "provision": True,
}
GOOGLE_CLAIMS = {
    "iss": "https://accounts.google.com",
    "azp": "1234987819200.apps.googleusercontent.com",
    "aud": "1234987819200.apps.googleusercontent.com",
    "sub": "10769150350006150715113082367",
    "at_hash": "HK6E_P6Dh8Y93mRNtsDB1Q",
    "hd": "acme.example",
    "email": "ada@acme.example",
    "email_verified": True,
    "given_name": "Ada",
    "family_name": "Lovelace",
    "name": "Ada Lovelace",
    "locale": "en",
    "nonce": "0394852-3190485-2490358",
}
GOOGLE_BESIDE = [public_jwk(rsa_key("second"), e="AQAB", kid="1bd", alg="RS256", use="sig")]

PROVIDERS = {
    "Auth0 with organizations": Provider(
        entry={
            "issuer": AUTH0,
            "audience": "https://profile.example/api",
            "algorithms": ["RS256"],
            "discovery": True,
            "tenant_claim": "org_id",
            "tenant_ids": {"org_9ybsU1dN2dKfDkBi": ACME, "org_0pZ3xQv7TgLw2RkY": GLOBEX},
        },
        header={"kid": AUTH0_SIGNING["kid"]},
        claims={
            "iss": AUTH0,
            "sub": "auth0|602c0dcab993d10073daf680",
            "aud": ["https://profile.example/api", "https://acme.eu.auth0.com/userinfo"],
            "azp": "ENDmmAJsbwI1hOG1KPJddQ8LHjV6kLkV",
            "scope": "openid profile email",
            "org_id": "org_9ybsU1dN2dKfDkBi",
            "permissions": [],
        },
        subject="auth0|602c0dcab993d10073daf680",
        scopes={"openid", "profile", "email"},
        elsewhere={"org_id": "org_unknown"},
        signing=AUTH0_SIGNING,
        beside=[ANOTHER],
    ),
    "Auth0 without organizations": Provider(
        entry={
            "issuer": AUTH0,
            "audience": "https://profile.example/api",
            "algorithms": ["RS256", "PS256"],
            "discovery": True,
            "tenants": [ACME],
        },
        header={"kid": AUTH0_SIGNING["kid"], "typ": "at+jwt"},
        claims={
            "iss": AUTH0,
            "sub": "auth0|6553da60a54af58e29493993",
            "aud": "https://profile.example/api",
            "client_id": "K1AUPhZq8mRi0Q0pjhkfu1D7y6KjDQja",
            "jti": "8xYVmRjNDsnYgkTgIuuqJv",
            "scope": "profile:read profile:write",
        },
        subject="auth0|6553da60a54af58e29493993",
        scopes={"profile:read", "profile:write"},
        elsewhere={"tenant_id": GLOBEX},
        signing=AUTH0_SIGNING | {"alg": "PS256"},
        beside=[ANOTHER],
        algorithm="PS256",
    ),
    "Entra ID, version 2 of its tokens": Provider(
        entry={
            "issuer": f"https://login.microsoftonline.com/{DIRECTORY}/v2.0",
            "audience": "00001111-aaaa-2222-bbbb-3333cccc4444",
            "algorithms": ["RS256"],
            "discovery": True,
            "subject_claim": "oid",
            "email_claim": ["email", "preferred_username"],
            "tenant_claim": "tid",
            "tenant_ids": {DIRECTORY: ACME},
            "provision": True,
        },
        header={"kid": ENTRA_SIGNING["kid"]},
        claims={
            "aud": "00001111-aaaa-2222-bbbb-3333cccc4444",
            "iss": f"https://login.microsoftonline.com/{DIRECTORY}/v2.0",
            "aio": "AXQAi/8IAAAAtAaZLo3ChMif6KOnttRB7eBq4/DccQzjcJGxPYy",
            "azp": "00001111-aaaa-2222-bbbb-3333cccc4444",
            "azpacr": "0",
            "name": "Ada Lovelace",
            "given_name": "Ada",
            "family_name": "Lovelace",
            "oid": "aaaaaaaa-0000-1111-2222-bbbbbbbbbbbb",
            "preferred_username": "ada@acme.example",
            "rh": "0.AgAAzj-v5pj0yBFmZ9wB2w6vJg.",
            "scp": "access_as_user",
            "sub": "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ",
            "tid": DIRECTORY,
            "uti": "Fq0xQ",
            "ver": "2.0",
        },
        subject="aaaaaaaa-0000-1111-2222-bbbbbbbbbbbb",
        scopes={"access_as_user"},
        elsewhere={"tid": GLOBEX},
        signing=ENTRA_SIGNING | {"issuer": f"https://login.microsoftonline.com/{DIRECTORY}/v2.0"},
        beside=[public_jwk(rsa_key("second"), use="sig", kid="other", x5t="other", x5c=X5C)],
        made=ADA,
    ),
    "Entra ID, version 1 of its tokens": Provider(
        entry={
            "issuer": f"https://sts.windows.net/{DIRECTORY}/",
            "audience": "api://profile",
            "algorithms": ["RS256"],
            "jwks_url": f"https://login.microsoftonline.com/{DIRECTORY}/discovery/keys",
            "subject_claim": "oid",
            "email_claim": ["email", "upn", "unique_name"],
            "tenant_claim": "tid",
            "tenant_ids": {DIRECTORY: ACME},
            "provision": True,
        },
        header={"kid": ENTRA_SIGNING["kid"], "x5t": ENTRA_SIGNING["x5t"]},
        claims={
            "aud": "api://profile",
            "iss": f"https://sts.windows.net/{DIRECTORY}/",
            "acr": "1",
            "aio": "AXQAi/8IAAAAFm+E/QTG+gFnVxLjWdw8K+61AGrSOuMMF6ebaMj7XO3IbmD3fGmrOyD+NvZyGn2VaT",
            "amr": ["pwd"],
            "appid": "00001111-aaaa-2222-bbbb-3333cccc4444",
            "appidacr": "0",
            "family_name": "Lovelace",
            "given_name": "Ada",
            "ipaddr": "203.0.113.7",
            "name": "Ada Lovelace",
            "oid": "aaaaaaaa-0000-1111-2222-bbbbbbbbbbbb",
            "scp": "user_impersonation",
            "sub": "l3_roISQU222bULS9yi2k0XpqpOiMz5H3ZACo1GeXA",
            "tid": DIRECTORY,
            "unique_name": "ada@acme.example",
            "upn": "ada@acme.example",
            "uti": "FVsGxYXI30-TuikuuUoFAA",
            "ver": "1.0",
        },
        subject="aaaaaaaa-0000-1111-2222-bbbbbbbbbbbb",
        scopes={"user_impersonation"},
        elsewhere={"tid": GLOBEX},
        signing=ENTRA_SIGNING,
        made=ADA,
    ),
    "Okta": Provider(
        entry={
            "issuer": "https://acme.okta.com/oauth2/default",
            "audience": "api://default",
            "algorithms": ["RS256"],
            "discovery": True,
            "subject_claim": "uid",
            "email_claim": ["email", "sub"],
            "tenants": [ACME],
            "provision": True,
        },
        header={"kid": "45js03w0djwedsw", "typ": ...},
        claims={
            "ver": 1,
            "jti": "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE",
            "iss": "https://acme.okta.com/oauth2/default",
            "aud": "api://default",
            "cid": "nmdP1fcyvdVO11AL7ECm",
            "uid": "00uid4BxXw6I6TV4m0g3",
            "scp": ["openid", "profile:write"],
            "auth_time": 1467145094,
            "sub": "ada@acme.example",
        },
        subject="00uid4BxXw6I6TV4m0g3",
        scopes={"openid", "profile:write"},
        elsewhere={"tenant_id": GLOBEX},
        signing={"alg": "RS256", "kid": "45js03w0djwedsw", "use": "sig"},
        made={"email": "ada@acme.example", "first_name": None},
    ),
    "Okta with several tenants": Provider(
        entry={
            "issuer": "https://acme.okta.com/oauth2/default",
            "audience": "api://default",
            "algorithms": ["RS256"],
            "discovery": True,
            "subject_claim": "uid",
            "email_claim": ["email", "sub"],
            "tenant_claim": "groups",
            "tenant_ids": {"tenant-acme": ACME, "tenant-globex": GLOBEX},
            "provision": True,
        },
        header={"kid": "45js03w0djwedsw", "typ": ...},
        claims={
            "ver": 1,
            "jti": "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE",
            "iss": "https://acme.okta.com/oauth2/default",
            "aud": "api://default",
            "cid": "nmdP1fcyvdVO11AL7ECm",
            "uid": "00uid4BxXw6I6TV4m0g3",
            "scp": ["openid", "profile:write"],
            "auth_time": 1467145094,
            "sub": "ada@acme.example",
            "groups": ["tenant-acme"],
            "given_name": "Ada",
        },
        subject="00uid4BxXw6I6TV4m0g3",
        scopes={"openid", "profile:write"},
        elsewhere={"groups": ["Everyone", "tenant-acme"]},
        signing={"alg": "RS256", "kid": "45js03w0djwedsw", "use": "sig"},
        made={"email": "ada@acme.example", "first_name": "Ada"},
    ),
    "Cognito, access tokens": Provider(
        name="Cognito",
        entry=COGNITO_ENTRY,
        header={"kid": "1234example=", "typ": ...},
        claims={
            "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
            "device_key": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
            "cognito:groups": ["acme"],
            "iss": COGNITO,
            "version": 2,
            "client_id": "1example23456789",
            "origin_jti": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
            "event_id": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
            "token_use": "access",
            "scope": "phone openid profile resourceserver.1/appclient2 email",
            "auth_time": 1676313851,
            "jti": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
            "username": "ada",
        },
        subject="aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
        scopes={"phone", "openid", "profile", "resourceserver.1/appclient2", "email"},
        elsewhere={"cognito:groups": ["acme", "globex"]},
        signing={"alg": "RS256", "kid": "1234example=", "use": "sig"},
        beside=[public_jwk(rsa_key("second"), alg="RS256", kid="5678example=", use="sig")],
    ),
    "Cognito, ID tokens": Provider(
        name="Cognito",
        entry=COGNITO_ENTRY,
        header={"kid": "1234example=", "typ": ...},
        claims={
            "sub": "bbbbbbbb-bbbb-cccc-dddd-eeeeeeeeeeee",
            "cognito:groups": ["acme"],
            "email_verified": True,
            "cognito:preferred_role": "arn:aws:iam::111122223333:role/my-test-role",
            "iss": COGNITO,
            "cognito:username": "ada",
            "given_name": "Ada",
            "family_name": "Lovelace",
            "nonce": "abcdefg",
            "origin_jti": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
            "aud": "1example23456789",
            "event_id": "64f513be-32db-42b0-b78e-b02127b4f463",
            "token_use": "id",
            "auth_time": 1676312777,
            "jti": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
            "email": "ada@acme.example",
        },
        subject="bbbbbbbb-bbbb-cccc-dddd-eeeeeeeeeeee",
        elsewhere={"cognito:groups": []},
        signing={"alg": "RS256", "kid": "1234example=", "use": "sig"},
        made=ADA,
    ),
    "Keycloak, organizations with their ids": Provider(
        entry={
            "issuer": "https://id.example/realms/acme",
            "audience": "profile",
            "algorithms": ["RS256"],
            "discovery": True,
            "tenant_claim": ["/organization/acme/id", "/organization/globex/id"],
            "provision": True,
        },
        header={"kid": KEYCLOAK_SIGNING["kid"]},
        claims=KEYCLOAK_CLAIMS | {"organization": {"acme": {"id": ACME, "tier": ["gold"]}}},
        subject=KEYCLOAK_CLAIMS["sub"],
        scopes={"openid", "organization", "profile", "email"},
        elsewhere={"organization": {"initech": {"id": ACME}}},
        signing=KEYCLOAK_SIGNING,
        beside=KEYCLOAK_BESIDE,
        made=ADA,
    ),
    "Keycloak, organizations in a list": Provider(
        entry={
            "issuer": "https://id.example/realms/acme",
            "audience": "profile",
            "algorithms": ["RS256", "EdDSA"],
            "jwks_url": "http://keycloak:8080/realms/acme/protocol/openid-connect/certs",
            "allow_http": True,
            "tenant_claim": "organization",
            "tenant_ids": {"acme": ACME, "globex": GLOBEX},
            "provision": True,
        },
        header={"kid": "ed"},
        claims=KEYCLOAK_CLAIMS | {"organization": ["acme"]},
        subject=KEYCLOAK_CLAIMS["sub"],
        scopes={"openid", "organization", "profile", "email"},
        elsewhere={"organization": ["acme", "globex"]},
        signing={"kid": "ed", "alg": "EdDSA", "use": "sig"},
        beside=[*KEYCLOAK_BESIDE, public_jwk(rsa_key(), **KEYCLOAK_SIGNING)],
        made=ADA,
        algorithm="EdDSA",
    ),
    "Duende IdentityServer": Provider(
        entry={
            "issuer": "https://id.example",
            "audience": "urn:profile",
            "algorithms": ["RS256"],
            "discovery": True,
            "tenant_claim": "tenant",
        },
        header={"kid": "E1CA1B6A3F4B9D8C", "typ": "at+jwt"},
        claims={
            "iss": "https://id.example",
            "aud": "urn:profile",
            "scope": ["openid", "profile", "profile:write", "offline_access"],
            "amr": ["pwd"],
            "client_id": "interactive.public",
            "sub": "88421113",
            "auth_time": 1_700_000_000,
            "idp": "local",
            "sid": "F2D4D1A0F0B9D7A3",
            "jti": "6E5B3A0A2C1D4F60",
            "tenant": ACME,
        },
        subject="88421113",
        scopes={"openid", "profile", "profile:write", "offline_access"},
        elsewhere={"tenant": "acme"},
        signing={"use": "sig", "kid": "E1CA1B6A3F4B9D8C", "alg": "RS256"},
    ),
    "Google, ID tokens": Provider(
        entry=GOOGLE_ENTRY,
        header={"kid": "08d3245c62f86b6362afcbbffe1d069826dd1dc1"},
        claims=GOOGLE_CLAIMS,
        subject=GOOGLE_CLAIMS["sub"],
        elsewhere={"hd": ...},
        signing={"kid": "08d3245c62f86b6362afcbbffe1d069826dd1dc1", "alg": "RS256", "use": "sig"},
        beside=GOOGLE_BESIDE,
        made=ADA,
    ),
    "Google, ID tokens whose issuer is no URL": Provider(
        entry={name: each for name, each in GOOGLE_ENTRY.items() if name != "discovery"}
        | {
            "issuer": "accounts.google.com",
            "jwks_url": "https://www.googleapis.com/oauth2/v3/certs",
        },
        header={"kid": "08d3245c62f86b6362afcbbffe1d069826dd1dc1"},
        claims=GOOGLE_CLAIMS | {"iss": "accounts.google.com", "email_verified": "true"},
        subject=GOOGLE_CLAIMS["sub"],
        elsewhere={"hd": "gmail.com"},
        signing={"kid": "08d3245c62f86b6362afcbbffe1d069826dd1dc1", "alg": "RS256", "use": "sig"},
        beside=GOOGLE_BESIDE,
        made=ADA,
    ),
}
for name, provider in PROVIDERS.items():
    provider.name = provider.name or name
