"""Pictures by Pillow: decoded whole, freed of all that is no picture, upright, in sRGB, small."""

from __future__ import annotations

import asyncio
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from io import BytesIO
from itertools import chain, product
from math import prod
from threading import Lock, get_native_id

from PIL import Image, ImageChops, ImageCms

from profile_domain.avatar import MAX_BYTES, MAX_SIDE, STORED_SIDE, Avatar, Upload
from profile_domain.container import Container, ensure
from profile_domain.containers import GIF, JPEG, PNG, WEBP, examine, orientation
from profile_domain.errors import Code, FieldRefused

Image.MAX_IMAGE_PIXELS = MAX_SIDE * MAX_SIDE
LARGE = 2048 * 2048

_FORMATS = {PNG: "PNG", JPEG: "JPEG", WEBP: "WEBP", GIF: "GIF"}
# Type and quality; the first that takes at most 256 KiB is stored. Quality is nothing to PNG.
_ENCODINGS = {
    PNG: ((PNG, 100), (WEBP, 90), (WEBP, 75), (WEBP, 60)),
    JPEG: ((JPEG, 90), (JPEG, 75), (JPEG, 60)),
    WEBP: ((WEBP, 90), (WEBP, 75), (WEBP, 60)),
    GIF: ((PNG, 100),),
}
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# The colours that an ICC profile speaks of, by the mode they are converted in.
_SPACES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}
_SWATCHES = bytes(chain.from_iterable(product(range(0, 256, 17), repeat=3)))


class PillowPictures:
    """The port ``Pictures``, in threads of its own.

    At most ``workers`` pictures are at work at once, and one with over 4 million pixels, which
    takes up to 320 MiB; any other takes 80. Those that wait are no more than the bytes sent.
    """

    def __init__(self, workers: int = 2) -> None:
        self._threads = ThreadPoolExecutor(workers, "pictures", initializer=_give_way)
        self._one_large = Lock()

    async def clean(self, upload: Upload) -> Avatar:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._clean, upload)

    def close(self) -> None:
        """Waits for the pictures at work; those not begun are cancelled."""
        self._threads.shutdown(cancel_futures=True)

    def _clean(self, upload: Upload) -> Avatar:
        found = examine(upload)
        with self._one_large if prod(found.sides or ()) > LARGE else nullcontext():
            return _cleaned(found)


def _give_way() -> None:
    """Lets whoever answers requests go first. Only Linux has a priority for a thread."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, get_native_id(), 10)


def _cleaned(found: Container) -> Avatar:
    image = _decoded(found, found.picture)
    if found.padded and _decoded(found, found.padded) != image:
        raise FieldRefused(Code.AVATAR_CORRUPT)
    turn = _TURNS.get(orientation(found.exif))
    to_srgb = _transform(found.icc, image.mode)
    if found.storable and turn is None and to_srgb is None:
        return Avatar.of(found.media_type, found.picture)
    if max(image.size) > STORED_SIDE:
        image = _scaled(image, STORED_SIDE)
    if to_srgb is not None:
        image = _converted(_plain(image), to_srgb)
    if turn is not None:
        image = image.transpose(turn)
    return _encoded(image, found.media_type)


def _decoded(found: Container, picture: bytes) -> Image.Image:
    """All pixels; of a JPEG that is far too large, and read whole too, as many as are of use."""
    try:
        with Image.open(BytesIO(picture), formats=[_FORMATS[found.media_type]]) as image:
            ensure(image.size == found.sides)
            width, height = _within(image.size, STORED_SIDE)
            image.draft(None, (2 * width, 2 * height))
            image.load()
            return image
    except MemoryError:
        raise
    except Exception as damage:
        raise FieldRefused(Code.AVATAR_CORRUPT) from damage


def _plain(image: Image.Image) -> Image.Image:
    """In a mode that can be scaled and converted: L, RGB, RGBA or CMYK."""
    if image.mode == "I;16":
        image.info.pop("transparency", None)
        return image.point(lambda value: value * (1 / 257)).convert("L")
    if image.mode in ("RGBA", "CMYK"):
        return image
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image if image.mode == "L" else image.convert("RGB")


def _within(size: tuple[int, int], side: int) -> tuple[int, int]:
    """The size scaled down, if need be, so that no side is longer; a side is never 0."""
    longest = max(*size, side)
    return max(1, round(size[0] * side / longest)), max(1, round(size[1] * side / longest))


def _scaled(image: Image.Image, side: int) -> Image.Image:
    size = _within(image.size, side)
    return _plain(image).resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def _transform(icc: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From a profile to sRGB; None where the profile makes no sense or moves no colour."""
    if not icc:
        return None
    base = "CMYK" if mode == "CMYK" else "L" if mode in ("1", "L", "LA", "I;16") else "RGB"
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(icc))
        if profile.profile.xcolor_space.strip() != _SPACES[base]:
            return None
        transform = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), base, "RGB")
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return None
    swatches = Image.frombytes("RGB", (64, 64), _SWATCHES).convert(base)
    moved = ImageChops.difference(transform.apply(swatches), swatches.convert("RGB"))
    return transform if max(moved.tobytes()) > 2 else None


def _converted(image: Image.Image, to_srgb: ImageCms.ImageCmsTransform) -> Image.Image:
    converted = to_srgb.apply(image.convert(to_srgb.input_mode))
    converted.info.clear()  # where Pillow leaves sRGB's own profile
    if image.mode == "RGBA":
        converted.putalpha(image.getchannel("A"))
    return converted


def _encoded(image: Image.Image, media_type: str) -> Avatar:
    """The best encoding that takes at most 256 KiB; at last with sides halved until it does."""
    image = image if image.mode == "P" else _plain(image)
    image = image.convert("RGB") if image.mode == "CMYK" else image
    while True:
        for stored_type, quality in _ENCODINGS[media_type]:
            file = BytesIO()
            image.save(file, _FORMATS[stored_type], quality=quality)
            if file.tell() <= MAX_BYTES:
                return Avatar.of(stored_type, file.getvalue())
        if media_type == GIF and image.mode != "P":
            image = image.quantize()
        else:
            image = _scaled(image, max(image.size) // 2)
