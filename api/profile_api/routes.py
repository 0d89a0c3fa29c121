"""The REST face: a profile read and a profile updated, each told in a few lines."""

from __future__ import annotations

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from profile_domain.bodies import read_json_object
from profile_domain.caller import Caller, Credentials
from profile_domain.preconditions import if_none_match_hits
from profile_domain.profile import Profile, ProfileChange
from profile_domain.service import ProfileService


class ProfileRoutes:
    """``max_body_bytes`` is the limit on the body of an update."""

    def __init__(self, service: ProfileService, *, max_body_bytes: int) -> None:
        self._service = service
        self._max_body_bytes = max_body_bytes

    async def view_my_profile(self, request: Request) -> Response:
        """Your own profile."""
        caller = await self._caller(request, to_write=False)
        profile = await self._service.view_my_profile(caller)
        if if_none_match_hits(_joined(request, "if-none-match"), profile.etag):
            return Response(status_code=304, headers={"ETag": profile.etag})
        return _answer(profile)

    async def update_my_profile(self, request: Request) -> Response:
        """Changes your own profile, all of it or nothing. Keys that are left out stay."""
        caller = await self._caller(request, to_write=True)
        headers = {
            name: request.headers.getlist(name)
            for name in ("content-length", "content-type", "content-encoding")
        }
        body = await read_json_object(headers, request.stream(), max_bytes=self._max_body_bytes)
        profile = await self._service.update_my_profile(
            caller, ProfileChange(body), if_match=_joined(request, "if-match")
        )
        return _answer(profile)

    async def _caller(self, request: Request, *, to_write: bool) -> Caller:
        credentials = Credentials(
            authorization=request.headers.getlist("authorization"),
            tenant=request.headers.getlist("x-tenant-id"),
        )
        caller = await self._service.identify(
            credentials, face="rest", request_id=request.state.request_id, to_write=to_write
        )
        request.state.tenant = caller.identity.tenant_id
        return caller


def _joined(request: Request, header: str) -> str | None:
    """A list header sent in several lines is one list (RFC 9110 section 5.3)."""
    sent = request.headers.getlist(header)
    return ", ".join(sent) if sent else None


def _answer(profile: Profile) -> Response:
    body = to_json(
        {
            "id": str(profile.id),
            "email": profile.email,
            "name": profile.name,
            "auth_provider": profile.auth_provider.value,
            "first_name": profile.first_name,
            "last_name": profile.last_name,
            "display_name": profile.display_name,
            "avatar_base64": profile.avatar.data_uri if profile.avatar else None,
        }
    )
    return Response(body, headers={"ETag": profile.etag}, media_type="application/json")
