"""No log contains anything of a token or a header that identifies a person."""

import io
import itertools
import json
import sqlite3

import pytest

from profile_api.telemetry import logs
from profile_domain.errors import Code
from profile_infra.people.provisioning import TokenProvisioning
from profile_infra.stores.sqlite.store import SqliteProfiles
from profile_infra.tokens.jose import JoseTokens
from profile_testing.signing import claims, issuer, token
from running import ME, ME_QUERY, TENANT, UPDATE, Nowhere, running

MAKES = issuer(issuer="https://makes.example", provision=True)
KNOWS = issuer(issuer="https://knows.example")
WAYS = ("GET", "PUT", "me", "update")

count = itertools.count()


def planted(what: str) -> str:
    """A text that stands nowhere else."""
    return f"planted{what}{next(count):04}"


@pytest.fixture
def logged():
    """All that is logged, as text."""
    stream = io.StringIO()
    logs.configure("json", stream)
    yield stream.getvalue
    logs.configure("json", Nowhere())


@pytest.fixture
async def service(logged, tmp_path):
    async with running(tmp_path, issuers=[MAKES, KNOWS]) as service:
        yield service


def person(by, **changes):
    """The claims of somebody new; every text in them is planted."""
    return claims(
        **{
            "iss": by.issuer,
            "sub": f"{planted('subject')}@acme.example",
            "email": f"{planted('email')}@acme.example",
            "given_name": planted("given"),
            "family_name": planted("family"),
            "scope": planted("scope"),
            "jti": planted("jti"),
            "preferred_username": planted("username"),
        }
        | changes
    )


# What becomes of a token: claims that differ, a header, another secret, and the code it leads to.
TOKENS = {
    "made": ({}, {}, {}, None),
    "with names to mend": ({"given_name": "\u2068planted-mended\0" + "x" * 300}, {}, {}, None),
    "with names of no use": ({"given_name": ["planted-list"], "family_name": 7}, {}, {}, None),
    "without an email": ({"email": ...}, {}, {}, Code.NOT_FOUND),
    "with an email of no use": ({"email": "planted at acme"}, {}, {}, Code.NOT_FOUND),
    "with an unverified email": ({"email_verified": False}, {}, {}, Code.NOT_FOUND),
    "forbidden": ({"email": "hidden-planted@acme.example"}, {}, {}, Code.FORBIDDEN),
    "of no issuer": ({"iss": "https://planted-issuer.example"}, {}, {}, Code.UNAUTHENTICATED),
    "for others": ({"aud": ["planted-audience"]}, {}, {}, Code.UNAUTHENTICATED),
    "expired": ({"exp": 1}, {}, {}, Code.UNAUTHENTICATED),
    "of a strange date": ({"iat": "planted-date"}, {}, {}, Code.UNAUTHENTICATED),
    "of no tenant": ({"tenant_id": "planted-tenant"}, {}, {}, Code.UNAUTHENTICATED),
    "of another tenant": ({}, {}, {"X-Tenant-ID": TENANT[:-1] + "0"}, Code.TENANT_MISMATCH),
    "of a subject that is none": ({"sub": ["planted-sub"]}, {}, {}, Code.UNAUTHENTICATED),
    "of scopes that are none": ({"scope": {"planted-scope": 1}}, {}, {}, Code.UNAUTHENTICATED),
    "with a strange kid": ({}, {"header": {"kid": ["planted-kid"]}}, {}, Code.UNAUTHENTICATED),
    "critical": ({}, {"header": {"crit": ["planted-crit"]}}, {}, Code.UNAUTHENTICATED),
    "forged": ({}, {"key": "planted-secret-that-is-not-ours-at-all"}, {}, Code.UNAUTHENTICATED),
    "beside strange headers": (
        {},
        {},
        {
            "X-Request-ID": "planted-id ",
            "traceparent": "00-planted-trace",
            "If-Match": '"planted-tag"',
            "User-Agent": "planted-agent",
            "Cookie": "planted-cookie=1",
            "baggage": "planted=baggage",
        },
        Code.PRECONDITION_FAILED,
    ),
}


