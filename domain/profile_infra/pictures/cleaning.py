"""Cleaning pictures with Pillow: no metadata, upright, sRGB, at most 512 pixels a side.

And the smaller sizes of those that are clean.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from itertools import chain, product
from typing import Any

from PIL import Image, ImageChops, ImageCms, ImageFile

from profile_domain.errors import Code, FieldRefused
from profile_domain.pictures.avatar import MAX_BYTES, MAX_SIDE, STORED_SIDE, Avatar, Upload
from profile_domain.pictures.container import Container, ensure
from profile_domain.pictures.examine import GIF, JPEG, PNG, WEBP, examine, orientation

Image.MAX_IMAGE_PIXELS = MAX_SIDE * MAX_SIDE
# A clean picture may be larger than our own encoding of it by this factor, plus these bytes.
MAX_RATIO, MAX_EXTRA_BYTES = 2, 4096

_FORMATS = {PNG: "PNG", JPEG: "JPEG", WEBP: "WEBP", GIF: "GIF"}
_Encoding = tuple[str, dict[str, Any]]
_AS_PNG: _Encoding = PNG, {}
_LOSSY_WEBP: tuple[_Encoding, ...] = tuple((WEBP, {"quality": each}) for each in (90, 60))
_LOSSLESS_WEBP: _Encoding = WEBP, {"lossless": True, "quality": 20, "method": 2}
_AS_JPEG: tuple[_Encoding, ...] = tuple((JPEG, {"quality": each}) for each in (90, 75, 60))
# The first that takes at most 256 KiB is stored.
_ENCODINGS = {
    PNG: (_AS_PNG, *_LOSSY_WEBP),
    JPEG: (*_AS_JPEG, _AS_PNG),
    WEBP: (*_LOSSY_WEBP, _AS_PNG),
    GIF: (_AS_PNG,),
}
_GREY_FACTORS = {"1": 255, "L;2": 85, "L;4": 17}
_OF_16_BITS = {"I;16B", "RGB;16B"}
_TRANSPOSES = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# The colour space of an ICC profile by the mode of the picture.
_SPACES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}
_SWATCHES = bytes(chain.from_iterable(product(range(0, 256, 17), repeat=3)))


def clean(upload: Upload) -> Avatar:
    """The picture to store. Takes at most 160 MiB and about 300 ms of one core.

    Raises FieldRefused with an ``avatar_…`` code.
    """
    found = examine(upload)
    image = _decoded(found, found.readings[0])
    if not all(_is_same(_decoded(found, reading), image) for reading in found.readings[1:]):
        raise FieldRefused(Code.AVATAR_CORRUPT)
    transpose = _TRANSPOSES.get(orientation(found.exif))
    to_srgb = _transform(found.icc, image.mode)
    if transpose is None and to_srgb is None and _is_clean(upload, found, image):
        own = next(_encodings(image, found)).image or b""
        if len(upload.image) <= MAX_RATIO * len(own) + MAX_EXTRA_BYTES:
            return Avatar.of(found.media_type, upload.image)
    if max(image.size) > STORED_SIDE:
        image = _scaled(image, STORED_SIDE)
    if to_srgb is not None:
        image = _converted(_plain(image), to_srgb)
    if transpose is not None:
        image = image.transpose(transpose)
    return _encoded(image, found)


def scale(stored: Upload, side: int) -> Avatar:
    """A stored picture with no side over ``side`` pixels; as it is if it has none."""
    found = examine(stored)
    image = _decoded(found, found.readings[0], side)
    if found.sides is not None and max(found.sides) <= side:
        return Avatar.of(found.media_type, stored.image)
    return next(_encodings(_scaled(image, side), found))


def _is_clean(upload: Upload, found: Container, image: Image.Image) -> bool:
    """Whether a clean container hides no data behind its compressed data."""

    def is_other(reading: bytes) -> bool:
        try:
            return not _is_same(_decoded(found, reading), image)
        except FieldRefused:
            return True

    needs_all = all(any(map(is_other, group)) for group in found.shortened)
    return found.clean and (needs_all or _is_reproduced(upload, image))


def _is_reproduced(upload: Upload, image: Image.Image) -> bool:
    """Whether libjpeg encodes the pixels to exactly these bytes.

    This accepts plain pictures, in which no pixel depends on the last bits.
    """
    if image.format != "JPEG":
        return False
    progressive = "progressive" in image.info
    for optimize in (False, True):
        file = BytesIO()
        image.save(file, "JPEG", quality="keep", optimize=optimize, progressive=progressive)
        if file.getvalue() == upload.image:
            return True
    return False


def _decoded(found: Container, picture: bytes, side: int = STORED_SIDE) -> Image.Image:
    """The decoded picture; a JPEG far larger than ``side`` is decoded at a reduced size."""
    try:
        with Image.open(BytesIO(picture), formats=[_FORMATS[found.media_type]]) as image:
            ensure(image.size == found.sides)
            width, height = _within(image.size, side)
            # 1.5 times the target size is enough to scale well; more pixels only take time.
            image.draft(None, (width * 3 // 2, height * 3 // 2))
            _scale_transparency(image)
            image.load()
            return image
    except MemoryError:
        raise
    except Exception as damage:
        raise FieldRefused(Code.AVATAR_CORRUPT) from damage


def _scale_transparency(image: ImageFile.ImageFile) -> None:
    """Pillow scales the samples of a PNG to 8 bits, but not its transparent colour."""
    raw = image.tile[0].args if image.format == "PNG" else None
    if "transparency" in image.info and raw in _GREY_FACTORS:
        image.info["transparency"] *= _GREY_FACTORS[raw]
    elif raw in _OF_16_BITS:
        image.info.pop("transparency", None)


def _is_same(one: Image.Image, other: Image.Image) -> bool:
    """Like ``==``, which would copy all pixels while holding the GIL."""
    if one.mode != other.mode:
        return False
    return ImageChops.difference(one, other).getbbox(alpha_only=False) is None


def _plain(image: Image.Image) -> Image.Image:
    """Converted to a mode that can be scaled: L, RGB, RGBA or CMYK."""
    if image.mode == "I;16":
        return image.point(lambda value: value * (1 / 257)).convert("L")
    if image.mode in ("RGBA", "CMYK"):
        return image
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image if image.mode == "L" else image.convert("RGB")


def _within(size: tuple[int, int], side: int) -> tuple[int, int]:
    """The size scaled down so that no side exceeds ``side``; at least 1."""
    longest = max(*size, side)
    return max(1, round(size[0] * side / longest)), max(1, round(size[1] * side / longest))


def _scaled(image: Image.Image, side: int) -> Image.Image:
    size = _within(image.size, side)
    return _plain(image).resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def _transform(icc: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The transform to sRGB; None if the profile is invalid or changes no colour."""
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
    converted.info.clear()  # Pillow attaches an sRGB profile
    if image.mode == "RGBA":
        converted.putalpha(image.getchannel("A"))
    return converted


