"""What walking one picture container finds out, without decoding a pixel."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from profile_domain.avatar import MAX_SIDE, STORED_SIDE


class Damaged(Exception):
    """The container does not hold together."""


# All that a walk raises on bytes that are not what they should be.
DAMAGE = (Damaged, struct.error, IndexError, zlib.error)


@dataclass(slots=True)
class Container:
    """Filled by a walk as it goes, so that what was met before damage stays known.

    ``picture`` is the same container with nothing but the picture in it; ``to_encode`` says that
    this is fit to be decoded but not to be stored. ``sides`` are width and height in pixels, None
    until met. ``padded`` is a JPEG's ``picture`` with excess bits at the end of each scan: it
    decodes to the same pixels, unless bits were missing there.
    """

    media_type: str
    picture: bytes = b""
    sides: tuple[int, int] | None = None
    frames: int = 0
    exif: bytes = b""
    icc: bytes = b""
    to_encode: bool = False
    padded: bytes = b""

    @property
    def sides_hold(self) -> bool:
        """Whether each side is 1 to 4,096 px."""
        return self.sides is not None and all(1 <= side <= MAX_SIDE for side in self.sides)

    @property
    def storable(self) -> bool:
        """Whether ``picture`` may be stored as it is, if it is upright and in sRGB."""
        return self.sides is not None and max(self.sides) <= STORED_SIDE and not self.to_encode


def ensure(holds: bool) -> None:  # noqa: FBT001  one condition is all there is to pass
    if not holds:
        raise Damaged
