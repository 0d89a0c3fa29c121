"""Builders of pictures: whole ones, and with every extra, damage or trick that tests need."""

from __future__ import annotations

import base64
import struct
import zlib
from io import BytesIO
from random import Random
from typing import Any

from PIL import Image, ImageCms

from profile_domain.pictures.avatar import Upload

TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}


def photo(width: int = 64, height: int = 48, mode: str = "RGB") -> Image.Image:
    """Smooth and colourful, the same each time, no two corners alike."""
    channels = len(Image.new(mode, (1, 1)).getbands())
    coarse = Image.frombytes(mode, (4, 4), Random(7).randbytes(16 * channels))
    return coarse.resize((width, height), Image.Resampling.BICUBIC)


def noise(width: int, height: int, mode: str = "RGB", seed: int = 1) -> Image.Image:
    """What no encoder can make small."""
    channels = len(Image.new(mode, (1, 1)).getbands())
    return Image.frombytes(mode, (width, height), Random(seed).randbytes(width * height * channels))


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def png(image: Image.Image | None = None, **options: Any) -> bytes:
    return encoded(image or photo(), "PNG", **options)


def jpeg(image: Image.Image | None = None, **options: Any) -> bytes:
    return encoded(image or photo(), "JPEG", **options)


def webp(image: Image.Image | None = None, **options: Any) -> bytes:
    return encoded(image or photo(), "WEBP", **options)


def gif(image: Image.Image | None = None, **options: Any) -> bytes:
    return encoded(image or photo().quantize(32), "GIF", **options)


def vp8x(flags: int, width: int = 64, height: int = 48) -> tuple[bytes, bytes]:
    """A WebP's chunk with its flags and its canvas."""
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"VP8X", bytes([flags, 0, 0, 0]) + sides


def animated(form: str, frames: int = 2) -> bytes:
    """An APNG, WebP or GIF."""
    pictures = [noise(16, 16, seed=seed) for seed in range(frames)]
    options = {"save_all": True, "append_images": pictures[1:], "duration": 100, "loop": 0}
    return encoded(pictures[0], form, **options)


def mpo() -> bytes:
    return encoded(photo(), "MPO", save_all=True, append_images=[photo(32, 32)])


def exif(orientation: int = 1) -> bytes:
    """With a camera's name and a place, as phones write it."""
    block = Image.Exif()
    block[0x010F] = "Secret Camera"
    block[0x0112] = orientation
    block.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    return block.tobytes()


def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def swapping_profile() -> bytes:
    """A profile that shows red as blue and blue as red: sRGB with two primaries exchanged."""
    profile = srgb_profile()
    return profile.replace(b"rXYZ", b"-XYZ").replace(b"bXYZ", b"rXYZ").replace(b"-XYZ", b"bXYZ")


def linear_grey_profile() -> bytes:
    """A profile of grey in which half the number is half the light, so brighter than in sRGB."""
    grey = srgb_profile().replace(b"RGB XYZ ", b"GRAYXYZ ").replace(b"rTRC", b"kTRC")
    return grey.replace(struct.pack(">I", round(2.4 * 65536)), struct.pack(">I", 65536))


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def raw_png(
    width: int,
    height: int,
    pixels: bytes,
    *,
    depth: int = 8,
    colour: int = 2,
    interlace: int = 0,
    extra: bytes = b"",
) -> bytes:
    """``pixels`` are the zlib stream; ``extra`` are whole chunks before it."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    body = chunk(b"IHDR", header) + extra + chunk(b"IDAT", pixels) + chunk(b"IEND")
    return b"\x89PNG\r\n\x1a\n" + body


def with_chunk(image: bytes, kind: bytes, data: bytes, *, before: bytes = b"IDAT") -> bytes:
    at = image.index(before) - 4
    return image[:at] + chunk(kind, data) + image[at:]


def segment(code: int, data: bytes) -> bytes:
    """One of a JPEG's."""
    return struct.pack(">BBH", 0xFF, code, 2 + len(data)) + data


def with_segment(image: bytes, code: int, data: bytes) -> bytes:
    return image[:2] + segment(code, data) + image[2:]


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    """A WebP of these chunks."""
    body = b"".join(
        kind + struct.pack("<I", len(data)) + data + bytes(len(data) % 2) for kind, data in chunks
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def webp_animation_of_one_frame() -> bytes:
    """What Pillow does not write: it makes a still picture of it."""
    frames = animated("WEBP", 2)
    second = frames.index(b"ANMF", frames.index(b"ANMF") + 4)
    return b"RIFF" + struct.pack("<I", second - 8) + frames[8:second]


def chunks_of(image: bytes) -> dict[bytes, bytes]:
    """Those of a WebP."""
    found, at = {}, 12
    while at < len(image):
        kind, length = struct.unpack_from("<4sI", image, at)
        found[kind] = image[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
    return found


def upload(image: bytes, declared_type: str | None = None) -> Upload:
    """Declared as its real type by default."""
    for start, form in ((b"\x89PNG", "PNG"), (b"\xff\xd8", "JPEG"), (b"RIFF", "WEBP")):
        if image.startswith(start):
            return Upload.of(declared_type or TYPES[form], image)
    return Upload.of(declared_type or TYPES["GIF"], image)


def data_uri(image: bytes, declared_type: str | None = None) -> str:
    sent = upload(image, declared_type)
    return f"data:{sent.declared_type};base64,{base64.b64encode(image).decode()}"


def opened(image: bytes) -> Image.Image:
    picture = Image.open(BytesIO(image))
    picture.load()
    return picture
