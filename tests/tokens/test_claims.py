import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profile_domain.errors import DomainError
from profile_infra.tokens.claims import LEEWAY
from profile_testing.signing import (
    AUDIENCE,
    ISSUER,
    OTHER_TENANT,
    TENANT,
    claims,
    issuer,
    outcome,
    token,
    tokens_of,
)

NOW = 1_800_000_000


def at(moment=NOW, **changes):
    return tokens_of(issuer(**changes), now=lambda: moment)


async def judged(tokens=None, **changes) -> str:
    return await outcome(tokens or at(), token(claims(NOW, **changes)))


# Dates


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"exp": NOW + 1}, "accepted"),
        ({"exp": NOW + 0.5}, "accepted"),
        ({"exp": NOW - LEEWAY + 1}, "accepted"),
        ({"exp": NOW - LEEWAY + 0.001}, "accepted"),
        ({"exp": NOW - LEEWAY}, "expired"),
        ({"exp": NOW - LEEWAY - 1}, "expired"),
        ({"exp": 0}, "expired"),
        ({"exp": -1}, "expired"),
        ({"exp": 253_402_300_799}, "accepted"),
        ({"exp": 253_402_300_800}, "invalid"),
        ({"exp": ...}, "invalid"),
        ({"nbf": NOW + LEEWAY}, "accepted"),
        ({"nbf": NOW + LEEWAY + 0.001}, "invalid"),
        ({"nbf": NOW + LEEWAY + 1}, "invalid"),
        ({"nbf": -5}, "accepted"),
        ({"iat": NOW + LEEWAY}, "accepted"),
        ({"iat": NOW + LEEWAY + 1}, "invalid"),
        ({"iat": ...}, "accepted"),
        ({"iat": 0}, "accepted"),
    ],
)
async def test_the_dates_of_a_token_bear_thirty_seconds(changes, expected):
    assert LEEWAY == 30
    assert await judged(**changes) == expected


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize(
    "written",
    [
        "null",
        "true",
        "false",
        '"1800000300"',
        '""',
        "[]",
        "[1800000300]",
        "{}",
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        "-1e999",
        "1e308",
        "-1e300",
        "9" * 400,
        "9" * 5000,
        "-" + "9" * 400,
    ],
)
async def test_a_date_is_a_finite_number_of_this_calendar(name, written):
    rest = json.dumps(claims(NOW, **{name: ...}))[:-1]
    assert await outcome(at(), token(f'{rest},"{name}":{written}}}'.encode())) == "invalid"


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "other"},
        {"sub": ...},
        {"tenant_id": ...},
        {"scope": 5},
        {"nbf": NOW + 60},
        {"iat": NOW + 60},
    ],
)
async def test_only_an_otherwise_valid_token_is_reported_as_expired(changes):
    assert await judged(exp=NOW - 60) == "expired"
    assert await judged(exp=NOW - 60, **changes) == "invalid"
    assert await outcome(at(), token(claims(NOW, exp=NOW - 60), key="y" * 32)) == "invalid"


# Who and for whom


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"iss": ISSUER + "/"}, "invalid"),
        ({"iss": ISSUER.upper()}, "invalid"),
        ({"iss": ""}, "invalid"),
        ({"iss": ...}, "invalid"),
        ({"iss": None}, "invalid"),
        ({"iss": [ISSUER]}, "invalid"),
        ({"iss": {}}, "invalid"),
        ({"aud": [AUDIENCE]}, "accepted"),
        ({"aud": ["x", AUDIENCE]}, "accepted"),
        ({"aud": ...}, "invalid"),
        ({"aud": None}, "invalid"),
        ({"aud": ""}, "invalid"),
        ({"aud": []}, "invalid"),
        ({"aud": AUDIENCE + " "}, "invalid"),
        ({"aud": AUDIENCE[:-1]}, "invalid"),
        ({"aud": [AUDIENCE, 5]}, "invalid"),
        ({"aud": [[AUDIENCE]]}, "invalid"),
        ({"aud": {AUDIENCE: 1}}, "invalid"),
        ({"aud": 5}, "invalid"),
        ({"sub": "x" * 255}, "accepted"),
        ({"sub": "x" * 256}, "invalid"),
        ({"sub": "\U0001f600" * 255}, "accepted"),
        ({"sub": "auth0|5f7c|x y"}, "accepted"),
        ({"sub": "ÀÉ日本"}, "accepted"),
        ({"sub": ""}, "invalid"),
        ({"sub": ...}, "invalid"),
        ({"sub": None}, "invalid"),
        ({"sub": 5}, "invalid"),
        ({"sub": 0}, "invalid"),
        ({"sub": ["ada"]}, "invalid"),
        ({"sub": "a\0"}, "invalid"),
        ({"sub": "a\nb"}, "invalid"),
        ({"sub": "a\x7f"}, "invalid"),
        ({"sub": "a\x85"}, "invalid"),
        ({"sub": "\ud800"}, "invalid"),
        ({"sub": "\udc00\ud800"}, "invalid"),
        ({"scope": ""}, "accepted"),
        ({"scope": " "}, "accepted"),
        ({"scope": None}, "accepted"),
        ({"scope": []}, "accepted"),
        ({"scope": ["a"]}, "accepted"),
        ({"scope": [None]}, "invalid"),
        ({"scope": ["a", 5]}, "invalid"),
        ({"scope": [["a"]]}, "invalid"),
        ({"scope": ["a", "\n"]}, "invalid"),
        ({"scope": {}}, "invalid"),
        ({"scope": {"a": 1}}, "invalid"),
        ({"scope": False}, "invalid"),
        ({"scp": 5}, "invalid"),
        ({"scp": ["\ud800"]}, "invalid"),
        ({"scope": "a", "scp": 5}, "accepted"),
        ({"scope": 5}, "invalid"),
        ({"scope": "a\tb"}, "invalid"),
        ({"scope": "a \ud800"}, "invalid"),
    ],
)
async def test_issuer_audience_subject_and_scope(changes, expected):
    assert await judged(**changes) == expected


