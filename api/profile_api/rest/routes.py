"""The endpoints of the REST face about one's own profile."""

from __future__ import annotations

from typing import Final

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from profile_api.rest.avatars import AvatarAddresses, picture
from profile_api.rest.streaming import StreamedAnswer
from profile_domain.audit import MAX_PAGE, page_of
from profile_domain.caller import Caller, Credentials
from profile_domain.errors import Code, DomainError
from profile_domain.profile import Profile, ProfileUpdate
from profile_domain.requests.bodies import read_json_object
from profile_domain.requests.headers import (
    Fields,
    joined,
    names_version,
    prefers_minimal,
    read_fields,
)
from profile_domain.service import ProfileService

MAX_NAME: Final = 100  # code points of an argument's name in an error
_ATTACHED: Final = 'attachment; filename="profile.json"'
# What is no number at all is refused like one outside the range.
_COUNTS: Final = {str(count): count for count in range(1, MAX_PAGE + 1)}


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
        known = joined(fields, "if-none-match")
        if known is not None:  # 304 needs no picture
            profile = await self._service.view_my_profile(caller, with_image=False)
            if names_version(known, profile.etag):
                return Response(status_code=304, headers={"ETag": profile.etag})
        return _answer(await self._service.view_my_profile(caller))

    async def update_my_profile(self, request: Request) -> Response:
        """Changes your own profile, all of it or nothing. Keys that are left out stay.

        With `Prefer: return=minimal` only the entity tag is answered.
        """
        fields = read_fields(request.scope["headers"])
        caller = await self._caller(request, fields, to_write=True)
        body = await read_json_object(fields, request.stream(), max_bytes=self._max_body_bytes)
        minimal = prefers_minimal(joined(fields, "prefer"))
        profile = await self._service.update_my_profile(
            caller,
            ProfileUpdate(body),
            if_match=joined(fields, "if-match"),
            with_image=not minimal,
        )
        if minimal:
            headers = {"ETag": profile.etag, "Preference-Applied": "return=minimal"}
            return Response(status_code=204, headers=headers)
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

    async def view_editable_fields(self, request: Request) -> Response:
        """The fields that you may change now, by sign-in provider and by policy."""
        fields = read_fields(request.scope["headers"])
        caller = await self._caller(request, fields, to_write=False)
        profile = await self._service.view_my_profile(caller, with_image=False)
        return _json({"editable_fields": await self._service.editable_fields(caller, profile)})

    async def view_my_changes(self, request: Request) -> Response:
        """What changed, newest first, in pages."""
        fields = read_fields(request.scope["headers"])
        caller = await self._caller(request, fields, to_write=False)
        profile = await self._service.view_my_profile(caller, with_image=False)
        sent = _arguments(request, "first", "after")
        first = _COUNTS.get(sent["first"], 0) if "first" in sent else None
        count, before = page_of(first, sent.get("after"))
        found = await self._service.my_changes(caller, profile, first=count + 1, after=before)
        changes = found[:count]
        more = len(found) > count
        return _json(
            {
                "changes": [change.document for change in changes],
                "next": str(changes[-1].new_version) if more else None,
            }
        )

    async def export(self, request: Request) -> Response:
        """All that is kept about you, in one document."""
        fields = read_fields(request.scope["headers"])
        caller = await self._caller(request, fields, to_write=False)
        parts = await self._service.export_my_profile(caller)
        return StreamedAnswer(parts, {"Content-Disposition": _ATTACHED})

    async def _caller(self, request: Request, fields: Fields, *, to_write: bool) -> Caller:
        state = request.scope["state"]
        caller = await self._service.identify(
            Credentials.sent_in(fields),
            face="rest",
            request_id=state["request_id"],
            to_write=to_write,
        )
        state["caller"] = caller
        return caller


def _answer(profile: Profile) -> Response:
    return _json(profile.document, {"ETag": profile.etag})


def _json(value: object, headers: dict[str, str] | None = None) -> Response:
    return Response(to_json(value), headers=headers, media_type="application/json")


def _arguments(request: Request, *known: str) -> dict[str, str]:
    """The query parameters. Raises ``invalid_argument`` for one that is unknown or sent twice."""
    arguments = dict(request.query_params)
    for name in arguments:
        if name not in known or len(request.query_params.getlist(name)) > 1:
            raise DomainError(Code.INVALID_ARGUMENT, details={"argument": name[:MAX_NAME]})
    return arguments
