"""What holds of a token and what does not, step by step, for an operator."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

from profile_domain.caller import Identity
from profile_domain.errors import Code, DomainError, Why
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

_SHOWN = 200  # code points of a value
_T = TypeVar("_T")


class Step(NamedTuple):
    """``name`` is the word that the log has where it does not hold (``dates`` has three)."""

    name: str
    holds: bool
    says: str


class CheckedToken(NamedTuple):
    """``identity`` is whom the claims name, whether all steps hold or not; None if nobody."""

    steps: list[Step]
    issuer: Issuer | None
    identity: Identity | None

    @property
    def holds(self) -> bool:
        return all(step.holds for step in self.steps)


async def check_token(issuers: Mapping[Issuer, Keys], token: str, now: float) -> CheckedToken:
    """Judges as JoseTokens does, but goes on behind what does not hold.

    What it says holds claims of the token, and neither its signature nor any secret.
    """
    try:
        read = read_token(token)
    except ValueError:
        says = (
            "three parts of base64url with dots between were expected, the first two JSON objects"
        )
        return CheckedToken([Step("form", holds=False, says=says)], None, None)
    steps = [Step("form", holds=True, says=f"three parts, {len(token):,} characters")]
    named = read.claims.get("iss")
    by_name = {each.issuer: each for each in issuers}
    issuer = by_name.get(named) if isinstance(named, str) else None
    says = f"iss is {_shown(named)}; configured: {_listed(by_name)}"
    steps.append(Step("issuer", holds=issuer is not None, says=says))
    if issuer is None:
        return CheckedToken(steps, None, None)
    steps += await _proof(issuer, issuers[issuer], read)
    claims, identity = _claims(issuer, read.claims, now)
    return CheckedToken(steps + claims, issuer, identity)


async def _proof(issuer: Issuer, keys: Keys, read: ReadToken) -> list[Step]:
    """That the header is one for the issuer, that a key fits it, and that the key has signed."""
    alg, kid, typ = (_shown(read.header.get(name, ABSENT)) for name in ("alg", "kid", "typ"))
    fault = fault_of_header(read.header, issuer)
    says = f"alg is {alg}, typ is {typ}; allowed: {', '.join(issuer.algorithms)}"
    header = Step("header", holds=fault is None, says=f"{fault}; {says}" if fault else says)
    if fault is not None:
        return [header]
    failed: Why | None = None
    try:
        await check_signature(keys, read)
    except DomainError as refused:
        if refused.code is Code.UNAVAILABLE:
            problem = keys.problem if isinstance(keys, FetchedKeys) else None
            return [header, Step("key", holds=False, says=problem or "no keys could be had")]
        failed = refused.why
    except Exception:  # noqa: BLE001  as JoseTokens has it
        failed = "signature"
    algorithm = read.header["alg"]
    names = keys.kids(algorithm)
    at_hand = ", ".join("one without a kid" if each is None else _shown(each) for each in names)
    if issuer.secret is not None:
        at_hand = f"the issuer's secret, {len(names)} of it" if len(names) > 1 else "its secret"
    says = f"kid is {kid}; for {algorithm} there are: {at_hand or 'none'}"
    key = Step("key", holds=failed != "key", says=says)
    if failed == "key":
        return [header, key]
    says = "none of the keys that fit has signed it" if failed else "one of the issuer's keys has"
    return [header, key, Step("signature", holds=failed is None, says=says)]


def _claims(
    issuer: Issuer, claims: Mapping[str, Any], now: float
) -> tuple[list[Step], Identity | None]:
    dates = [f"{name} {_date(claims[name])}" for name in ("iat", "nbf", "exp") if name in claims]
    tenant, tenant_step = _judged("tenant", lambda: tenant_of(issuer, claims))
    subject, subject_step = _judged("subject", lambda: subject_of(issuer, claims))
    scopes, scope_step = _judged("scope", lambda: scopes_of(claims))
    _, dates_step = _judged("dates", lambda: check_dates(*dates_of(claims), now))
    _, audience_step = _judged("audience", lambda: check_audience(issuer, claims))
    wanted = f"wanted: {_listed(issuer.audience)}"
    known = f"; tenant_ids: {_listed(issuer.tenant_ids)}" if issuer.tenant_ids else ""
    only = f"; tenants: {', '.join(map(str, issuer.tenants))}" if issuer.tenants else ""
    steps = [
        dates_step._replace(says=", ".join([*dates, f"now {_date(now)}"])),
        audience_step._replace(says=f"{_told(claims, issuer.audience_claim)}; {wanted}"),
        tenant_step._replace(says=f"{_told(claims, issuer.tenant_claim)}{known}{only}"),
        subject_step._replace(says=_told(claims, issuer.subject_claim)),
        scope_step._replace(says=_told(claims, ["scope", "scp"])),
    ]
    if tenant is None or subject is None:
        return steps, None
    record = record_of(issuer, claims) if issuer.provision else None
    return steps, Identity(tenant, issuer.issuer, subject, scopes or frozenset(), record)


def _judged(name: str, read: Callable[[], _T]) -> tuple[_T | None, Step]:
    try:
        return read(), Step(name, holds=True, says="")
    except DomainError:
        return None, Step(name, holds=False, says="")


def _told(claims: Mapping[str, Any], paths: Sequence[str]) -> str:
    return f"{' or '.join(map(ascii, paths))} is {_shown(claim_of(claims, paths))}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(_shown(name) for name in names) or "none"


def _shown(value: object) -> str:
    """In ASCII, so that no terminal takes a part of it for a command."""
    if value is ABSENT or value is None:
        return "not there" if value is ABSENT else "null"
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _date(value: object) -> str:
    try:
        return datetime.fromtimestamp(value, UTC).isoformat(timespec="seconds")  # type: ignore[arg-type]  # or TypeError
    except (TypeError, ValueError, OverflowError, OSError):
        return f"no date ({_shown(value)})"
