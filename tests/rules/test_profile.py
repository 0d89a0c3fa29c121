"""The profile, updates of it, and the rules for each field."""

import base64
from dataclasses import replace
from uuid import UUID

import pytest

from profile_domain.caller import Credentials, Identity, parse_uuid
from profile_domain.errors import Code, DomainError
from profile_domain.pictures.avatar import Avatar, Upload
from profile_domain.profile import AVATAR, EDITABLE, AuthProvider, Profile, ProfileUpdate

TENANT = UUID("11111111-1111-4111-8111-111111111111")
PICTURE = Avatar.of("image/png", b"a clean picture")
ADA = Profile(
    tenant_id=TENANT,
    id=UUID("aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"),
    email="ada@example.com",
    auth_provider=AuthProvider.LOCAL,
    first_name="Ada",
    last_name="Lovelace",
    version=3,
)


def broken(profile, body):
    with pytest.raises(DomainError) as raised:
        ProfileUpdate(body).changes_to(profile)
    assert raised.value.code is raised.value.violations[0].code
    assert raised.value.message == raised.value.violations[0].message
    return [(violation.field, violation.code) for violation in raised.value.violations]


@pytest.mark.parametrize(
    ("first", "last", "display", "name"),
    [
        ("Ada", "Lovelace", "Countess", "Countess"),
        ("Ada", "Lovelace", None, "Ada Lovelace"),
        ("Ada", None, None, "Ada"),
        (None, "Lovelace", None, "Lovelace"),
        (None, None, None, "ada@example.com"),
    ],
)
def test_the_name_is_the_display_name_else_first_and_last_else_the_email(
    first, last, display, name
):
    assert replace(ADA, first_name=first, last_name=last, display_name=display).name == name


def test_an_entity_tag_differs_by_person_and_by_version():
    someone_else = UUID(int=7)
    elsewhere = replace(ADA, tenant_id=someone_else)
    others = (replace(ADA, version=4), replace(ADA, id=someone_else), elsewhere)
    tags = {ADA.etag, *(each.etag for each in others)}
    assert len(tags) == 4
    assert ADA.etag.startswith('"')
    assert ADA.etag.endswith('"')


def test_only_fields_that_would_differ_are_changes():
    body = {"first_name": " Ada ", "last_name": "King", "display_name": "", AVATAR: None}
    assert ProfileUpdate(body).changes_to(ADA) == {"last_name": "King"}


def test_the_next_version_has_the_changes_and_the_same_profile_comes_back_without_any():
    changed = ADA.with_changes({"first_name": None, AVATAR: PICTURE})
    assert (changed.first_name, changed.avatar, changed.version) == (None, PICTURE, 4)
    assert ADA.with_changes({"first_name": "Ada", AVATAR: None}) is ADA
    assert changed.with_changes({AVATAR: Avatar.of("image/png", b"a clean picture")}) is changed


def test_sending_back_the_stored_picture_is_no_change():
    stored = replace(ADA, avatar=PICTURE)
    assert ProfileUpdate({AVATAR: PICTURE.data_uri}).changes_to(stored) == {}
    again = PICTURE.data_uri.replace("data:image/png", "DATA:IMAGE/PNG")
    assert ProfileUpdate({AVATAR: again}).changes_to(stored) == {}


def test_the_stored_bytes_under_another_type_are_a_change_to_be_judged():
    stored = replace(ADA, avatar=PICTURE)
    sent = PICTURE.data_uri.replace("png", "webp")
    assert ProfileUpdate({AVATAR: sent}).changes_to(stored) == {
        AVATAR: Upload.of("image/webp", b"a clean picture")
    }


def test_a_picture_loaded_without_its_bytes_cannot_be_shown():
    with pytest.raises(ValueError, match="without its image"):
        _ = Avatar("image/png", PICTURE.digest).data_uri


@pytest.mark.parametrize("value", [None, 1, 1.5, True, [], {}, ["Ada"]])
def test_a_name_that_is_no_string_has_an_invalid_type(value):
    assert broken(ADA, {"first_name": value}) == [("first_name", Code.INVALID_TYPE)]


@pytest.mark.parametrize("value", [1, False, [], {}])
def test_a_picture_that_is_neither_string_nor_null_has_an_invalid_type(value):
    assert broken(ADA, {AVATAR: value}) == [(AVATAR, Code.INVALID_TYPE)]


def test_all_violations_are_listed_in_the_order_of_the_profile_then_of_the_body():
    body = {
        "zodiac": 1,
        AVATAR: "x",
        "email": "new@example.com",
        "display_name": 5,
        "last_name": "x" * 101,
        "first_name": "\x00",
    }
    assert broken(ADA, body) == [
        ("first_name", Code.INVALID_CHARACTERS),
        ("last_name", Code.TOO_LONG),
        ("display_name", Code.INVALID_TYPE),
        (AVATAR, Code.AVATAR_MALFORMED),
        ("zodiac", Code.UNKNOWN_FIELD),
        ("email", Code.UNKNOWN_FIELD),
    ]


def test_the_limits_stand_beside_the_violation():
    picture = "data:image/png;base64," + base64.b64encode(bytes(262_145)).decode()
    with pytest.raises(DomainError) as raised:
        ProfileUpdate({"first_name": "x" * 101, AVATAR: picture}).changes_to(ADA)
    assert raised.value.as_dict() == {
        "code": "too_long",
        "message": "At most 100 characters are allowed.",
        "details": {
            "violations": [
                {
                    "field": "first_name",
                    "code": "too_long",
                    "message": "At most 100 characters are allowed.",
                    "max": 100,
                },
                {
                    "field": AVATAR,
                    "code": "avatar_too_large",
                    "message": Code.AVATAR_TOO_LARGE.message,
                    "max_bytes": 262_144,
                },
            ]
        },
    }


