"""The rules for a picture that are checked before it is decoded."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

from profile_domain.errors import Code, FieldRefused
from profile_domain.pictures.avatar import MAX_SIDE, Upload
from profile_domain.pictures.container import DAMAGE, Container
from profile_domain.pictures.gif import walk_gif
from profile_domain.pictures.jpeg import walk_jpeg
from profile_domain.pictures.png import walk_png
from profile_domain.pictures.webp import walk_webp

PNG, JPEG, WEBP, GIF = "image/png", "image/jpeg", "image/webp", "image/gif"

_CONTAINERS: dict[str, tuple[re.Pattern[bytes], Callable[[bytes, Container], None]]] = {
    PNG: (re.compile(rb"\x89PNG\r\n\x1a\n"), walk_png),
    JPEG: (re.compile(rb"\xff\xd8\xff"), walk_jpeg),
    WEBP: (re.compile(rb"RIFF....WEBP", re.DOTALL), walk_webp),
    GIF: (re.compile(rb"GIF8[79]a"), walk_gif),
}


def examine(upload: Upload) -> Container:
    """The upload's parsed container.

    Raises FieldRefused with ``avatar_unsupported_type``, ``avatar_animated``,
    ``avatar_dimensions`` or ``avatar_corrupt``, whichever comes first in this order.
    """
    known = _CONTAINERS.get(upload.declared_type)
    if known is None or not known[0].match(upload.image):
        raise FieldRefused(Code.AVATAR_UNSUPPORTED_TYPE)
    walk, whole = known[1], True
    found = Container(upload.declared_type)
    try:
        walk(upload.image, found)
    except DAMAGE:
        whole = False
    if found.frames > 1:
        raise FieldRefused(Code.AVATAR_ANIMATED)
    if found.sides and not found.sides_hold:
        raise FieldRefused(Code.AVATAR_DIMENSIONS, max_side=MAX_SIDE)
    if not (whole and found.frames):
        raise FieldRefused(Code.AVATAR_CORRUPT)
    return found


def orientation(exif: bytes) -> int:
    """EXIF's Orientation (0x0112), 1 to 8; 1 (upright) if it is absent or invalid."""
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return 1
    try:
        (at,) = struct.unpack_from(order + "I", tiff, 4)
        (entries,) = struct.unpack_from(order + "H", tiff, at)
        for entry in range(entries):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", tiff, at + 2 + 12 * entry)
            if tag == 0x0112 and kind == 3 and 1 <= value <= 8:
                return int(value)
    except struct.error:
        pass
    return 1
