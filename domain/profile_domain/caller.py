"""The credentials of a request, the identity that they prove, and the caller."""

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
    """The UUID of an 8-4-4-4-12 string in any letter case; None for anything else."""
    return UUID(text) if _UUID.fullmatch(text) else None


def is_plain(text: str) -> bool:
    """Whether a text has no control character and no lone surrogate."""
    return _CONTROL.search(text) is None


def is_subject(text: str) -> bool:
    """Whether a token or an import may use it as a subject: 1 to 255 plain code points."""
    return 1 <= len(text) <= MAX_SUBJECT and is_plain(text)


def speaks_for(tenants: Collection[UUID] | None, tenant_id: UUID) -> bool:
    """Whether an issuer may name this tenant; without a list it may name any."""
    return not tenants or tenant_id in tenants


def matching_issuers(issuer: str, *, provisions: bool) -> tuple[str, str]:
    """The ``issuer`` values of users that a token may match: its own, then the empty one.

    Users without an issuer match tokens of any issuer that does not provision. A provisioning
    issuer updates the users that it matches, so it matches its own only, twice in the pair.
    """
    return issuer, issuer if provisions else ""


@dataclass(frozen=True, slots=True)
class Credentials:
    """All values of ``Authorization`` and ``X-Tenant-ID`` in a request."""

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
    """The subject of a verified token: unique by tenant, issuer and subject.

    ``record`` has the claims about the person if the issuer provisions users, else it is None.
    """

    tenant_id: UUID
    issuer: str
    subject: str
    scopes: frozenset[str] = frozenset()
    record: Record | None = None

    @property
    def matching_issuers(self) -> tuple[str, str]:
        """See the function of the same name."""
        return matching_issuers(self.issuer, provisions=self.record is not None)

    @property
    def log_fields(self) -> dict[str, str]:
        """What a log may say of somebody whose user is not known: never the subject."""
        return {"tenant": str(self.tenant_id), "issuer": self.issuer}

    def check_tenant(self, sent: Sequence[str]) -> None:
        """Compares ``X-Tenant-ID`` with the token's tenant, as UUIDs.

        Raises ``invalid_tenant_id`` or ``tenant_mismatch``.
        """
        if len(sent) != 1 or not _UUID.fullmatch(sent[0]):
            raise DomainError(Code.INVALID_TENANT_ID)
        if sent[0].lower() != str(self.tenant_id):
            raise DomainError(Code.TENANT_MISMATCH)


@dataclass(slots=True)
class Caller:
    """An identity with the face and the id of its request, for policies and the audit trail.

    ``user_id`` is the user's, once the profile is loaded: for the request's log line.
    """

    identity: Identity
    face: Face
    request_id: str
    user_id: UUID | None = None

    @property
    def log_fields(self) -> dict[str, str]:
        """The person by ids; who has no user is named by tenant and issuer, never by subject."""
        if self.user_id is None:
            return self.identity.log_fields
        return {"tenant": str(self.identity.tenant_id), "user": str(self.user_id)}
