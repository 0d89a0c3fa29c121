"""What the claims of a verified token must say, and whom they name (RFC 7519 section 4)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from profile_domain.caller import Identity, is_plain, is_subject, parse_uuid, speaks_for
from profile_domain.errors import unauthenticated
from profile_domain.people import Record, read_claims
from profile_infra.tokens.issuers import Issuer

_log = logging.getLogger(__name__)

LEEWAY = 30  # seconds, for clocks that disagree
_LATEST = 253_402_300_799  # the last second of the year 9999


def identity_of(issuer: Issuer, claims: Mapping[str, Any], now: float) -> Identity:
    """Whom the token speaks for; ``issuer`` was chosen by ``iss``, ``now`` is in epoch seconds.

    Raises ``unauthenticated`` as ``expired`` only if nothing else is wrong, and ValueError for
    everything else.
    """
    expires = _date(claims["exp"]) if "exp" in claims else None
    starts = [_date(claims[name]) for name in ("nbf", "iat") if name in claims]
    tenant_id, subject = _tenant(issuer, claims), _subject(claims.get("sub"))
    scopes = _scopes(claims.get("scope", ""))
    if (
        expires is None
        or not _is_for(issuer.audience, claims.get("aud"))
        or any(start > now + LEEWAY for start in starts)
    ):
        raise ValueError("not a token for here and now")
    if now >= expires + LEEWAY:
        raise unauthenticated("expired")
    record = _record(issuer, claims) if issuer.provision else None
    return Identity(tenant_id, issuer.issuer, subject, scopes, record)


def _record(issuer: Issuer, claims: Mapping[str, Any]) -> Record:
    record, left_out = read_claims(claims, issuer.auth_provider, claims.get("iat"))
    for claim in left_out:
        _log.warning(
            "issuer %r: the %s in a token breaks a rule and is left out", issuer.issuer, claim
        )
    return record


def _date(value: object) -> float:
    """A NumericDate of a year that a calendar can show; NaN and infinities are none."""
    if type(value) not in (int, float) or not abs(value) <= _LATEST:  # type: ignore[arg-type]  # a number
        raise ValueError("not a date")
    return value  # type: ignore[return-value]  # a number, by the line above


def _is_for(audience: tuple[str, ...], sent: object) -> bool:
    meant = sent if isinstance(sent, list) else [sent]
    return all(isinstance(each, str) for each in meant) and any(each in audience for each in meant)


def _subject(value: object) -> str:
    if not isinstance(value, str) or not is_subject(value):
        raise ValueError("not a subject")
    return value


def _scopes(value: object) -> frozenset[str]:
    """Space-separated names (RFC 6749 section 3.3)."""
    return frozenset(_text(value).split(" ")) - {""}


def _text(value: object) -> str:
    if not isinstance(value, str) or not is_plain(value):
        raise ValueError("not a text")
    return value


def _tenant(issuer: Issuer, claims: Mapping[str, Any]) -> UUID:
    """The claim's tenant, among the issuer's if it has a list; else the issuer's only one."""
    if issuer.tenant_claim in claims:
        tenant = parse_uuid(_text(claims[issuer.tenant_claim]))
    else:
        tenant = issuer.tenants[0] if issuer.tenants and len(issuer.tenants) == 1 else None
    if tenant is None or not speaks_for(issuer.tenants, tenant):
        raise ValueError("no tenant that the issuer speaks for")
    return tenant
