"""Which fields the provider owns: imports and tokens applied to a profile."""

from uuid import UUID, uuid4

import pytest

from profile_domain.people import (
    Record,
    apply_record,
    apply_sign_in,
    new_profile,
    read_claims,
    sign_in_differs,
)
from profile_domain.profile import AuthProvider, Profile
from profile_testing.signing import TENANT

LOCAL, OIDC, SAML = AuthProvider.LOCAL, AuthProvider.OIDC, AuthProvider.SAML


def ada(provider=OIDC, **fields):
    known = {"first_name": "Ada", "last_name": "Lovelace", "display_name": "Countess"}
    return Profile(UUID(TENANT), uuid4(), "ada@example.com", provider, **known | fields)


def make_record(email=None, provider=OIDC, **names):
    return Record(email, provider, names)


def test_a_sign_in_with_the_stored_values_differs_in_nothing():
    person = ada()
    for record in (
        make_record(),
        make_record("ada@example.com"),
        make_record(first_name="Ada", last_name="Lovelace"),
    ):
        assert apply_sign_in(person, record) is person
        assert not sign_in_differs(person, record)


def test_a_sign_in_updates_the_fields_that_it_has_and_no_others():
    person = apply_sign_in(ada(), make_record("new@example.com", last_name=None))
    assert (person.email, person.first_name, person.last_name) == ("new@example.com", "Ada", None)


@pytest.mark.parametrize("provider", [OIDC, SAML])
def test_a_sign_in_never_touches_what_is_the_persons_own(provider):
    record = make_record("new@example.com", SAML, first_name="A", display_name="Taken")
    person = apply_sign_in(ada(provider), record)
    assert (person.display_name, person.first_name) == ("Countess", "A")
    assert person.auth_provider is provider


def test_the_names_of_a_local_user_are_their_own():
    person = apply_sign_in(ada(LOCAL), make_record("new@example.com", first_name="A"))
    assert (person.email, person.first_name, person.auth_provider) == (
        "new@example.com",
        "Ada",
        LOCAL,
    )
    assert not sign_in_differs(ada(LOCAL), make_record(first_name="A"))


def test_an_import_may_change_the_provider():
    person = apply_record(ada(LOCAL), make_record("ada@example.com", OIDC, first_name="A"))
    assert (person.auth_provider, person.first_name) == (OIDC, "A")


def test_a_sign_in_never_differs_from_a_deactivated_profile():
    assert not sign_in_differs(ada(active=False), make_record("new@example.com"))
    assert sign_in_differs(ada(), make_record("new@example.com"))


@pytest.mark.parametrize(
    ("as_of", "applied", "may"),
    [
        (100, None, True),
        (100, 100, True),
        (100, 99.5, True),
        (100, 100.5, False),
        (None, None, False),
        (None, 1, False),
        (0, None, True),
    ],
)
def test_only_claims_no_older_than_the_last_are_applied(as_of, applied, may):
    assert Record("a@b", OIDC, {}, as_of).not_older_than(applied) is may


def test_no_profile_is_created_without_an_email():
    with pytest.raises(ValueError, match=r"^a person has an email$"):
        new_profile(UUID(TENANT), uuid4(), make_record())


@pytest.mark.parametrize(
    ("claims", "email", "names", "left_out"),
    [
        ({}, None, {}, []),
        ({"email": "ada@example.com", "given_name": " Ada "}, "ada@example.com", {"first_name": "Ada"}, []),
        ({"family_name": "e\u0301"}, None, {"last_name": "é"}, []),
        ({"given_name": "", "family_name": "  "}, None, {"first_name": None, "last_name": None}, []),
        ({"given_name": None, "email": None}, None, {}, []),
        ({"given_name": "x" * 101, "family_name": "Ok"}, None, {"first_name": "x" * 100, "last_name": "Ok"}, []),
        ({"given_name": "a\u202eb"}, None, {"first_name": "ab"}, []),
        ({"given_name": "\ud800"}, None, {"first_name": None}, []),
        ({"given_name": 5, "family_name": ["x"]}, None, {}, ["given_name", "family_name"]),
        ({"email": "no address"}, None, {}, ["email"]),
        ({"email": "no@domain@"}, None, {}, ["email"]),
        ({"email": '"a@b"@c.example'}, '"a@b"@c.example', {}, []),
        ({"email": "@at.the@start"}, "@at.the@start", {}, []),
        ({"email": "a" * 316 + "@b.c"}, "a" * 316 + "@b.c", {}, []),
        ({"email": "a" * 317 + "@b.c"}, None, {}, ["email"]),
        ({"email": ["a@b.example"]}, None, {}, ["email"]),
        ({"email": "\ud800@b.example"}, None, {}, ["email"]),
        ({"email": "a@b.example", "email_verified": True}, "a@b.example", {}, []),
        ({"email": "a@b.example", "email_verified": "true"}, "a@b.example", {}, []),
        ({"email": "a@b.example", "email_verified": None}, "a@b.example", {}, []),
        ({"email": "a@b.example", "email_verified": False}, None, {}, ["email"]),
        ({"email": "a@b.example", "email_verified": "false"}, None, {}, ["email"]),
        ({"email": "a@b.example", "email_verified": "False"}, None, {}, ["email"]),
        ({"email": "a@b.example", "email_verified": 0}, None, {}, ["email"]),
        ({"email_verified": False, "given_name": "Ada"}, None, {"first_name": "Ada"}, []),
        ({"display_name": "Taken", "name": "Taken", "picture": "x"}, None, {}, []),
    ],
)  # fmt: skip
def test_claims_are_sanitized_by_the_rules_for_names_and_invalid_ones_left_out(
    claims, email, names, left_out
):
    record, without = read_claims(claims, SAML, 100)
    assert record == Record(email, SAML, names, 100)
    assert without == left_out
