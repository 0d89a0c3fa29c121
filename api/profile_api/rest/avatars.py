"""Pictures by address, for ``<img src>``: no token, and cached for ever."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from profile_domain.caller import parse_uuid
from profile_domain.errors import Code, DomainError
from profile_domain.pictures.avatar import Avatar
from profile_domain.profile import Profile
from profile_domain.public_avatars import SIDES, PublicAvatars, check_size
from profile_domain.requests.headers import Fields, joined, names_version, read_fields

AVATARS: Final = "/v1/avatars"
# An address never means another picture. Any page may show it and read its pixels, by whatever way:
# a copy that a browser keeps of an <img> must also do for a fetch() (docs/adr/0118).
_PUBLIC: Final = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Access-Control-Allow-Origin": "*",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
}
_SIZES: Final = {str(side): side for side in SIDES}


class AvatarAddresses:
    """The addresses of pictures: absolute with ``public_url``, else paths."""

    def __init__(self, public_url: str | None) -> None:
        self._root = public_url or ""

    def of(self, profile: Profile, size: int | None = None) -> str | None:
        """None if there is no picture. Raises ``invalid_argument`` for another size than SIDES."""
        check_size(size)
        if profile.avatar is None:
            return None
        path = f"{AVATARS}/{profile.tenant_id}/{profile.id}/{profile.avatar.address_digest}"
        return f"{self._root}{path}{'' if size is None else f'?size={size}'}"


class AvatarRoutes:
    def __init__(self, avatars: PublicAvatars) -> None:
        self._avatars = avatars

    async def view_avatar(self, request: Request) -> Response:
        """A picture, as it is stored or in one of four sizes."""
        size = _size(request)
        path = request.path_params
        tenant_id, user_id = parse_uuid(path["tenant"]), parse_uuid(path["user"])
        if tenant_id is None or user_id is None:
            raise DomainError(Code.NOT_FOUND)
        avatar = await self._avatars.view(tenant_id, user_id, path["digest"], size=size)
        return picture(read_fields(request.scope["headers"]), avatar, _PUBLIC)


def picture(fields: Fields, avatar: Avatar, headers: Mapping[str, str]) -> Response:
    """The picture, or 304 (RFC 9110 section 15.4.5). Its entity tag is the digest of its bytes."""
    etag = f'"{avatar.address_digest}"'
    headers = {"ETag": etag, "Accept-Ranges": "none", **headers}
    known = joined(fields, "if-none-match")
    if known is not None and names_version(known, etag):
        return Response(status_code=304, headers=headers)
    return Response(avatar.image, headers=headers, media_type=avatar.media_type)


def _size(request: Request) -> int | None:
    sent = request.query_params.getlist("size")
    if not sent:
        return None
    # What is no size at all is refused like a size that there is not.
    return check_size(_SIZES.get(sent[0], 0) if len(sent) == 1 else 0)
