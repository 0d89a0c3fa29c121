"""Claims as each issuer is configured: by name, by pointer, the first of a list, mapped to tenants."""

import json
import sys
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generated_claims import NOW, configurations, sent_claims
from profile_domain.errors import DomainError
from profile_infra.tokens.claims import claims_for, tenant_of
from profile_infra.tokens.issuers import CLAIM_LENGTH, MAX_CLAIMS
from profile_infra.tokens.jose import sign
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

ONE = [TENANT]


def at(**changes):
    return tokens_of(issuer(**changes), now=lambda: NOW)


async def judged(tokens, **changes) -> str:
    return await outcome(tokens, token(claims(NOW, **changes)))


async def assert_tenant(tokens, sent, expected):
    if expected is None:
        assert await outcome(tokens, sent) == "invalid"
    else:
        assert str((await tokens.verify(sent)).tenant_id) == expected


async def test_a_list_of_exactly_one_tenant_is_that_tenant():
    for made in (at(), at(tenants=ONE)):
        assert str((await made.verify(token(claims(NOW, tenant_id=[TENANT])))).tenant_id) == TENANT
    assert await judged(at(tenants=ONE), tenant_id=[OTHER_TENANT]) == "invalid"
    mapped = at(tenant_ids={"acme": TENANT})
    assert await judged(mapped, tenant_id=["acme"]) == "accepted"
    assert await judged(mapped, tenant_id=["acme", "other"]) == "invalid"


@pytest.mark.parametrize(
    ("path", "sent", "expected"),
    [
        ("/a", {"a": TENANT}, TENANT),
        ("/a/b/c", {"a": {"b": {"c": TENANT}}}, TENANT),
        ("/a/0", {"a": [TENANT, OTHER_TENANT]}, TENANT),
        ("/a/1/b", {"a": [5, {"b": [TENANT]}]}, TENANT),
        ("/a/0", {"a": {"0": TENANT}}, TENANT),
        ("/", {"": TENANT}, TENANT),
        ("/a/", {"a": {"": TENANT}}, TENANT),
        ("/a~1b", {"a/b": TENANT}, TENANT),
        ("/a~0b", {"a~b": TENANT}, TENANT),
        ("/~01", {"~1": TENANT}, TENANT),
        ("/https:~1~1app.example~1org", {"https://app.example/org": TENANT}, TENANT),
        ("a.b", {"a.b": TENANT}, TENANT),
        ("a/b", {"a/b": TENANT, "a": {"b": OTHER_TENANT}}, TENANT),
        ("a.b", {"a": {"b": TENANT}}, None),
        ("/a/b", {"a/b": TENANT, "/a/b": TENANT}, None),
        ("/a/b", {"a": TENANT}, None),
        ("/a/b", {"a": None}, None),
        ("/a/-", {"a": [TENANT]}, None),
        ("/a/00", {"a": [TENANT]}, None),
        ("/a/-1", {"a": [TENANT]}, None),
        ("/a/+0", {"a": [TENANT]}, None),
        ("/a/\u0660", {"a": [TENANT]}, None),
        ("/a/1", {"a": [TENANT]}, None),
        ("/a/" + "9" * 400, {"a": [TENANT]}, None),
        ("/a/0", {"a": TENANT}, None),
        ("/a", {"a": {"a": TENANT}}, None),
        (["/a/id", "/b/id"], {"b": {"id": TENANT}}, TENANT),
        (["/a/id", "/b/id"], {"a": {"id": TENANT}, "b": {"id": OTHER_TENANT}}, TENANT),
        (["x", "y"], {"x": None, "y": TENANT}, TENANT),
        (["x", "y"], {"x": "", "y": TENANT}, None),
        (["x", "y"], {"x": "acme", "y": TENANT}, None),
        (["x", "y"], {"tenant_id": TENANT}, None),
    ],
)
async def test_a_claim_is_read_by_its_name_by_a_pointer_or_as_the_first_of_a_list(
    path, sent, expected
):
    await assert_tenant(at(tenant_claim=path), token(claims(NOW, tenant_id=...) | sent), expected)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("org_9fXq", TENANT),
        ("org_0000", OTHER_TENANT),
        ("ORG_9fXq", None),
        ("org_9fXq ", None),
        ("", None),
        (None, None),
        (..., None),
        (TENANT, None),
        (OTHER_TENANT, None),
        ({"org_9fXq": 1}, None),
        (["org_9fXq"], TENANT),
        (["org_9fXq", "org_0000"], None),
    ],
)
async def test_with_tenant_ids_a_claim_says_what_stands_there_and_nothing_else(sent, expected):
    made = at(tenant_ids={"org_9fXq": TENANT, "org_0000": OTHER_TENANT})
    await assert_tenant(made, token(claims(NOW, tenant_id=sent)), expected)


async def test_with_tenant_ids_a_token_without_the_claim_is_nobodys_even_of_an_only_tenant():
    made = at(tenant_claim="hd", tenant_ids={"acme.example": TENANT}, tenants=ONE)
    assert await judged(made, hd="acme.example") == "accepted"
    assert await judged(made) == "invalid"
    assert await judged(at(tenant_claim="hd", tenants=ONE), tenant_id=...) == "accepted"


