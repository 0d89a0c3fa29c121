"""Tokens that are refused, each with the word that the log has for it."""

from profile_testing.signing import claims, issuer, public_jwk, rsa_key, token, write_jwks
from running import OTHER_TENANT, SIGNER, TENANT

PUBLISHED = issuer(
    issuer="https://keys.example", secret=None, algorithms=["RS256"], jwks_file="keys.json"
)
ONE_TENANT = issuer(issuer="https://one.example", tenants=[TENANT])


def of(**changes):
    return token(claims(**changes))


def by_key(name, **header):
    return token(claims(iss=PUBLISHED.issuer), algorithm="RS256", key=rsa_key(name), header=header)


# The word, what is sent, and what the answer tells of it.
REFUSED = [
    ("header", None, "missing"),
    ("header", "Basic YWRhOmFkYQ==", "missing"),
    ("header", "Bearer", "invalid"),
    ("header", "Bearer ", "invalid"),
    ("form", "Bearer a.b.c", "invalid"),
    ("form", "Bearer " + "x" * 20_000, "invalid"),
    ("form", "Bearer \u00e9.\u00e9.\u00e9", "invalid"),
    ("form", of() + "=", "invalid"),
    ("form", of()[:-1] + "~", "invalid"),
    ("form", token(b"[]"), "invalid"),
    ("form", of(exp=...), "invalid"),
    ("form", of(exp="tomorrow"), "invalid"),
    ("form", of(iat=True), "invalid"),
    ("issuer", of(iss="https://elsewhere.example"), "invalid"),
    ("issuer", of(iss=...), "invalid"),
    ("issuer", of(iss=[SIGNER.issuer]), "invalid"),
    ("header", token(header={"alg": "none"}), "invalid"),
    ("header", token(header={"alg": "HS512"}), "invalid"),
    ("header", token(header={"crit": ["exp"]}), "invalid"),
    ("header", token(header={"typ": "logout+jwt"}), "invalid"),
    ("header", token(header={"kid": 5}), "invalid"),
    ("key", by_key("first", kid="another"), "invalid"),
    ("signature", by_key("second", kid="k"), "invalid"),
    ("signature", by_key("second"), "invalid"),
    ("signature", token(key="another-secret-that-is-long-enough"), "invalid"),
    ("signature", of().rpartition(".")[0] + ".", "invalid"),
    ("audience", of(aud="somebody-else"), "invalid"),
    ("audience", of(aud=...), "invalid"),
    ("expired", of(exp=1), "expired"),
    ("not_yet", of(nbf=4_000_000_000), "invalid"),
    ("not_yet", of(iat=4_000_000_000), "invalid"),
    ("tenant", of(tenant_id="acme"), "invalid"),
    ("tenant", of(tenant_id=...), "invalid"),
    ("tenant", of(iss=ONE_TENANT.issuer, tenant_id=OTHER_TENANT), "invalid"),
    ("subject", of(sub=""), "invalid"),
    ("subject", of(sub=...), "invalid"),
    ("scope", of(scope=5), "invalid"),
    ("scope", of(scp=["a", 5]), "invalid"),
    # Of several the one that a person cannot mend by a new token.
    ("audience", of(exp=1, aud="somebody-else"), "invalid"),
    ("signature", token(claims(exp=1), key="another-secret-that-is-long-enough"), "invalid"),
]


def issuers_in(folder):
    """The three that these tokens name, with the keys of one in a file of this folder."""
    file = write_jwks(folder / "keys.json", public_jwk(rsa_key(), kid="k"))
    return [SIGNER, PUBLISHED.model_copy(update={"jwks_file": file}), ONE_TENANT]
