"""Cedar's decision: made, with one policy and with 500, and remembered."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from profile_domain.caller import Caller
from profile_domain.people import new_profile, read_record
from profile_domain.profile import Profile
from profile_infra.policies.cedar import CedarPolicy
from profile_testing.signing import TENANT


@pytest.mark.parametrize("policies", [1, 500])
def test_policy_decided(
    benchmark: Any, finish: Any, tmp_path: Path, caller: Caller, policies: int
) -> None:
    """Of somebody new each time."""
    profile = new_profile(UUID(TENANT), uuid4(), read_record("ada@example.com", "local", {}))
    policy = _policy(tmp_path, policies)
    numbers = count()

    def decide() -> None:
        person = replace(profile, email=f"p{next(numbers)}@example.com")
        finish(policy.permit("updateMyProfile", caller, person, ("display_name",)))

    benchmark(decide)


def test_policy_remembered(
    benchmark: Any, finish: Any, tmp_path: Path, profile: Profile, caller: Caller
) -> None:
    policy = _policy(tmp_path, 500)
    benchmark(lambda: finish(policy.permit("updateMyProfile", caller, profile, ("display_name",))))


def _policy(folder: Path, policies: int) -> CedarPolicy:
    """The built-in one is the first."""
    lines = [
        f'forbid (principal, action, resource) when {{ principal.email like "*@no{number}.example" }};'
        for number in range(1, policies)
    ]
    (folder / "many.cedar").write_text("\n".join(lines))
    return CedarPolicy(folder)
