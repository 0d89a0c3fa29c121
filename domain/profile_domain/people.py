"""Who owns which field: what a directory or an identity provider says of a person, applied."""

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
    """One person as another system tells of them.

    ``names`` has only those text fields that it told, and ``email`` is None if it told none.
    ``as_of`` is when it told them, in seconds since the epoch, where that is known.
    """

    email: str | None
    auth_provider: AuthProvider
    names: Mapping[str, str | None]
    as_of: float | None = None

    def may_follow(self, applied: float | None) -> bool:
        """Whether this is no older than what was applied last; what has no date never is."""
        return self.as_of is not None and (applied is None or self.as_of >= applied)


def new_profile(tenant_id: UUID, user_id: UUID, record: Record) -> Profile:
    """The first version of a person's profile; the record has an email."""
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


def brought_up_to_date(profile: Profile, record: Record, *, overwrite: bool = False) -> Profile:
    """The profile with what its provider owns as the record has it.

    That is the email, and first and last name where an identity provider manages them; what is
    the person's own stays, unless it is to be overwritten too. It is this very profile when
    nothing differs.
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


def signed_in(profile: Profile, record: Record) -> Profile:
    """The profile after a sign-in that told this of its person: who keeps the sign-in stays."""
    if record.auth_provider is not profile.auth_provider:
        record = replace(record, auth_provider=profile.auth_provider)
    return brought_up_to_date(profile, record)


def has_news(profile: Profile, record: Record) -> bool:
    """Whether a sign-in tells anything of its person that is not stored; none who has left."""
    return profile.active and signed_in(profile, record) is not profile


def read_record(email: str, auth_provider: str, names: Mapping[str, str]) -> Record:
    """A record from texts, by the same rules for names as a person's own update.

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
    """A record from a token's claims (OpenID Connect Core 1.0 section 5.1), and what it lacks.

    A claim that cannot be used is left out of the record; its name is in the list. That is an
    email, too, that the token itself does not call verified: policies decide by it.
    """
    names: dict[str, str | None] = {}
    left_out = []
    for claim, field in _CLAIMED:
        value = claims.get(claim)
        if isinstance(value, str):
            names[field.name] = field.salvage(value)
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
    """False where the token says anything but true; some providers write it as a string."""
    said = claims.get("email_verified")
    return said is None or said is True or (isinstance(said, str) and said.lower() == "true")


class RecordRefused(ValueError):
    """A record that breaks rules; ``problems`` has for each such field what to do about it."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{field}: {reason}" for field, reason in problems.items()))
        self.problems = problems


def is_email(text: str) -> bool:
    """Whether it could be an address at all (RFC 5321 section 4.5.3.1: 64, @, 255)."""
    local, at, domain = text.rpartition("@")
    return (
        bool(local and at and domain)
        and len(text) <= MAX_EMAIL
        and text.isprintable()
        and not any(char.isspace() for char in text)
    )
