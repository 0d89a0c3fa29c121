"""Checking a token step by step, with an explanation for an operator."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, TypeVar

from profile_domain.caller import Identity
from profile_domain.errors import Code, DomainError, LogReason
from profile_infra.tokens.claims import (
    ABSENT,
    check_audience,
    check_dates,
    claim_of,
    dates_of,
    record_of,
    scopes_of,
    subject_of,
    tenant_of,
)
from profile_infra.tokens.fetched_keys import FetchedKeys
from profile_infra.tokens.issuers import Issuer
from profile_infra.tokens.jose import ReadToken, check_signature, fault_of_header, read_token
from profile_infra.tokens.keys import Keys

_MAX_SHOWN = 200  # code points of a value
_DATES: Final[Mapping[LogReason, str]] = {
    "expired": "expired",
    "not_yet": "not valid yet",
    "form": "exp is required, and each must be a number",
}
_T = TypeVar("_T")


class Step(NamedTuple):
    """One check. ``name`` is the log's ``reason`` if it fails (``dates`` stands for three)."""

    name: str
    holds: bool
    detail: str


class CheckedToken(NamedTuple):
    """``identity`` is what the claims name, even if a step fails; None if they name none."""

    steps: list[Step]
    issuer: Issuer | None
    identity: Identity | None

    @property
    def holds(self) -> bool:
        return all(step.holds for step in self.steps)


async def check_token(issuers: Mapping[Issuer, Keys], token: str, now: float) -> CheckedToken:
    """Makes the checks of JoseTokens, but continues after a failed one.

    The steps quote claims of the token, but neither its signature nor a secret. ``now`` is in
    seconds since the epoch.
    """
    try:
        read = read_token(token)
    except ValueError:
        detail = (
            "three parts of base64url with dots between were expected, the first two JSON objects"
        )
        return CheckedToken([Step("form", holds=False, detail=detail)], None, None)
    steps = [Step("form", holds=True, detail=f"three parts, {len(token):,} characters")]
    named = read.claims.get("iss")
    by_name = {each.issuer: each for each in issuers}
    issuer = by_name.get(named) if isinstance(named, str) else None
    detail = f"iss is {_quoted(named)}; configured: {_listed(by_name)}"
    steps.append(Step("issuer", holds=issuer is not None, detail=detail))
    if issuer is None:
        return CheckedToken(steps, None, None)
    steps += await _signature_steps(issuer, issuers[issuer], read)
    claims, identity = _claim_steps(issuer, read.claims, now)
    return CheckedToken(steps + claims, issuer, identity)


async def _signature_steps(issuer: Issuer, keys: Keys, read: ReadToken) -> list[Step]:
    """The steps for the header, the key and the signature."""
    alg, kid, typ = (_quoted(read.header.get(name, ABSENT)) for name in ("alg", "kid", "typ"))
    fault = fault_of_header(read.header, issuer)
    detail = f"alg is {alg}, typ is {typ}; allowed: {', '.join(issuer.algorithms)}"
    header = Step("header", holds=fault is None, detail=f"{fault}; {detail}" if fault else detail)
    if fault is not None:
        return [header]
    failed: LogReason | None = None
    try:
        await check_signature(keys, read)
    except DomainError as refused:
        if refused.code is Code.UNAVAILABLE:
            problem = keys.problem if isinstance(keys, FetchedKeys) else None
            return [header, Step("key", holds=False, detail=problem or "no keys could be had")]
        failed = refused.log_reason
    except Exception:  # noqa: BLE001  as JoseTokens has it
        failed = "signature"
    algorithm = read.header["alg"]
    names = keys.kids(algorithm)
    at_hand = ", ".join("one without a kid" if each is None else _quoted(each) for each in names)
    if issuer.secret is not None:
        at_hand = f"the issuer's secret, {len(names)} of it" if len(names) > 1 else "its secret"
    detail = f"kid is {kid}; for {algorithm} there are: {at_hand or 'none'}"
    key = Step("key", holds=failed != "key", detail=detail)
    if failed == "key":
        return [header, key]
    detail = "none of the keys that fit has signed it" if failed else "one of the issuer's keys has"
    return [header, key, Step("signature", holds=failed is None, detail=detail)]


def _claim_steps(
    issuer: Issuer, claims: Mapping[str, Any], now: float
) -> tuple[list[Step], Identity | None]:
    dates = [f"{name} {_date(claims[name])}" for name in ("iat", "nbf", "exp") if name in claims]
    tenant, tenant_step = _step("tenant", lambda: tenant_of(issuer, claims))
    subject, subject_step = _step("subject", lambda: subject_of(issuer, claims))
    scopes, scope_step = _step("scope", lambda: scopes_of(claims))
    _, dates_step = _step("dates", lambda: check_dates(*dates_of(claims), now), _DATES)
    _, audience_step = _step("audience", lambda: check_audience(issuer, claims))
    wanted = f"wanted: {_listed(issuer.audience)}"
    known = f"; tenant_ids: {_listed(issuer.tenant_ids)}" if issuer.tenant_ids else ""
    several = "" if tenant else _several(claim_of(claims, issuer.tenant_claim))
    only = f"; tenants: {', '.join(map(str, issuer.tenants))}" if issuer.tenants else ""
    steps = [
        dates_step._replace(detail=dates_step.detail + ", ".join([*dates, f"now {_date(now)}"])),
        audience_step._replace(detail=f"{_claim_value(claims, issuer.audience_claim)}; {wanted}"),
        tenant_step._replace(
            detail=f"{several}{_claim_value(claims, issuer.tenant_claim)}{known}{only}"
        ),
        subject_step._replace(detail=_claim_value(claims, issuer.subject_claim)),
        scope_step._replace(detail=_claim_value(claims, ["scope", "scp"])),
    ]
    if tenant is None or subject is None:
        return steps, None
    record = record_of(issuer, claims) if issuer.provision else None
    return steps, Identity(tenant, issuer.issuer, subject, scopes or frozenset(), record)


def _step(
    name: str, read: Callable[[], _T], faults: Mapping[LogReason, str] | None = None
) -> tuple[_T | None, Step]:
    try:
        return read(), Step(name, holds=True, detail="")
    except DomainError as refused:
        fault = (faults or {}).get(refused.log_reason) if refused.log_reason else None
        return None, Step(name, holds=False, detail=f"{fault}; " if fault else "")


def _several(sent: object) -> str:
    if isinstance(sent, list) and len(sent) != 1:
        return f"a list names a tenant only if it has one value, this has {len(sent)}; "
    return ""


def _claim_value(claims: Mapping[str, Any], paths: Sequence[str]) -> str:
    return f"{' or '.join(map(ascii, paths))} is {_quoted(claim_of(claims, paths))}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(_quoted(name) for name in names) or "none"


def _quoted(value: object) -> str:
    """JSON in ASCII, so that it holds no escape sequences of a terminal."""
    if value is ABSENT or value is None:
        return "not there" if value is ABSENT else "null"
    text = json.dumps(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


def _date(value: object) -> str:
    try:
        return datetime.fromtimestamp(value, UTC).isoformat(timespec="seconds")  # type: ignore[arg-type]  # or TypeError
    except (TypeError, ValueError, OverflowError, OSError):
        return f"no date ({_quoted(value)})"
