"""The endpoints of the REST face about one's own profile."""

from __future__ import annotations

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from profile_api.rest.avatars import AvatarAddresses, picture
from profile_domain.caller import Caller, Credentials
from profile_domain.errors import Code, DomainError
from profile_domain.profile import Profile, ProfileUpdate
from profile_domain.requests.bodies import read_json_object
from profile_domain.requests.headers import Fields, if_none_match_hits, joined, read_fields
from profile_domain.service import ProfileService


class ProfileRoutes:
    """``max_body_bytes`` limits the body of an update."""

    def __init__(
        self, service: ProfileService, addresses: AvatarAddresses, *, max_body_bytes: int
    ) -> None:
        self._service = service
        self._addresses = addresses
        self._max_body_bytes = max_body_bytes

    async def view_my_profile(self, request: Request) -> Response:
        """Your own profile."""
        fields = read_fields(request.scope["headers"])
        caller = await self._caller(request, fields, to_write=False)
        profile = await self._service.view_my_profile(caller)
        if if_none_match_hits(joined(fields, "if-none-match"), profile.etag):
            return Response(status_code=304, headers={"ETag": profile.etag})
        return _answer(profile)

    async def update_my_profile(self, request: Request) -> Response:
        """Changes your own profile, all of it or nothing. Keys that are left out stay."""
        fields = read_fields(request.scope["headers"])
        caller = await self._caller(request, fields, to_write=True)
        body = await read_json_object(fields, request.stream(), max_bytes=self._max_body_bytes)
        profile = await self._service.update_my_profile(
            caller, ProfileUpdate(body), if_match=joined(fields, "if-match")
        )
        return _answer(profile)

    async def view_my_avatar(self, request: Request) -> Response:
        """Your own picture, and where others see it (`Content-Location`)."""
        fields = read_fields(request.scope["headers"])
        caller = await self._caller(request, fields, to_write=False)
        profile = await self._service.view_my_profile(caller)
        address = self._addresses.of(profile)
        if profile.avatar is None or address is None:
            raise DomainError(Code.NOT_FOUND)
        return picture(fields, profile.avatar, {"Content-Location": address})

    async def _caller(self, request: Request, fields: Fields, *, to_write: bool) -> Caller:
        state = request.scope["state"]
        caller = await self._service.identify(
            Credentials.sent_in(fields),
            face="rest",
            request_id=state["request_id"],
            to_write=to_write,
        )
        state["tenant"] = caller.identity.tenant_id
        return caller


def _answer(profile: Profile) -> Response:
    body = to_json(profile.document)
    return Response(body, headers={"ETag": profile.etag}, media_type="application/json")