async def ask(service, way, sent, **headers) -> str | None:
    """The code of the answer, or None where there is a profile in it."""
    headers = {"Authorization": f"Bearer {sent}", "X-Tenant-ID": TENANT} | headers
    if way == "GET":
        answer = await service.client.get(ME, headers=headers)
        return answer.json().get("code")
    if way == "PUT":
        body = {"display_name": planted("display")}
        answer = await service.client.put(ME, json=body, headers=headers)
        return answer.json().get("code")
    variables = {"input": {"displayName": planted("display")}, "ifMatch": headers.get("If-Match")}
    body = {"query": ME_QUERY} if way == "me" else {"query": UPDATE, "variables": variables}
    results = (await service.client.post("/graphql", json=body, headers=headers)).json()
    if "errors" in results:
        return results["errors"][0]["extensions"]["code"]
    (result,) = results["data"].values()
    return result.get("code")


def assert_unsaid(text: str, *tokens: str) -> None:
    assert text
    assert "planted" not in text.lower()
    for each in tokens:
        assert not [part for part in each.split(".") if part in text]


@pytest.mark.parametrize("becomes", TOKENS)
async def test_no_claim_header_or_part_of_a_token_is_logged(service, logged, becomes):
    changes, form, headers, expected = TOKENS[becomes]
    tokens = []
    for way in WAYS:
        tokens += (token(person(by, **changes), **form) for by in (MAKES, KNOWS))
        known, unknown = tokens[-2:]
        writes = way in {"PUT", "update"}
        may = {Code.PRECONDITION_FAILED: not writes, Code.FORBIDDEN: writes}.get(expected, False)
        assert await ask(service, way, known, **headers) == (None if may else expected)
        assert await ask(service, way, unknown, **headers)
    assert_unsaid(logged(), *tokens)


REFUSED = {
    Code.INVALID_TENANT_ID: ({}, {"X-Tenant-ID": "none"}),
    Code.TENANT_MISMATCH: ({}, {"X-Tenant-ID": TENANT[:-1] + "0"}),
    Code.NOT_FOUND: ({"email": ...}, {}),
    Code.RATE_LIMITED: ({}, {}),
}


@pytest.mark.parametrize("code", REFUSED)
@pytest.mark.parametrize("way", ["PUT", "update"])
async def test_who_was_refused_before_the_user_was_known_is_logged_by_tenant_and_issuer(
    logged, tmp_path, code, way
):
    changes, headers = REFUSED[code]
    rate = "1/minute" if code is Code.RATE_LIMITED else "off"
    async with running(tmp_path, issuers=[MAKES], rate_limit=rate) as service:
        sent = token(person(MAKES, **changes))
        for _ in range(2):
            answered = await ask(service, way, sent, **headers)
    assert answered == code
    line = json.loads(logged().splitlines()[-1])
    assert (line["code"], line["tenant"], line["issuer"]) == (code, TENANT, MAKES.issuer)
    assert "user" not in line
    assert_unsaid(logged(), sent)


async def test_a_user_who_is_known_is_logged_by_id(service, logged):
    assert await ask(service, "GET", token(person(MAKES))) is None
    line = json.loads(logged().splitlines()[-1])
    assert (line["tenant"], "issuer" in line, len(line["user"])) == (TENANT, False, 36)


@pytest.mark.parametrize("where", ["load", "save", "users_of", "apply", "provision_user", "verify"])
@pytest.mark.parametrize("kind", [ValueError, sqlite3.IntegrityError, OSError])
async def test_no_logged_crash_contains_personal_data(service, logged, monkeypatch, where, kind):
    results = person(MAKES)
    tokens = [token(results)]
    await ask(service, "GET", *tokens)
    results |= {"given_name": planted("news"), "iat": results["iat"] + 1}

    async def crash(*asked, **_):
        # These say nothing but what their library says.
        own = issubclass(kind, OSError | sqlite3.Error)
        raise kind("disk failed" if own else f"{results} {asked}") from KeyError(str(results))

    owner = {"provision_user": TokenProvisioning, "verify": JoseTokens}
    monkeypatch.setattr(owner.get(where, SqliteProfiles), where, crash)
    for way in WAYS:
        tokens += token(results), token(person(MAKES))
        for each in tokens[-2:]:
            await ask(service, way, each)
    assert '"error"' in logged()
    assert_unsaid(logged(), *tokens)
