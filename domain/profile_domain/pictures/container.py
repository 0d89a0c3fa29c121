"""What walking one picture container finds out, without decoding a pixel."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from profile_domain.pictures.avatar import MAX_SIDE, STORED_SIDE


class Damaged(Exception):
    """The container does not hold together."""


# All that a walk raises on bytes that are not what they should be.
DAMAGE = (Damaged, struct.error, IndexError, zlib.error)


@dataclass(slots=True)
class Container:
    """Filled by a walk as it goes, so that what was met before damage stays known.

    ``sides`` are width and height in pixels, None until met. ``readings`` are for the decoder:
    the picture without metadata, in one form or several, which decode to the same pixels if it is
    whole. ``clean`` says that the container has nothing but the picture in it, each part of the
    length and in the place that the format gives it, and in use. In ``shortened`` the ends of its
    compressed data are missing: where of each group one decodes to other pixels, or not at all,
    nothing lies behind them. ``lossless`` is said of a WebP alone.
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
