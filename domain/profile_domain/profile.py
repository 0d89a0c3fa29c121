"""The profile, an update of it, and the rules for each field."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from itertools import islice
from operator import attrgetter
from typing import Final
from uuid import UUID

from profile_domain.errors import (
    MAX_VIOLATIONS,
    Code,
    DomainError,
    FieldRefused,
    Violation,
    refused_fields,
)
from profile_domain.names import MAX_CODE_POINTS, NAME_PATTERN, clean_name, sanitize_name
from profile_domain.pictures.avatar import Avatar, Upload, read_data_uri

FIRST_NAME: Final = "first_name"
LAST_NAME: Final = "last_name"
DISPLAY_NAME: Final = "display_name"
AVATAR: Final = "avatar_base64"


@dataclass(frozen=True, slots=True)
class TextField:
    """An editable line of text, normalized like a name.

    ``name`` is the key in REST, the attribute of ``Profile`` and the database column; ``label`` and
    ``hint`` are for forms; ``limit`` is in code points. ``sso_managed``: read-only for users of an
    identity provider. ``claim``: the claim in a token (OpenID Connect Core 1.0 section 5.1).
    ``imported``: a column of the CSV import.

    A field of another kind, such as a date, is a subclass with its own ``clean`` and ``schema``.
    """

    name: str
    label: str
    hint: str = ""
    limit: int = MAX_CODE_POINTS
    sso_managed: bool = False
    claim: str | None = None
    imported: bool = True

    @property
    def schema(self) -> dict[str, object]:
        """The rule in JSON Schema, for clients' forms."""
        return {"maxLength": self.limit, "pattern": NAME_PATTERN}

    def read(self, value: object) -> str | None:
        """The value to store for a value of a request. Raises FieldRefused."""
        if not isinstance(value, str):
            raise FieldRefused(Code.INVALID_TYPE)
        return self.clean(value)

    def clean(self, text: str) -> str | None:
        """The normalized text, None if it is blank. Raises FieldRefused."""
        return clean_name(text, self.limit)

    def sanitize(self, text: str) -> str | None:
        """The normalized text with forbidden characters removed, cut to the limit."""
        return sanitize_name(text, self.limit)


TEXT_FIELDS: Final = (
    TextField(FIRST_NAME, "First name", sso_managed=True, claim="given_name"),
    TextField(LAST_NAME, "Last name", sso_managed=True, claim="family_name"),
    TextField(
        DISPLAY_NAME, "Display name", "If you have one, it is shown instead of first and last name."
    ),
)
TEXTS: Final = tuple(field.name for field in TEXT_FIELDS)
EDITABLE: Final = (*TEXTS, AVATAR)
_texts_of: Final = attrgetter(*TEXTS)
SSO_MANAGED: Final = frozenset(field.name for field in TEXT_FIELDS if field.sso_managed)


class AuthProvider(StrEnum):
    """How a person signs in: locally, or by an OIDC or SAML identity provider."""

    LOCAL = "local"
    OIDC = "oidc"
    SAML = "saml"

    @property
    def editable(self) -> tuple[str, ...]:
        """The fields that the provider leaves to the person, in the profile's order."""
        if self is AuthProvider.LOCAL:
            return EDITABLE
        return tuple(field for field in EDITABLE if field not in SSO_MANAGED)


@dataclass(frozen=True)
class Profile:
    """One person in one tenant, at one version (1, then one more with each change).

    A profile that is not ``active`` is kept, but its person may neither view nor update it.
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
        """Display name, else first and last name, else email."""
        full = " ".join(part for part in (self.first_name, self.last_name) if part)
        return self.display_name or full or self.email

    @property
    def etag(self) -> str:
        """A strong entity tag (RFC 9110 section 8.8.3), unique to the person and version.

        Of the tenant too: an id may be that of two people in two tenants.
        """
        person = blake2b(self.tenant_id.bytes + self.id.bytes, digest_size=16)
        return f'"{person.hexdigest()}-{self.version}"'

    @property
    def texts(self) -> dict[str, str | None]:
        """The text fields by name, in the profile's order."""
        return dict(zip(TEXTS, _texts_of(self), strict=True))

    @property
    def document(self) -> dict[str, str | None]:
        """The eight keys of REST, in order; needs the picture's bytes to be loaded."""
        return {
            "id": str(self.id),
            "email": self.email,
            "name": self.name,
            "auth_provider": self.auth_provider.value,
            **self.texts,
            AVATAR: self.avatar.data_uri if self.avatar else None,
        }

    def value_of(self, field: str) -> str | Avatar | None:
        return self.avatar if field == AVATAR else getattr(self, field)

    def with_changes(self, changes: Mapping[str, str | Avatar | None]) -> Profile:
        """The next version with these fields, or ``self`` if nothing differs."""
        differing = {
            "avatar" if field == AVATAR else field: value
            for field, value in changes.items()
            if not same(self.value_of(field), value)
        }
        if not differing:
            return self
        return Profile(**{**vars(self), **differing, "version": self.version + 1})


class ProfileChanged(DomainError):
    """``conflict`` or ``precondition_failed``, with the profile as it is now."""

    def __init__(self, code: Code, current: Profile) -> None:
        super().__init__(code)
        self.current = current


def same(stored: str | Avatar | None, wanted: str | Avatar | Upload | None) -> bool:
    """Whether storing ``wanted`` would change nothing."""
    if isinstance(wanted, Upload):
        return isinstance(stored, Avatar) and wanted.is_stored_as(stored)
    if isinstance(wanted, Avatar) and isinstance(stored, Avatar):
        return wanted.digest == stored.digest
    return stored == wanted


class ProfileUpdate:
    """A partial update as a client sent it: fields that are absent stay as they are.

    ``body`` has fields as REST spells them, with values of any JSON type.
    """

    def __init__(self, body: Mapping[str, object]) -> None:
        self._wanted: dict[str, str | Upload | None] = {}
        self._violations: dict[str, Violation] = {}
        self._unknown = tuple(islice(_unknown_fields(body), MAX_VIOLATIONS))
        self._omitted = len(body.keys() - EDITABLE) - len(self._unknown)
        for field in EDITABLE:
            if field in body:
                try:
                    self._wanted[field] = _READ[field](body[field])
                except FieldRefused as refused:
                    self._violations[field] = Violation(field, refused.code, refused.limits)

    def changes_to(self, profile: Profile) -> dict[str, str | Upload | None]:
        """The fields that would change, with their new values, in the profile's order.

        Raises one error with all violations: of types, of the rules for names, of fields that the
        identity provider manages, of unknown fields.
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


def _read_avatar(value: object) -> Upload | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise FieldRefused(Code.INVALID_TYPE)
    return read_data_uri(value)


_READ: Final[Mapping[str, Callable[[object], str | Upload | None]]] = {
    **{field.name: field.read for field in TEXT_FIELDS},
    AVATAR: _read_avatar,
}


def _unknown_fields(body: Mapping[str, object]) -> Iterator[Violation]:
    """In the body's order. The name is cut to 100 code points; lone surrogates become U+FFFD."""
    for field in body:
        if field not in EDITABLE:
            safe = field[:100].encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            yield Violation(safe, Code.UNKNOWN_FIELD)