def test_an_unknown_field_is_cut_to_100_code_points_and_safe_to_send_back():
    assert broken(ADA, {"😀" * 150: 1}) == [("😀" * 100, Code.UNKNOWN_FIELD)]
    assert broken(ADA, {"a\ud800b": 1}) == [("a\ufffdb", Code.UNKNOWN_FIELD)]
    assert broken(ADA, {"": 1}) == [("", Code.UNKNOWN_FIELD)]


@pytest.mark.parametrize("provider", [AuthProvider.OIDC, AuthProvider.SAML])
class TestManagedByAnIdentityProvider:
    def test_changing_a_first_or_last_name_is_refused(self, provider):
        body = {"first_name": "Eve", "last_name": "", "display_name": "Countess"}
        assert broken(replace(ADA, auth_provider=provider), body) == [
            ("first_name", Code.SSO_MANAGED_FIELD),
            ("last_name", Code.SSO_MANAGED_FIELD),
        ]

    def test_sending_back_the_stored_names_passes(self, provider):
        body = {"first_name": "Ada ", "last_name": "Lovelace", "display_name": "Countess"}
        changes = ProfileUpdate(body).changes_to(replace(ADA, auth_provider=provider))
        assert changes == {"display_name": "Countess"}

    def test_display_name_and_picture_are_the_persons_own(self, provider):
        own = [field for field in EDITABLE if field not in {"first_name", "last_name"}]
        assert provider.editable == tuple(own)
        assert AuthProvider.LOCAL.editable == EDITABLE

    def test_a_name_that_is_both_malformed_and_managed_is_reported_as_malformed(self, provider):
        body = {"first_name": "x" * 101, "last_name": "King"}
        assert broken(replace(ADA, auth_provider=provider), body) == [
            ("first_name", Code.TOO_LONG),
            ("last_name", Code.SSO_MANAGED_FIELD),
        ]


@pytest.mark.parametrize(
    "text", ["11111111-1111-4111-8111-111111111111", "ABCDEFAB-cdef-ABCD-efab-cdefabcdefab"]
)
def test_a_uuid_is_read_in_any_letter_case(text):
    assert parse_uuid(text) == UUID(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "11111111111141118111111111111111", "{11111111-1111-4111-8111-111111111111}",
        "urn:uuid:11111111-1111-4111-8111-111111111111", "11111111-1111-4111-8111-111111111111\n",
        " 11111111-1111-4111-8111-111111111111", "11111111-1111-4111-8111-11111111111g",
        "１1111111-1111-4111-8111-111111111111", "1111111-11111-4111-8111-111111111111",
    ],
)  # fmt: skip
def test_anything_but_8_4_4_4_12_is_no_uuid(text):
    assert parse_uuid(text) is None


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ([], "missing"),
        ([""], "missing"),
        (["Basic dXNlcg=="], "missing"),
        (["token"], "missing"),
        (["Bearer"], "invalid"),
        (["Bearer "], "invalid"),
        (["Bearer a", "Bearer a"], "invalid"),
    ],
)
def test_credentials_without_one_bearer_token_say_why(sent, reason):
    with pytest.raises(DomainError) as raised:
        _ = Credentials(sent, []).token
    assert raised.value.as_dict()["details"] == {"reason": reason}


@pytest.mark.parametrize("sent", ["Bearer a.b.c", "bearer a.b.c", "BEARER  a.b.c "])
def test_the_bearer_scheme_is_read_in_any_letter_case(sent):
    assert Credentials([sent], []).token == "a.b.c"


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ([], Code.INVALID_TENANT_ID),
        (["junk"], Code.INVALID_TENANT_ID),
        ([str(TENANT), str(TENANT)], Code.INVALID_TENANT_ID),
        ([str(UUID(int=1))], Code.TENANT_MISMATCH),
    ],
)
def test_the_tenant_sent_must_be_the_tokens(sent, code):
    identity = Identity(TENANT, "https://issuer.example", "ada")
    identity.check_tenant([str(TENANT).upper()])
    with pytest.raises(DomainError) as raised:
        identity.check_tenant(sent)
    assert raised.value.code is code


@pytest.mark.parametrize("code", Code)
def test_every_code_has_one_english_sentence_a_meaning_and_a_remedy(code):
    assert code.message.isascii()
    assert code is Code(code.name.lower())
    for text in (code.message, code.meaning, code.remedy):
        assert text[0].isupper() or text[0] == "`"
        assert text.endswith(".")


def test_a_hundred_violations_are_listed_and_the_rest_is_counted():
    body = {"first_name": None} | {f"x{at}" * 60: at for at in range(5_000)}
    with pytest.raises(DomainError) as raised:
        ProfileUpdate(body).changes_to(ADA)
    details = raised.value.details
    assert (raised.value.code, details["omitted"]) == (Code.INVALID_TYPE, 4_901)
    assert len(details["violations"]) == len(raised.value.violations) == 100
    assert details["violations"][0]["field"] == "first_name"
    assert [each["field"] for each in details["violations"][1:]] == [
        (f"x{at}" * 60)[:100] for at in range(99)
    ]


def test_where_all_violations_are_listed_none_is_counted():
    with pytest.raises(DomainError) as raised:
        ProfileUpdate({f"x{at}": at for at in range(100)}).changes_to(ADA)
    assert raised.value.details.keys() == {"violations"}
    assert len(raised.value.violations) == 100
