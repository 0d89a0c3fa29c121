"""The profile, a change to it, and the rules for each field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Final
from uuid import UUID

from profile_domain.avatar import Avatar, Upload, read_data_uri
from profile_domain.errors import (
    MAX_VIOLATIONS,
    Code,
    FieldRefused,
    Violation,
    refused_fields,
)
from profile_domain.names import clean_name

FIRST_NAME: Final = "first_name"
LAST_NAME: Final = "last_name"
DISPLAY_NAME: Final = "display_name"
AVATAR: Final = "avatar_base64"

NAME_FIELDS: Final[tuple[str, ...]] = (FIRST_NAME, LAST_NAME, DISPLAY_NAME)
EDITABLE: Final[tuple[str, ...]] = (*NAME_FIELDS, AVATAR)
SSO_MANAGED: Final = frozenset({FIRST_NAME, LAST_NAME})


class AuthProvider(StrEnum):
    """Who keeps a person's sign-in."""

    LOCAL = "local"
    OIDC = "oidc"
    SAML = "saml"

    @property
    def editable(self) -> tuple[str, ...]:
        """The fields a person may change as far as the provider is concerned, in order."""
        if self is AuthProvider.LOCAL:
            return EDITABLE
        return tuple(field for field in EDITABLE if field not in SSO_MANAGED)


@dataclass(frozen=True)
class Profile:
    """One person in one tenant, at one version (it starts at 1 and grows with each change).

    Who is not ``active`` has left: the profile stays, but its person may do nothing with it.
    """

    tenant_id: UUID
    id: UUID
    email: str
    auth_provider: AuthProvider
    first_name: str | None = None
    last_name: str | None = None
    display_name: str | None = None
    avatar: Avatar | None = None
    version: int = 1
    active: bool = True

    @property
    def name(self) -> str:
        """What to call the person: display name, else first and last name, else email."""
        full = " ".join(part for part in (self.first_name, self.last_name) if part)
        return self.display_name or full or self.email

    @property
    def etag(self) -> str:
        """A strong entity tag (RFC 9110 section 8.8.3), different for each person and version."""
        return f'"{self.id.hex}-{self.version}"'

    def value_of(self, field: str) -> str | Avatar | None:
        return self.avatar if field == AVATAR else getattr(self, field)

    def with_changes(self, changes: Mapping[str, str | Avatar | None]) -> Profile:
        """The next version with these fields, or this very profile when nothing differs."""
        differing = {
            "avatar" if field == AVATAR else field: value
            for field, value in changes.items()
            if not same(self.value_of(field), value)
        }
        if not differing:
            return self
        return Profile(**{**vars(self), **differing, "version": self.version + 1})


def same(stored: str | Avatar | None, wanted: str | Avatar | Upload | None) -> bool:
    """Whether storing ``wanted`` would leave a field as it is."""
    if isinstance(wanted, Upload):
        return isinstance(stored, Avatar) and wanted.is_stored_as(stored)
    if isinstance(wanted, Avatar) and isinstance(stored, Avatar):
        return wanted.digest == stored.digest
    return stored == wanted


class ProfileChange:
    """What a client asks for: a value for each field that it sent, all others left alone.

    ``body`` has the field names as REST spells them, and values of any JSON type.
    """

    def __init__(self, body: Mapping[str, object]) -> None:
        self._wanted: dict[str, str | Upload | None] = {}
        self._violations: dict[str, Violation] = {}
        self._unknown = tuple(islice(_unknown_fields(body), MAX_VIOLATIONS))
        self._omitted = len(body.keys() - EDITABLE) - len(self._unknown)
        for field in EDITABLE:
            if field in body:
                try:
                    read = _read_avatar if field == AVATAR else read_name
                    self._wanted[field] = read(body[field])
                except FieldRefused as refused:
                    self._violations[field] = Violation(field, refused.code, refused.limits)

    def against(self, profile: Profile) -> dict[str, str | Upload | None]:
        """The fields that would change, with their values, in the profile's order.

        Raises the error for all rules broken, by form, by name and by who manages a field.
        """
        changes = {
            field: value
            for field, value in self._wanted.items()
            if not same(profile.value_of(field), value)
        }
        managed = {
            field: Violation(field, Code.SSO_MANAGED_FIELD)
            for field in changes
            if field not in profile.auth_provider.editable
        }
        if self._violations or self._unknown or managed:
            broken = self._violations | managed
            in_order = [broken[field] for field in EDITABLE if field in broken]
            raise refused_fields([*in_order, *self._unknown], omitted=self._omitted)
        return changes


def read_name(value: object) -> str | None:
    """A name from another system, as it is stored. Raises FieldRefused."""
    if not isinstance(value, str):
        raise FieldRefused(Code.INVALID_TYPE)
    return clean_name(value)


def _read_avatar(value: object) -> Upload | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise FieldRefused(Code.INVALID_TYPE)
    return read_data_uri(value)


def _unknown_fields(body: Mapping[str, object]) -> Iterator[Violation]:
    """In the body's order; a name is cut to 100 code points and made safe to send back."""
    for field in body:
        if field not in EDITABLE:
            safe = field[:100].encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            yield Violation(safe, Code.UNKNOWN_FIELD)
