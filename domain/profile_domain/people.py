"""Who owns which field: what a directory or an identity provider says of a person, applied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from profile_domain.errors import Code, FieldRefused
from profile_domain.names import clean_name
from profile_domain.profile import (
    DISPLAY_NAME,
    FIRST_NAME,
    LAST_NAME,
    NAME_FIELDS,
    SSO_MANAGED,
    AuthProvider,
    Profile,
)

MAX_EMAIL = 320


@dataclass(frozen=True, slots=True)
class Record:
    """One person as another system tells of them; ``names`` has only those that it told."""

    email: str
    auth_provider: AuthProvider
    names: Mapping[str, str | None]


def new_profile(tenant_id: UUID, user_id: UUID, record: Record) -> Profile:
    """The first version of a person's profile."""
    return Profile(
        tenant_id=tenant_id,
        id=user_id,
        email=record.email,
        auth_provider=record.auth_provider,
        first_name=record.names.get(FIRST_NAME),
        last_name=record.names.get(LAST_NAME),
        display_name=record.names.get(DISPLAY_NAME),
    )


def brought_up_to_date(profile: Profile, record: Record, *, overwrite: bool = False) -> Profile:
    """The profile with what its provider owns as the record has it.

    That is the email, and first and last name where an identity provider manages them; what is
    the person's own stays, unless it is to be overwritten too.
    """
    managed = record.auth_provider is not AuthProvider.LOCAL
    names = {field: getattr(profile, field) for field in NAME_FIELDS} | {
        field: value
        for field, value in record.names.items()
        if overwrite or (managed and field in SSO_MANAGED)
    }
    return replace(
        profile,
        email=record.email,
        auth_provider=record.auth_provider,
        first_name=names[FIRST_NAME],
        last_name=names[LAST_NAME],
        display_name=names[DISPLAY_NAME],
    )


def read_record(email: str, auth_provider: str, names: Mapping[str, str]) -> Record:
    """A record from texts, by the same rules for names as a person's own update.

    Raises RecordRefused, which names the field.
    """
    if not is_email(email):
        raise RecordRefused("email", "it must be an address with an @ and no spaces")
    try:
        provider = AuthProvider(auth_provider)
    except ValueError:
        raise RecordRefused("auth_provider", "it must be local, oidc or saml") from None
    cleaned: dict[str, str | None] = {}
    for field in NAME_FIELDS:
        if field in names:
            try:
                cleaned[field] = clean_name(names[field])
            except FieldRefused as refused:
                long = refused.code is Code.TOO_LONG
                reason = "it has over 100 characters" if long else "it has invalid characters"
                raise RecordRefused(field, reason) from None
    return Record(email, provider, cleaned)


class RecordRefused(ValueError):
    """A record that breaks a rule, said in words for whoever sent the records."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")


def is_email(text: str) -> bool:
    """Whether it could be an address at all (RFC 5321 section 4.5.3.1: 64, @, 255)."""
    local, at, domain = text.rpartition("@")
    return (
        bool(local and at and domain)
        and len(text) <= MAX_EMAIL
        and text.isprintable()
        and not any(char.isspace() for char in text)
    )
