"""What only REST can express: bodies, conditional requests, headers."""

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asking import assert_error
from compressing import handed_on
from fields import VALUES
from profile_api.rest.errors import STATUS
from profile_domain.errors import Code
from profile_domain.profile import EDITABLE
from running import ME, OTHER_TENANT

KEYS = ["id", "email", "name", "auth_provider", *EDITABLE]


async def test_a_profile_has_always_all_its_keys_and_no_other(service):
    user = await service.person("saml", first_name="Ada", email="ada@example.com")
    answer = await service.get(user)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["ETag"] == user.profile.etag
    assert list(answer.json()) == KEYS
    assert answer.json() == {
        "id": str(user.profile.id),
        "email": "ada@example.com",
        "name": "Ada",
        "auth_provider": "saml",
        **dict.fromkeys(EDITABLE),
        "first_name": "Ada",
    }


async def test_reading_writing_and_reading_again_changes_nothing(service):
    user = await service.person()
    before = await service.put(user, VALUES)
    sendable = {key: before.json()[key] for key in KEYS[4:]}
    answer = await service.put(user, sendable)
    assert answer.status_code == 200
    assert answer.json() == before.json()
    assert answer.headers["ETag"] == before.headers["ETag"]


@pytest.mark.parametrize(
    "header", ['"{version}"', '"x", "{version}"', "*", *handed_on('"{version}"')]
)
async def test_a_reader_who_has_this_version_gets_304(service, header):
    user = await service.person()
    header = header.replace("{version}", user.profile.etag.strip('"'))
    answer = await service.get(user, **{"If-None-Match": header})
    assert answer.status_code == 304
    assert answer.content == b""
    assert answer.headers["ETag"] == user.profile.etag


@pytest.mark.parametrize("header", ['"x"', "x", "", 'W/"x-gzip"'])
async def test_a_reader_who_has_not_gets_the_profile(service, header):
    user = await service.person()
    assert (await service.get(user, **{"If-None-Match": header})).status_code == 200


async def test_a_change_ends_304_and_the_old_tag_ends_an_update(service):
    user = await service.person(display_name="Ada")
    changed = await service.put(user, {"display_name": "Grace"})
    etag = changed.headers["ETag"]
    assert etag != user.profile.etag
    assert (await service.get(user, **{"If-None-Match": user.profile.etag})).status_code == 200
    stale = await service.put(user, {"display_name": "X"}, **{"If-Match": user.profile.etag})
    assert_error(stale, Code.PRECONDITION_FAILED)
    several = [("If-Match", '"x"'), ("If-Match", etag), ("Content-Type", "application/json")]
    sent = [*service.headers(user).items(), *several]
    answer = await service.client.put(ME, content=b'{"display_name":"Y"}', headers=sent)
    assert answer.status_code == 200


PREFERENCES = [
    ("return=minimal", True),
    ('Return = "minimal"; foo=1, wait=10', True),
    ("respond-async,return=minimal", True),
    ("return=minimal, return=representation", True),
    ('foo="a, return=representation", RETURN=minimal; x="1,2"', True),
    (r'foo="a\", return=representation", return="minimal"', True),
    ('foo="a, return=minimal"', False),
    ("foo; return=minimal", False),
    ("foo=1;bar, ,\treturn=minimal;", True),
    ("return=representation, return=minimal", False),
    ("return=representation", False),
    ("return=Minimal", False),
    ("return", False),
    ("minimal", False),
    ("returns=minimal", False),
    ("", False),
    (',;="', False),
    ('"' + r"\"" * 3000, False),
    ('note="a, return=minimal"', False),
    (r'note="a \", return=minimal"', False),
    ('note="a, b; c", return=minimal', True),
]


@pytest.mark.parametrize(("header", "minimal"), PREFERENCES)
async def test_who_prefers_it_is_told_the_entity_tag_alone(service, header, minimal):
    user = await service.person(first_name="Ada")
    for body in ({"first_name": "Grace", **VALUES}, {"first_name": "Grace"}):
        answer = await service.put(user, body, Prefer=header)
        seen = await service.get(user)
        assert answer.status_code == (204 if minimal else 200)
        assert answer.headers["ETag"] == seen.headers["ETag"]
        assert answer.headers.get("Preference-Applied") == ("return=minimal" if minimal else None)
        assert answer.content == (b"" if minimal else seen.content)
        assert ("Content-Length" in answer.headers) is not minimal
    assert seen.json()["avatar_base64"] == VALUES["avatar_base64"]


async def test_a_refusal_is_told_whatever_is_preferred(service):
    user = await service.person()
    answer = await service.put(user, {"first_name": None}, Prefer="return=minimal")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_type")
    assert "Preference-Applied" not in answer.headers


async def test_a_view_has_always_all_its_keys_whatever_is_preferred(service):
    user = await service.person()
    await service.put(user, VALUES)
    answer = await service.get(user, Prefer="return=minimal")
    assert list(answer.json()) == KEYS
    assert answer.json()["avatar_base64"] == VALUES["avatar_base64"]
    assert "Preference-Applied" not in answer.headers


async def test_several_fields_of_preferences_count_as_one(service):
    user = await service.person()
    headers = [*service.headers(user).items(), ("Content-Type", "application/json")]
    headers += [("Prefer", "wait=1"), ("Prefer", "return=minimal")]
    assert (await service.client.put(ME, content=b"{}", headers=headers)).status_code == 204


async def test_a_policy_can_forbid_to_look(service):
    user = await service.person(email="hidden@example.com")
    answer = await service.get(user)
    assert answer.status_code == 403
    assert answer.json() == {
        "code": "forbidden",
        "message": Code.FORBIDDEN.message,
        "notices": ["You may not look."],
    }