def _encoded(image: Image.Image, found: Container) -> Avatar:
    """The best encoding of at most 256 KiB that is clean when it is uploaded again."""
    return next(
        each
        for each in _encodings(image, found)
        if each.image and len(each.image) <= MAX_BYTES and _is_stable(each)
    )


def _encodings(image: Image.Image, found: Container) -> Iterator[Avatar]:
    """Encodings from best to worst; the last ones have fewer colours or halved sides."""
    image = image if image.mode in ("1", "LA", "P") else _plain(image)
    image = image.convert("RGB") if image.mode == "CMYK" else image
    best = (_LOSSLESS_WEBP,) if found.lossless else ()
    while True:
        for stored_type, options in (*best, *_ENCODINGS[found.media_type]):
            file = BytesIO()
            image.save(file, _FORMATS[stored_type], **options)
            yield Avatar.of(stored_type, file.getvalue())
        if found.media_type == GIF and image.mode != "P":
            image = image.quantize()
        else:
            image = _scaled(image, max(image.size) // 2)


def _is_stable(avatar: Avatar) -> bool:
    """Whether an encoding of our own counts as clean, as nearly all do."""
    upload = Upload.of(avatar.media_type, avatar.image or b"")
    found = examine(upload)
    return _is_clean(upload, found, _decoded(found, found.readings[0]))
