"""The claims of a verified token (RFC 7519 section 4): checks, and the identity in them."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from profile_domain.caller import Identity, is_plain, is_subject, parse_uuid, speaks_for
from profile_domain.errors import DomainError, LogReason, unauthenticated
from profile_domain.people import Record, read_claims
from profile_infra.tokens.issuers import Issuer

_log = logging.getLogger(__name__)

# Of tokens, which remembered ones share.
MAX_SHARED = 256
MAX_SHARED_SCOPES = 16
LEEWAY = 30  # seconds, for clocks that disagree
_LATEST = 253_402_300_799  # the last second of the year 9999
_INDEX = re.compile("0|[1-9][0-9]{0,9}")  # RFC 6901 section 4
ABSENT: Final = object()


def identity_of(issuer: Issuer, claims: Mapping[str, Any], now: float) -> Identity:
    """The identity in the claims. ``now`` is in seconds since the epoch.

    Raises ``unauthenticated``, with ``expired`` only if nothing else is wrong.
    """
    expires, starts = dates_of(claims)
    tenant_id, subject = tenant_of(issuer, claims), subject_of(issuer, claims)
    scopes = scopes_of(claims)
    check_audience(issuer, claims)
    check_dates(expires, starts, now)
    record = record_of(issuer, claims) if issuer.provision else None
    if len(scopes) <= MAX_SHARED_SCOPES:
        tenant_id, scopes = _shared(tenant_id, scopes)
    return Identity(tenant_id, issuer.issuer, subject, scopes, record)


@lru_cache(maxsize=MAX_SHARED)
def _shared(tenant_id: UUID, scopes: frozenset[str]) -> tuple[UUID, frozenset[str]]:
    """The same objects for equal ones: they would be half of what is remembered of a token."""
    return tenant_id, scopes


def dates_of(claims: Mapping[str, Any]) -> tuple[float, list[float]]:
    """``exp``, which is required, and ``nbf`` and ``iat`` if present."""
    return _date(claims.get("exp")), [
        _date(claims[name]) for name in ("nbf", "iat") if name in claims
    ]


def check_dates(expires: float, starts: Iterable[float], now: float) -> None:
    if any(start > now + LEEWAY for start in starts):
        raise _refused("not_yet")
    if now >= expires + LEEWAY:
        raise unauthenticated("expired", "expired")


def check_audience(issuer: Issuer, claims: Mapping[str, Any]) -> None:
    sent = claim_of(claims, issuer.audience_claim)
    meant = sent if isinstance(sent, list) else [sent]
    if not all(isinstance(each, str) for each in meant) or not set(meant) & set(issuer.audience):
        raise _refused("audience")


def subject_of(issuer: Issuer, claims: Mapping[str, Any]) -> str:
    subject = claim_of(claims, issuer.subject_claim)
    if not isinstance(subject, str) or not is_subject(subject):
        raise _refused("subject")
    return subject


def scopes_of(claims: Mapping[str, Any]) -> frozenset[str]:
    """The scopes in ``scope`` (RFC 8693 section 4.2), or in ``scp`` if that is absent.

    A string of names separated by spaces, or a list of such strings.
    """
    sent = claims["scope"] if "scope" in claims else claims.get("scp")
    listed = sent if isinstance(sent, list) else [] if sent is None else [sent]
    return frozenset(name for each in listed for name in _text(each, "scope").split(" ")) - {""}


def tenant_of(issuer: Issuer, claims: Mapping[str, Any]) -> UUID:
    """The tenant in the claim, or the issuer's only tenant if the claim is absent.

    If the issuer has a list of tenants, it must be in the list. With ``tenant_ids`` the claim is
    required and must be one of its keys.
    """
    sent = claim_of(claims, issuer.tenant_claim)
    if isinstance(sent, list) and len(sent) == 1:
        sent = sent[0]
    if issuer.tenant_ids is not None:
        tenant = issuer.tenant_ids.get(_text(sent, "tenant"))
    elif sent is ABSENT:
        tenant = issuer.tenants[0] if issuer.tenants and len(issuer.tenants) == 1 else None
    else:
        tenant = parse_uuid(_text(sent, "tenant"))
    if tenant is None or not speaks_for(issuer.tenants, tenant):
        raise _refused("tenant")
    return tenant


def claims_for(issuer: Issuer, tenant_id: UUID, subject: str) -> dict[str, Any]:
    """Claims with which a token of this issuer names the user.

    Raises ValueError with a text for an operator if the configuration allows none.
    """
    words = {str(tenant_id): tenant_id} if issuer.tenant_ids is None else issuer.tenant_ids
    tenant = next((word for word, each in words.items() if each == tenant_id), None)
    if tenant is None:
        raise ValueError("its tenant_ids have no word for the tenant")
    claims: dict[str, Any] = {"iss": issuer.issuer}
    for (path, *_), value in (
        (issuer.audience_claim, issuer.audience[0]),
        (issuer.subject_claim, subject),
        (issuer.tenant_claim, tenant),
    ):
        *outer, last = _names(path)
        inner = claims
        for name in outer:
            inner = inner.setdefault(name, {})
            if not isinstance(inner, dict):
                break
        else:
            inner[last] = value
    meant = (issuer.issuer, tenant_id, subject)
    try:
        check_audience(issuer, claims)
        if (claims["iss"], tenant_of(issuer, claims), subject_of(issuer, claims)) == meant:
            return claims
    except DomainError:
        pass
    raise ValueError("its claims for audience, subject and tenant are in each other's place")


def record_of(issuer: Issuer, claims: Mapping[str, Any]) -> Record:
    email = claim_of(claims, issuer.email_claim)
    known = {**claims, "email": None if email is ABSENT else email}
    record, left_out = read_claims(known, issuer.auth_provider, claims.get("iat"))
    for claim in left_out:
        _log.warning(
            "issuer %r: the %s in a token breaks a rule and is left out", issuer.issuer, claim
        )
    return record


def claim_of(claims: Mapping[str, Any], paths: Iterable[str]) -> Any:  # noqa: ANN401  # of JSON
    """The first value that is not null; else None if one of the claims is null, else ABSENT."""
    found: Any = ABSENT
    for path in paths:
        value: Any = claims
        if path.startswith("/"):
            for name in _names(path):
                value = _member(value, name)
        else:
            value = claims.get(path, ABSENT)
        if value is not None and value is not ABSENT:
            return value
        found = None if value is None else found
    return found


def _names(path: str) -> list[str]:
    if not path.startswith("/"):
        return [path]
    return [name.replace("~1", "/").replace("~0", "~") for name in path[1:].split("/")]


def _member(value: Any, name: str) -> Any:  # noqa: ANN401  # of JSON
    if isinstance(value, Mapping):
        return value.get(name, ABSENT)
    if isinstance(value, list) and _INDEX.fullmatch(name) and int(name) < len(value):
        return value[int(name)]
    return ABSENT


def _date(value: object) -> float:
    """A NumericDate up to the year 9999. Raises ``unauthenticated``, for NaN and infinity too."""
    if type(value) not in (int, float) or not abs(value) <= _LATEST:  # type: ignore[arg-type]  # a number
        raise _refused("form")
    return value  # type: ignore[return-value]  # a number, by the line above


def _text(value: object, log_reason: LogReason) -> str:
    if not isinstance(value, str) or not is_plain(value):
        raise _refused(log_reason)
    return value


def _refused(log_reason: LogReason) -> DomainError:
    return unauthenticated("invalid", log_reason)
