"""Applying data of an identity provider or an import to a profile: which fields it owns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from profile_domain.errors import Code, FieldRefused
from profile_domain.profile import SSO_MANAGED, TEXT_FIELDS, AuthProvider, Profile

MAX_EMAIL = 320
_CLAIMED = [(field.claim, field) for field in TEXT_FIELDS if field.claim is not None]


@dataclass(frozen=True, slots=True)
class Record:
    """One person's data from another system, such as a token's claims or a row of an import.

    ``names`` has the text fields that the system provides; ``email`` is None if it provides none.
    ``as_of``: when the data was issued, in seconds since the epoch, if known.
    """

    email: str | None
    auth_provider: AuthProvider
    names: Mapping[str, str | None]
    as_of: float | None = None

    def not_older_than(self, applied: float | None) -> bool:
        """Whether this may follow data issued at ``applied``. False for a record without a date."""
        return self.as_of is not None and (applied is None or self.as_of >= applied)


def new_profile(tenant_id: UUID, user_id: UUID, record: Record) -> Profile:
    """The first version of a profile. Raises ValueError for a record without an email."""
    if record.email is None:
        raise ValueError("a person has an email")
    texts: dict[str, Any] = dict(record.names)
    return Profile(
        tenant_id=tenant_id,
        id=user_id,
        email=record.email,
        auth_provider=record.auth_provider,
        **texts,
    )


def apply_record(profile: Profile, record: Record, *, overwrite: bool = False) -> Profile:
    """The profile with the record's values in the fields that the provider owns.

    These are ``email``, ``auth_provider``, and first and last name for OIDC and SAML. With
    ``overwrite`` the fields of the person are replaced too. Returns ``profile`` if nothing differs.
    """
    managed = record.auth_provider is not AuthProvider.LOCAL
    brought: dict[str, Any] = {
        field: value
        for field, value in record.names.items()
        if overwrite or (managed and field in SSO_MANAGED)
    }
    brought["auth_provider"] = record.auth_provider
    if record.email is not None:
        brought["email"] = record.email
    news = {field: value for field, value in brought.items() if getattr(profile, field) != value}
    return replace(profile, **news) if news else profile


def apply_sign_in(profile: Profile, record: Record) -> Profile:
    """``apply_record`` for the claims of a token, which never change ``auth_provider``."""
    if record.auth_provider is not profile.auth_provider:
        record = replace(record, auth_provider=profile.auth_provider)
    return apply_record(profile, record)


def sign_in_differs(profile: Profile, record: Record) -> bool:
    """Whether ``apply_sign_in`` would change the profile. False for a deactivated one."""
    return profile.active and apply_sign_in(profile, record) is not profile


def read_record(email: str, auth_provider: str, names: Mapping[str, str]) -> Record:
    """A record from strings, with the rules for names of an update.

    Raises RecordRefused with every field that breaks a rule.
    """
    problems: dict[str, str] = {}
    if not is_email(email):
        problems["email"] = "write one address, such as ada@example.com"
    if auth_provider not in set(AuthProvider):
        problems["auth_provider"] = f"write one of {', '.join(AuthProvider)}"
    cleaned: dict[str, str | None] = {}
    for field in TEXT_FIELDS:
        if field.imported and field.name in names:
            try:
                cleaned[field.name] = field.clean(names[field.name])
            except FieldRefused as refused:
                problems[field.name] = (
                    f"at most {field.limit} characters are allowed"
                    if refused.code is Code.TOO_LONG
                    else "type it again: it has a line break, or a character that cannot be seen"
                )
    if problems:
        raise RecordRefused(problems)
    return Record(email, AuthProvider(auth_provider), cleaned)


def read_claims(
    claims: Mapping[str, object], auth_provider: AuthProvider, as_of: float | None
) -> tuple[Record, list[str]]:
    """A record from a token's claims (OpenID Connect Core 1.0 section 5.1), and claims left out.

    Left out is a claim of a wrong type, and an ``email`` that ``email_verified`` does not confirm,
    since policies decide by the email.
    """
    names: dict[str, str | None] = {}
    left_out = []
    for claim, field in _CLAIMED:
        value = claims.get(claim)
        if isinstance(value, str):
            names[field.name] = field.sanitize(value)
        elif value is not None:
            left_out.append(claim)
    email = claims.get("email")
    address = email if isinstance(email, str) and is_email(email) else None
    if not _may_be_verified(claims):
        address = None
    if email is not None and address is None:
        left_out.append("email")
    return Record(address, auth_provider, names, as_of), left_out


def _may_be_verified(claims: Mapping[str, object]) -> bool:
    """False if ``email_verified`` is there and not true; some providers send it as a string."""
    said = claims.get("email_verified")
    return said is None or said is True or (isinstance(said, str) and said.lower() == "true")


class RecordRefused(ValueError):
    """A record that breaks rules; ``problems`` has for each such field what to do about it."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{field}: {reason}" for field, reason in problems.items()))
        self.problems = problems


def is_email(text: str) -> bool:
    """Whether it has the form of an address: text, @, text, at most 320 characters (RFC 5321)."""
    local, at, domain = text.rpartition("@")
    return (
        bool(local and at and domain)
        and len(text) <= MAX_EMAIL
        and text.isprintable()
        and not any(char.isspace() for char in text)
    )
