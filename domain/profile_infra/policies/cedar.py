"""Authorization by Cedar policies."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from cedarpy import Decision, Entities, PolicySet, is_authorized

from profile_domain.caller import Caller, Face
from profile_domain.errors import Code, DomainError
from profile_domain.profile import AuthProvider, Profile
from profile_domain.service import Action
from profile_infra.policies.files import (
    PolicyError,
    Rule,
    policy_files,
    read_policies,
    schema,
)
from profile_infra.reloading import Reloaded

MAX_CACHED_DECISIONS = 4096
# Approximate bytes. Decisions for callers with more scopes are not cached: a token may have
# thousands of them.
MAX_CACHED_SCOPES = 2048
MAX_LOGGED_POLICIES = 8
_ANYBODY = UUID(int=0)
MAX_LOGGED_ID = 100  # code points

_log = logging.getLogger(__name__)
_FAILED = re.compile(r"error while evaluating policy `(\w+)`: (.*)", re.DOTALL)


class RequestRefused(Exception):
    """A request that the schema does not have; the text is the engine's, and may quote it."""


class Principal(NamedTuple):
    """The attributes of a profile that policies can read."""

    tenant_id: UUID
    id: UUID
    email: str
    auth_provider: AuthProvider

    @classmethod
    def of(cls, profile: Profile, *, alike: bool = False) -> Principal:
        """One for all people of a tenant and provider, if they are to be treated ``alike``."""
        if alike:
            return cls(profile.tenant_id, _ANYBODY, "", profile.auth_provider)
        return cls(profile.tenant_id, profile.id, profile.email, profile.auth_provider)


@dataclass(frozen=True, slots=True)
class Verdict:
    """``determining`` are the policies that decided, by id; none if nothing permits it.

    ``failures`` are errors of evaluation, each of which denies.
    """

    permitted: bool
    determining: tuple[Rule, ...] = ()
    failures: tuple[str, ...] = ()

    @property
    def notices(self) -> tuple[str, ...]:
        """The notices of the determining ``forbid`` policies."""
        return tuple(rule.notice for rule in self.determining if rule.forbids and rule.notice)


class CedarPolicy:
    """The built-in policy, and those of an operator's folder, which ``files`` reloads.

    Raises PolicyError for invalid policies.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.files = Reloaded(
            "policies",
            files=lambda: sorted(policy_files(folder)) if folder else (),
            read=lambda: Policies(read_policies(folder)),
            refusal=PolicyError,
        )

    async def permit(
        self, action: Action, caller: Caller, profile: Profile, changes: Collection[str] = ()
    ) -> None:
        """Raises ``forbidden`` with the notices of the policies that determined it.

        An error of evaluation is logged and denies.
        """
        scopes = caller.identity.scopes
        policies = self.files.current
        person = Principal.of(profile, alike=policies.treat_people_alike)
        decide = policies.cached_decide if _is_small(scopes) else policies.decide
        verdict = decide(action, person, frozenset(changes), scopes, caller.face)
        for failure in verdict.failures:
            _log.error("request %s is denied: %s", caller.request_id, failure)
        if not verdict.permitted:
            logged = verdict.determining[:MAX_LOGGED_POLICIES]
            raise DomainError(
                Code.FORBIDDEN,
                notices=verdict.notices,
                log_fields={"policies": [rule.id[:MAX_LOGGED_ID] for rule in logged]},
            )


class Policies:
    """Compiled policies, with their last 4,096 decisions.

    A decision depends on the arguments of ``decide`` only; if ``treat_people_alike``, not on the
    person's id and email.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._policies = PolicySet.from_str("\n".join(rule.text for rule in rules))
        # Cedar numbers the policies while parsing. Ids could be set in its JSON format only, which
        # limits the nesting of conditions.
        self._rules = {f"policy{number}": rule for number, rule in enumerate(rules)}
        self.treat_people_alike = not any(rule.tells_people_apart for rule in rules)
        self.cached_decide = lru_cache(MAX_CACHED_DECISIONS)(self.decide)

    def decide(
        self,
        action: Action,
        person: Principal,
        changes: frozenset[str],
        scopes: frozenset[str],
        face: Face,
    ) -> Verdict:
        user = {"type": "ProfileService::User", "id": str(person.id)}
        context = {"changes": list(changes), "scopes": list(scopes), "face": face}
        request = {
            "principal": user,
            "action": {"type": "ProfileService::Action", "id": action},
            "resource": user,
            "context": json.dumps(context),
        }
        try:
            return self.verdict(request, _entities(person))
        except ValueError:
            # For example a lone surrogate. The engine's message may quote personal data.
            return Verdict(permitted=False, failures=("the engine refused the person",))
        except RequestRefused:
            return Verdict(permitted=False, failures=("the engine refused the request",))

    def verdict(self, request: Mapping[str, object], entities: Entities) -> Verdict:
        """The verdict on a request in the engine's form. Raises RequestRefused."""
        answer = is_authorized(dict(request), self._policies, entities, schema())
        if answer.decision is Decision.NoDecision:
            raise RequestRefused("; ".join(answer.diagnostics.errors))
        failures = tuple(self._failure(error) for error in answer.diagnostics.errors)
        reasons = set(answer.diagnostics.reasons)
        return Verdict(
            permitted=answer.decision is Decision.Allow and not failures,
            determining=tuple(rule for key, rule in self._rules.items() if key in reasons),
            failures=failures,
        )

    def _failure(self, error: str) -> str:
        """The message quotes constants of the policy only: a valid policy fails on nothing else."""
        failed = _FAILED.fullmatch(error)
        if failed is None:
            return "a policy could not be evaluated"
        return f"policy {self._rules[failed[1]].id} could not be evaluated: {failed[2]}"


def _is_small(scopes: Collection[str]) -> bool:
    return 64 * len(scopes) + sum(map(len, scopes)) <= MAX_CACHED_SCOPES


def _entities(person: Principal) -> Entities:
    user = {
        "uid": {"type": "ProfileService::User", "id": str(person.id)},
        "attrs": {"email": person.email, "auth_provider": person.auth_provider},
        "parents": [{"type": "ProfileService::Tenant", "id": str(person.tenant_id)}],
    }
    return Entities.from_json_str(json.dumps([user]), schema())