async def test_the_subject_may_be_another_claim():
    made = at(subject_claim=["oid", "sub"])
    assert (await made.verify(token(claims(NOW, oid="stable")))).subject == "stable"
    assert (await made.verify(token(claims(NOW)))).subject == "ada"
    assert await judged(made, oid=5) == "invalid"
    assert await judged(made, oid="") == "invalid"
    assert await judged(at(subject_claim="oid")) == "invalid"


async def test_the_audience_may_be_another_claim():
    made = at(audience_claim="client_id")
    assert await judged(made, aud=..., client_id=AUDIENCE) == "accepted"
    assert await judged(made, aud="other", client_id=AUDIENCE) == "accepted"
    assert await judged(made, client_id="other") == "invalid"
    assert await judged(made) == "invalid"
    either = at(audience_claim=["aud", "client_id"])
    assert await judged(either, aud=..., client_id=AUDIENCE) == "accepted"
    assert await judged(either) == "accepted"
    assert await judged(either, aud="other", client_id=AUDIENCE) == "invalid"
    assert await judged(either, aud=[], client_id=AUDIENCE) == "invalid"


async def test_the_email_may_be_another_claim_and_is_verified_all_the_same():
    made = at(email_claim=["email", "preferred_username", "/emails/0"], provision=True)

    async def email(**changes):
        return (await made.verify(token(claims(NOW, **changes)))).record.email

    first, second = "a@acme.example", "b@acme.example"
    assert await email(email=first, preferred_username=second) == first
    assert await email(preferred_username=second) == second
    assert await email(email=None, emails=["c@acme.example"]) == "c@acme.example"
    assert await email(preferred_username=second, email_verified=False) is None
    assert await email(preferred_username="bob") is None
    assert await email() is None
    named = at(email_claim="preferred_username", provision=True)
    assert (await named.verify(token(claims(NOW, email=first)))).record.email is None


def lines_run(work):
    """How many lines of Python a call runs through."""
    count = 0

    def trace(frame, event, _):
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def test_the_longest_pointers_into_the_deepest_claims_cost_linear_work():
    inner = {}
    for _ in range(CLAIM_LENGTH):
        inner = {"": inner}

    def worked(length, paths):
        made = issuer(tenant_claim=["/" * length + f"{number:03}" for number in range(paths)])

        def ask():
            with pytest.raises(DomainError):
                tenant_of(made, inner)

        return lines_run(ask)

    assert worked(128, 1) < 2.2 * worked(64, 1)
    assert worked(64, 64) < 66 * worked(64, 1)
    # The most that any configuration reads of any token.
    assert worked(CLAIM_LENGTH - 3, MAX_CLAIMS) < 10 * MAX_CLAIMS * CLAIM_LENGTH


@given(configurations, sent_claims, st.booleans())
async def test_no_configuration_lets_a_token_speak_for_a_tenant_that_is_not_the_issuers(
    configuration, sent, listed
):
    """Neither for one that its tenants lack, nor for one that its tenant_ids lack."""
    if listed or "tenant_ids" not in configuration:
        configuration = configuration | {"tenants": ONE}
    made = at(**configuration)
    try:
        identity = await made.verify(token(claims(NOW) | sent | {"iss": ISSUER}))
    except DomainError:
        return
    assert str(identity.tenant_id) == TENANT
    assert identity.issuer == ISSUER
    assert identity.subject


@given(configurations, sent_claims)
async def test_no_configuration_lets_in_what_another_issuer_has_signed(configuration, sent):
    mine, theirs = issuer(**configuration), issuer(issuer="https://other.example", secret="y" * 32)
    made = tokens_of(mine, theirs, now=lambda: NOW)
    signed = claims(NOW) | sent
    assert await outcome(made, token(signed | {"iss": ISSUER}, key="y" * 32)) == "invalid"
    assert await outcome(made, token(signed | {"iss": theirs.issuer})) == "invalid"


@given(configurations, sent_claims)
async def test_no_configuration_lets_in_what_is_meant_for_others(configuration, sent):
    elsewhere = json.loads(json.dumps(sent).replace(AUDIENCE, "somebody-else"))
    signed = claims(NOW, aud="somebody-else") | elsewhere | {"iss": ISSUER}
    assert await outcome(at(**configuration), token(signed)) == "invalid"


@given(configurations)
async def test_what_is_signed_for_a_person_names_that_person_whatever_the_configuration(
    configuration,
):
    made = issuer(**configuration)
    try:
        named = claims_for(made, UUID(TENANT), "ada")
    except ValueError as refused:
        assert "in each other's place" in str(refused)
        return
    sent = sign(made, {**named, "exp": NOW + 60})
    identity = await tokens_of(made, now=lambda: NOW).verify(sent)
    assert (str(identity.tenant_id), identity.subject) == (TENANT, "ada")


def test_nothing_is_signed_that_names_nobody():
    overlapping = issuer(subject_claim="/org", tenant_claim="/org/id")
    with pytest.raises(ValueError, match="in each other's place"):
        claims_for(overlapping, UUID(TENANT), "ada")
    with pytest.raises(ValueError, match="no word for the tenant"):
        claims_for(issuer(tenant_ids={"acme": TENANT}), UUID(OTHER_TENANT), "ada")
    nested = issuer(tenant_claim="/organization/acme/id", audience_claim=["client_id", "aud"])
    assert claims_for(nested, UUID(TENANT), "ada") == {
        "iss": ISSUER,
        "client_id": AUDIENCE,
        "sub": "ada",
        "organization": {"acme": {"id": TENANT}},
    }
