"""Decorators of ports that measure durations, so that adapters need no metrics."""

from __future__ import annotations

from collections.abc import Collection
from time import perf_counter

from prometheus_client import Histogram

from profile_domain.caller import Caller
from profile_domain.pictures.avatar import Avatar, Upload
from profile_domain.profile import Profile
from profile_domain.service import Action, Pictures, Policy


class TimedPictures:
    def __init__(self, pictures: Pictures, seconds: Histogram) -> None:
        self._pictures = pictures
        self._seconds = seconds

    async def clean(self, upload: Upload) -> Avatar:
        started = perf_counter()
        try:
            return await self._pictures.clean(upload)
        finally:
            self._seconds.observe(perf_counter() - started)


class TimedPolicy:
    def __init__(self, policy: Policy, seconds: Histogram) -> None:
        self._policy = policy
        self._seconds = seconds

    async def permit(
        self, action: Action, caller: Caller, profile: Profile, changes: Collection[str] = ()
    ) -> None:
        started = perf_counter()
        try:
            await self._policy.permit(action, caller, profile, changes)
        finally:
            self._seconds.observe(perf_counter() - started)
