"""Who is calling: credentials as sent, the identity they prove, the caller of one request."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from profile_domain.errors import Code, DomainError, unauthenticated
from profile_domain.fields import Fields
from profile_domain.people import Record

Face = Literal["rest", "graphql"]

# 8-4-4-4-12 and nothing else (RFC 9562 section 4); UUID() also takes braces, urn: and no hyphens.
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE | re.ASCII)


def parse_uuid(text: str) -> UUID | None:
    """The UUID in its one written form, any letter case; None for anything else."""
    return UUID(text) if _UUID.fullmatch(text) else None


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
        """The issuers under whose names its user may be stored, its own first.

        An empty name is that of users whom any issuer meets, but for those that provision: what
        such an issuer says of a person is written down, so it can only reach its own.
        """
        return self.issuer, self.issuer if self.record is not None else ""

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