@pytest.mark.parametrize(
    ("body", "violations"),
    [
        ({"nickname": 1}, [("nickname", "unknown_field")]),
        ({"firstName": "A"}, [("firstName", "unknown_field")]),
        (
            {"email": "x@y.z", "id": 1, "first_name": 5},
            [("first_name", "invalid_type"), ("email", "unknown_field"), ("id", "unknown_field")],
        ),
        ({"avatar_base64": 5}, [("avatar_base64", "invalid_type")]),
        ({"avatar_base64": {}}, [("avatar_base64", "invalid_type")]),
        ({"x" * 500: 1}, [("x" * 100, "unknown_field")]),
        ({"\ud800": 1}, [("\ufffd", "unknown_field")]),
    ],
)
async def test_what_graphql_cannot_express_is_a_violation_too(service, body, violations):
    user = await service.person()
    answer = await service.put(user, body)
    assert answer.status_code == 400
    result = answer.json()
    found = [(each["field"], each["code"]) for each in result["details"]["violations"]]
    assert found == violations
    assert result["code"] == violations[0][1]
    assert (await service.get(user)).headers["ETag"] == user.profile.etag


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'{"a":1,"a":2}', b'{"a":NaN}', b"\xff"])
async def test_a_body_that_is_no_json_object_is_malformed(service, body):
    assert_error(await service.put(await service.person(), body), Code.MALFORMED_JSON)


async def test_a_body_of_another_type_is_unsupported(service):
    user = await service.person()
    for headers in ({"Content-Type": "text/plain"}, {"Content-Encoding": "gzip"}):
        assert_error(await service.put(user, {}, **headers), Code.UNSUPPORTED_MEDIA_TYPE)


async def test_a_body_over_the_limit_is_too_large_declared_or_not(service):
    user = await service.person()
    body = b" " * (2 * 1024 * 1024 - 1) + b"{}"
    assert_error(await service.put(user, body), Code.PAYLOAD_TOO_LARGE)

    async def chunks():
        yield body

    headers = {"Content-Type": "application/json"} | service.headers(user)
    answer = await service.client.put(ME, content=chunks(), headers=headers)
    assert_error(answer, Code.PAYLOAD_TOO_LARGE)
    assert (await service.put(user, body[1:])).status_code == 200


async def test_identity_comes_before_the_body_and_the_body_before_the_user(service):
    user = await service.person()
    headers = {"Content-Type": "text/plain"}
    anonymous = await service.client.put(ME, content=b"x", headers=headers)
    assert_error(anonymous, Code.UNAUTHENTICATED, reason="missing")
    other = await service.put(user, b"x", **{"X-Tenant-ID": OTHER_TENANT})
    assert_error(other, Code.TENANT_MISMATCH)
    nobody = service.headers(user, sub="nobody") | headers
    assert_error(await service.client.put(ME, content=b"x", headers=nobody), Code.UNSUPPORTED_MEDIA_TYPE)  # fmt: skip
    nobody["Content-Type"] = "application/json"
    assert_error(await service.client.put(ME, content=b"x", headers=nobody), Code.MALFORMED_JSON)
    unknown = await service.client.put(ME, content=b'{"x":1}', headers=nobody)
    assert_error(unknown, Code.NOT_FOUND)


@pytest.mark.parametrize(
    ("authorization", "reason", "challenge"),
    [
        (None, "missing", 'Bearer realm="profile"'),
        ("Basic YTpi", "missing", 'Bearer realm="profile"'),
        ("Bearer nonsense", "invalid", 'Bearer realm="profile", error="invalid_token"'),
    ],
)
async def test_a_401_has_a_challenge(service, authorization, reason, challenge):
    headers = {"Authorization": authorization} if authorization else {}
    answer = await service.client.get(ME, headers=headers)
    assert_error(answer, Code.UNAUTHENTICATED, reason=reason)
    assert answer.headers["WWW-Authenticate"] == challenge


async def test_an_expired_token_is_reported_as_expired(service):
    user = await service.person()
    answer = await service.client.get(ME, headers=service.headers(user, exp=1))
    assert_error(answer, Code.UNAUTHENTICATED, reason="expired")
    assert "expired" in answer.headers["WWW-Authenticate"]


async def test_a_tenant_sent_twice_is_invalid(service):
    user = await service.person()
    sent = [*service.headers(user).items(), ("X-Tenant-ID", str(user.profile.tenant_id))]
    assert_error(await service.client.get(ME, headers=sent), Code.INVALID_TENANT_ID)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
fields = st.sampled_from(["first_name", "last_name", "display_name", "avatar_base64", "x", "id"])


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(body=st.binary(max_size=40) | st.dictionaries(fields, json_values).map(lambda it: json.dumps(it).encode()))  # fmt: skip
async def test_any_body_is_taken_or_refused_and_a_refusal_changes_nothing(service, person, body):
    before = (await service.get(person)).json()
    answer = await service.put(person, body)
    assert answer.status_code in {200, 400}
    if answer.status_code == 400:
        assert answer.json()["code"] in set(Code)
        assert (await service.get(person)).json() == before


@pytest.fixture(scope="module")
async def person(service):
    return await service.person()


def test_every_code_of_the_catalogue_has_a_status_and_a_row_in_the_readme(repository):
    assert set(STATUS) == set(Code)
    readme = (repository / "README.md").read_text()
    for code, status in STATUS.items():
        assert re.search(rf"\| `{code}` \| {status} \|", readme), code
