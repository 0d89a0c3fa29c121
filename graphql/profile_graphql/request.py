"""The context of a request, for the resolvers."""

from __future__ import annotations

from asyncio import Lock
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from strawberry.types import Info

from profile_domain.caller import Caller, Credentials
from profile_domain.profile import Profile
from profile_domain.service import ProfileService

AvatarURL = Callable[[Profile, int | None], str | None]


@dataclass(slots=True)
class RequestContext:
    """One request. The caller is authenticated once, by the first field that needs it.

    ``log_fields`` are for the request's log line and metrics: ``caller``, ``code``, and
    ``log_fields`` of the error.
    """

    service: ProfileService
    avatar_url: AvatarURL
    credentials: Credentials
    request_id: str
    wants_image: bool
    wants_editable: bool
    log_fields: dict[str, Any] = field(default_factory=dict)
    _caller: Caller | None = field(default=None, init=False)
    _profile: Profile | None = field(default=None, init=False)
    _loading: Lock = field(default_factory=Lock, init=False)

    async def caller(self, *, to_write: bool = False) -> Caller:
        """Raises what ``ProfileService.identify`` raises."""
        if self._caller is None:
            self._caller = await self.service.identify(
                self.credentials, face="graphql", request_id=self.request_id, to_write=to_write
            )
            self.log_fields["caller"] = self._caller
        return self._caller

    async def my_profile(self) -> Profile:
        """Loaded once per request, so that all fields show one version and one picture is held.

        Raises what ``ProfileService.view_my_profile`` raises.
        """
        async with self._loading:
            if self._profile is None:
                self._profile = await self.service.view_my_profile(
                    await self.caller(), with_image=self.wants_image
                )
            return self._profile


RequestInfo = Info[RequestContext, None]
