"""Parser of GIF containers (GIF89a specification)."""

from __future__ import annotations

from struct import unpack_from

from profile_domain.pictures.container import Container, ensure

_EXTENSION, _FRAME, _TRAILER = 0x21, 0x2C, 0x3B


def walk_gif(image: bytes, found: Container) -> None:
    """A frame that exceeds the logical screen enlarges the picture, as in the decoder."""
    found.readings = (image,)
    width, height, flags = unpack_from("<HHB", image, 6)
    found.sides = width, height
    at = 13 + _colour_table(flags)
    while (block := image[at]) != _TRAILER:
        ensure(block in (_EXTENSION, _FRAME))
        at += 2
        if block == _FRAME:
            left, top, across, down, flags = unpack_from("<HHHHB", image, at - 1)
            width, height = max(width, left + across), max(height, top + down)
            found.sides, found.frames = (width, height), found.frames + 1
            at += 9 + _colour_table(flags)
        while step := image[at]:
            at += 1 + step
        at += 1


def _colour_table(flags: int) -> int:
    """Its length in bytes."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0
