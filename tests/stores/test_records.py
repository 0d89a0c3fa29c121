"""Records of an import: valid, or refused with the name of the field."""

import pytest

from profile_domain.errors import Code, DomainError
from profile_domain.people import RecordRefused, read_record

ADDRESS = "ada@example.org"


@pytest.mark.parametrize(
    ("email", "provider", "names", "field", "reason"),
    [
        ("", "local", {}, "email", "it must be an address with an @ and no spaces"),
        ("ada", "local", {}, "email", "it must be an address with an @ and no spaces"),
        ("@example.org", "local", {}, "email", "it must be an address with an @ and no spaces"),
        ("ada@", "local", {}, "email", "it must be an address with an @ and no spaces"),
        (ADDRESS, "LOCAL", {}, "auth_provider", "it must be local, oidc or saml"),
        (ADDRESS, "saml", {"last_name": "x" * 101}, "last_name", "it has over 100 characters"),
        (ADDRESS, "oidc", {"first_name": "a\nb"}, "first_name", "it has invalid characters"),
    ],
)
def test_a_record_that_breaks_a_rule_names_the_field_and_says_why(
    email, provider, names, field, reason
):
    with pytest.raises(RecordRefused) as refused:
        read_record(email, provider, names)
    assert str(refused.value) == f"{field}: {reason}"


def test_names_are_cleaned_and_those_left_out_stay_out():
    record = read_record(ADDRESS, "oidc", {"first_name": " Ada ", "display_name": ""})
    assert record.names == {"first_name": "Ada", "display_name": None}
    assert (record.email, record.auth_provider) == (ADDRESS, "oidc")


def test_an_error_says_its_code():
    assert str(DomainError(Code.NOT_FOUND)) == "not_found"
