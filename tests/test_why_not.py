"""Why a token was refused: a word in the request's line of the log, and nothing of it in the answer."""

import io
import json
from typing import get_args

import pytest

from profile_api import logs
from profile_domain.errors import Why
from running import ME, ME_QUERY, OTHER_TENANT, SIGNER, TENANT, Nowhere, running
from signing import claims, issuer, public_jwk, rsa_key, token, write_jwks

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


@pytest.fixture(scope="module")
async def lines_of(tmp_path_factory):
    """What the service answers to a request, and the line that it logs of it."""
    stream = io.StringIO()
    logs.configure("json", stream)
    folder = tmp_path_factory.mktemp("why")
    file = write_jwks(folder / "keys.json", public_jwk(rsa_key(), kid="k"))
    published = PUBLISHED.model_copy(update={"jwks_file": file})
    async with running(folder, issuers=[SIGNER, published, ONE_TENANT]) as service:

        async def ask(method, path, **request):
            stream.seek(0)
            stream.truncate()
            answer = await service.client.request(method, path, **request)
            (line,) = stream.getvalue().splitlines()
            return answer, json.loads(line)

        ask.service = service
        yield ask
    logs.configure("json", Nowhere())


@pytest.mark.parametrize(("word", "sent", "told"), REFUSED)
async def test_each_401_is_told_to_the_log_by_a_word_and_to_the_client_by_none(
    lines_of, word, sent, told
):
    headers = {"X-Tenant-ID": TENANT}
    if sent is not None:
        scheme = "" if sent.startswith(("Basic", "Bearer")) else "Bearer "
        headers["Authorization"] = (scheme + sent).encode()
    by_rest, rest_line = await lines_of("GET", ME, headers=headers)
    by_graphql, graphql_line = await lines_of(
        "POST", "/graphql", headers=headers, json={"query": ME_QUERY}
    )
    written, written_line = await lines_of("PUT", ME, headers=headers, json={})
    assert by_rest.status_code == written.status_code == 401
    (error,) = by_graphql.json()["errors"]
    known = {key: value for key, value in by_rest.json().items() if key != "message"}
    assert known == error["extensions"] == {"code": "unauthenticated", "details": {"reason": told}}
    assert written.json() == by_rest.json()
    for line in (rest_line, graphql_line, written_line):
        assert (line["code"], line["reason"]) == ("unauthenticated", word)


def test_each_word_is_met():
    assert {word for word, *_ in REFUSED} == set(get_args(Why))


async def test_who_is_known_is_told_without_a_reason(lines_of):
    user = await lines_of.service.person()
    headers = lines_of.service.headers(user)
    for path in (ME, "/healthz", "/nowhere"):
        _, line = await lines_of("GET", path, headers=headers)
        assert "reason" not in line
    _, line = await lines_of("GET", ME, headers=headers | {"X-Tenant-ID": OTHER_TENANT})
    assert line["code"] == "tenant_mismatch"
    assert "reason" not in line
