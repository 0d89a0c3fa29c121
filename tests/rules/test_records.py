"""Records of an import: valid, or refused with the name of the field."""

import pytest

from profile_domain.errors import Code, DomainError
from profile_domain.people import RecordRefused, read_record

ADDRESS = "ada@example.org"
WRITE_ONE = "write one address, such as ada@example.com"
TYPE_AGAIN = "type it again: it has a line break, or a character that cannot be seen"


@pytest.mark.parametrize(
    ("email", "provider", "names", "field", "reason"),
    [
        ("", "local", {}, "email", WRITE_ONE),
        ("ada", "local", {}, "email", WRITE_ONE),
        ("@example.org", "local", {}, "email", WRITE_ONE),
        ("ada@", "local", {}, "email", WRITE_ONE),
        (ADDRESS, "LOCAL", {}, "auth_provider", "write one of local, oidc, saml"),
        (
            ADDRESS,
            "saml",
            {"last_name": "x" * 101},
            "last_name",
            "at most 100 characters are allowed",
        ),
        (ADDRESS, "oidc", {"first_name": "a\nb"}, "first_name", TYPE_AGAIN),
    ],
)
def test_a_record_that_breaks_a_rule_names_the_field_and_says_why(
    email, provider, names, field, reason
):
    with pytest.raises(RecordRefused) as refused:
        read_record(email, provider, names)
    assert str(refused.value) == f"{field}: {reason}"


def test_a_record_says_of_every_field_what_to_do():
    with pytest.raises(RecordRefused) as refused:
        read_record("", "ldap", {"first_name": "\u2068Ann\u2069", "last_name": "Ok"})
    assert list(refused.value.problems) == ["email", "auth_provider", "first_name"]


def test_names_are_cleaned_and_those_left_out_stay_out():
    record = read_record(ADDRESS, "oidc", {"first_name": " Ada ", "display_name": ""})
    assert record.names == {"first_name": "Ada", "display_name": None}
    assert (record.email, record.auth_provider) == (ADDRESS, "oidc")


def test_an_error_says_its_code():
    assert str(DomainError(Code.NOT_FOUND)) == "not_found"