async def test_any_of_the_audiences_will_do():
    made = at(audience=["a", "b"])
    for sent in ("a", "b", ["c", "b"]):
        assert await judged(made, aud=sent) == "accepted"
    assert await judged(made, aud=["c"]) == "invalid"


async def test_a_subject_and_scopes_are_taken_as_they_are():
    identity = await at().verify(token(claims(NOW, sub=" Ada ", scope=" b  a b ")))
    assert identity.subject == " Ada "
    assert identity.scopes == {"a", "b"}


@pytest.mark.parametrize(
    ("changes", "scopes"),
    [
        ({}, set()),
        ({"scope": None}, set()),
        ({"scope": ""}, set()),
        ({"scope": []}, set()),
        ({"scope": ["", " "]}, set()),
        ({"scp": None}, set()),
        ({"scope": ["openid", "profile:write"]}, {"openid", "profile:write"}),
        ({"scope": ["openid profile:write"]}, {"openid", "profile:write"}),
        ({"scp": "openid profile:write"}, {"openid", "profile:write"}),
        ({"scp": ["openid", "profile:write"]}, {"openid", "profile:write"}),
        ({"scope": "a", "scp": "b"}, {"a"}),
        ({"scope": "", "scp": "b"}, set()),
        ({"scope": None, "scp": "b"}, set()),
    ],
)
async def test_scopes_are_those_of_scope_or_without_it_of_scp(changes, scopes):
    assert (await at().verify(token(claims(NOW, **changes)))).scopes == scopes


# Tenants

ONE, TWO = [TENANT], [TENANT, OTHER_TENANT]
THIRD = "33333333-0000-4000-8000-000000000003"


@pytest.mark.parametrize(
    ("tenants", "sent", "expected"),
    [
        (None, TENANT, TENANT),
        (None, TENANT.upper(), TENANT),
        (None, ..., None),
        (ONE, TENANT, TENANT),
        (ONE, TENANT.upper(), TENANT),
        (ONE, ..., TENANT),
        (ONE, OTHER_TENANT, None),
        (ONE, None, None),
        (ONE, "", None),
        (TWO, TENANT, TENANT),
        (TWO, OTHER_TENANT, OTHER_TENANT),
        (TWO, THIRD, None),
        (TWO, ..., None),
    ],
)
async def test_the_tenant_is_the_claims_within_what_the_issuer_speaks_for(tenants, sent, expected):
    tokens = at(tenants=tenants)
    sent = token(claims(NOW, tenant_id=sent))
    if expected is None:
        with pytest.raises(DomainError):
            await tokens.verify(sent)
    else:
        assert str((await tokens.verify(sent)).tenant_id) == expected


@pytest.mark.parametrize(
    "sent",
    [
        None,
        5,
        True,
        "",
        [],
        [[TENANT]],
        [TENANT, TENANT],
        [TENANT, OTHER_TENANT],
        [TENANT, None],
        [None],
        {"id": TENANT},
        {"0": TENANT},
        TENANT.replace("-", ""),
        f"{{{TENANT}}}",
        f"urn:uuid:{TENANT}",
        TENANT + "\n",
        " " + TENANT,
        TENANT[:-1],
        TENANT[:-1] + "\u0661",
        TENANT[:-1] + "\ud800",
    ],
)
async def test_a_tenant_is_a_uuid_in_its_one_form(sent):
    assert await judged(tenant_id=sent) == "invalid"
    assert await judged(at(tenants=ONE), tenant_id=sent) == "invalid"


async def test_the_tenants_claim_may_have_another_name():
    made = at(tenant_claim="https://app.example/org")
    changes = {"https://app.example/org": OTHER_TENANT}
    identity = await made.verify(token(claims(NOW, **changes)))
    assert str(identity.tenant_id) == OTHER_TENANT
    assert await judged(made) == "invalid"


# Anything at all

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=8)
    | st.sampled_from([ISSUER, AUDIENCE, TENANT, "JWT", "HS256", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


def members(*names):
    return st.dictionaries(st.sampled_from(names) | st.text(max_size=4), json_values, max_size=4)


segments = st.text("ABCDwxyz0189-_=+", max_size=12)


@given(st.text() | st.lists(segments, min_size=3, max_size=3).map(".".join))
async def test_arbitrary_text_is_unauthenticated(text):
    assert await outcome(at(), text) == "invalid"


@given(st.binary(), st.binary())
async def test_arbitrary_bytes_in_a_token_are_unauthenticated(header, payload):
    assert await outcome(at(), token(payload, header=header)) == "invalid"


@given(members("typ", "alg", "kid", "crit", "jwk", "b64"))
async def test_an_arbitrary_header_breaks_nothing(header):
    made = await outcome(at(), token(claims(NOW), header=header))
    assert made in {"accepted", "invalid"}
    assert made == "invalid" or header.get("alg", "HS256") == "HS256"


@given(members("iss", "aud", "sub", "exp", "nbf", "iat", "scope", "tenant_id"))
async def test_arbitrary_claims_break_nothing(changes):
    assert await judged(**changes) in {"accepted", "invalid", "expired"}
    assert await outcome(at(), token(changes)) == "invalid"
