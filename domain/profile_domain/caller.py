"""Who is calling: credentials as sent, the identity they prove, the caller of one request."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from profile_domain.errors import Code, DomainError, unauthenticated
from profile_domain.people import Record
from profile_domain.requests.headers import Fields

Face = Literal["rest", "graphql"]

# 8-4-4-4-12 and nothing else (RFC 9562 section 4); UUID() also takes braces, urn: and no hyphens.
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE | re.ASCII)


MAX_SUBJECT = 255  # code points (OpenID Connect Core 1.0 section 2 has as many characters)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # Cc and lone surrogates


def parse_uuid(text: str) -> UUID | None:
    """The UUID in its one written form, any letter case; None for anything else."""
    return UUID(text) if _UUID.fullmatch(text) else None


def is_plain(text: str) -> bool:
    """Whether a text from a token or a file has no control character and no lone surrogate."""
    return _CONTROL.search(text) is None


def is_subject(text: str) -> bool:
    """Whether it can name a user, in a token and in an import alike: 1 to 255 plain code points."""
    return 1 <= len(text) <= MAX_SUBJECT and is_plain(text)


def speaks_for(tenants: Collection[UUID] | None, tenant_id: UUID) -> bool:
    """Whether an issuer speaks for a tenant: those of its list alone, or any where it has none."""
    return not tenants or tenant_id in tenants


def issuers_met(issuer: str, *, provisions: bool) -> tuple[str, str]:
    """The issuers under whose names a token's user may be stored, the token's own first.

    An empty name is that of users whom any issuer meets, but for those that provision: what such
    an issuer says of a person is written down, so it can only reach its own.
    """
    return issuer, issuer if provisions else ""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The values of ``Authorization`` and ``X-Tenant-ID``, each as often as it was sent."""

    authorization: Sequence[str]
    tenant: Sequence[str]

    @classmethod
    def sent_in(cls, fields: Fields) -> Credentials:
        return cls(fields.get("authorization", ()), fields.get("x-tenant-id", ()))

    @property
    def token(self) -> str:
        """The bearer token (RFC 6750 section 2.1). Raises ``unauthenticated``."""
        if not self.authorization:
            raise unauthenticated("missing", "header")
        scheme, _, token = self.authorization[0].partition(" ")
        if scheme.lower() != "bearer":
            raise unauthenticated("missing", "header")
        if len(self.authorization) > 1 or not token:
            raise unauthenticated("invalid", "header")
        return token.strip(" ")


@dataclass(frozen=True, slots=True)
class Identity:
    """What a verified token proves: one subject of one issuer, in one tenant.

    ``record`` is what it tells of the person, where its issuer provisions people.
    """

    tenant_id: UUID
    issuer: str
    subject: str
    scopes: frozenset[str] = frozenset()
    record: Record | None = None

    @property
    def meets(self) -> tuple[str, str]:
        """See ``issuers_met``; the issuer provisions where its token tells of the person."""
        return issuers_met(self.issuer, provisions=self.record is not None)

    def check_tenant(self, sent: Sequence[str]) -> None:
        """Holds ``X-Tenant-ID`` against the token, as UUIDs.

        Raises ``invalid_tenant_id`` or ``tenant_mismatch``.
        """
        tenant = parse_uuid(sent[0]) if len(sent) == 1 else None
        if tenant is None:
            raise DomainError(Code.INVALID_TENANT_ID)
        if tenant != self.tenant_id:
            raise DomainError(Code.TENANT_MISMATCH)


@dataclass(frozen=True, slots=True)
class Caller:
    """An identity on one request: by which face it came, and the request's id for the trail."""

    identity: Identity
    face: Face
    request_id: str
