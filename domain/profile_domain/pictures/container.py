"""The result of parsing a picture's container, without decoding pixels."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from profile_domain.pictures.avatar import MAX_SIDE, STORED_SIDE


class Damaged(Exception):
    """The container is malformed."""


# All exceptions that a parser raises for malformed bytes.
DAMAGE = (Damaged, struct.error, IndexError, zlib.error)


@dataclass(slots=True)
class Container:
    """Filled while parsing, so that what precedes damage is known.

    ``sides``: width and height in pixels. ``readings``: files for the decoder, without metadata;
    if the picture is complete, all decode to the same pixels. ``clean``: the container holds
    nothing but the picture, each part with the length and place that the format requires, and in
    use. ``shortened``: groups of files that lack the end of some compressed data. If in each group
    one decodes to other pixels or fails, no data is hidden behind the compressed data.
    ``lossless`` is set for WebP only.
    """

    media_type: str
    readings: tuple[bytes, ...] = ()
    sides: tuple[int, int] | None = None
    frames: int = 0
    exif: bytes = b""
    icc: bytes = b""
    lossless: bool = False
    clean: bool = False
    shortened: tuple[tuple[bytes, ...], ...] = ()

    @property
    def sides_hold(self) -> bool:
        """Whether each side is 1 to 4,096 px."""
        return self.sides is not None and all(1 <= side <= MAX_SIDE for side in self.sides)

    @property
    def is_small(self) -> bool:
        """Whether no side is over 512 px."""
        return self.sides is not None and max(self.sides) <= STORED_SIDE


def ensure(holds: bool) -> None:  # noqa: FBT001  one condition is all there is to pass
    if not holds:
        raise Damaged
