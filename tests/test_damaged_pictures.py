"""Damaged, hostile and huge pictures: refused, or as clean as any other, at a bounded cost."""

from __future__ import annotations

import struct
import zlib
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cleaning import PICTURES, alike, cleaned, refusal, shown
from images import (
    animated,
    chunks_of,
    exif,
    gif,
    jpeg,
    noise,
    opened,
    photo,
    png,
    raw_png,
    riff,
    swapping_profile,
    upload,
    vp8x,
    webp,
    webp_animation_of_one_frame,
    with_segment,
)
from profile_domain.avatar import Upload
from profile_domain.errors import Code, FieldRefused


def cut_webp(image: bytes, length: int) -> bytes:
    """Cut short, with sizes that say it is whole."""
    data = image[20:length]
    return riff((image[12:16], data[: len(data) & ~1]))


@pytest.mark.parametrize(
    "image",
    [
        *(jpeg(noise(64, 64))[:end] + b"\xff\xd9" for end in (700, 2000, -12, -3)),
        *(jpeg(noise(64, 64), progressive=True)[:end] + b"\xff\xd9" for end in (1000, -12)),
        *(jpeg(noise(900, 900), quality=10)[:end] + b"\xff\xd9" for end in (9000, -12)),
        *(cut_webp(webp(noise(64, 64)), end) for end in (40, 500, -40, -4)),
        *(cut_webp(webp(noise(64, 64), lossless=True), end) for end in (40, 500, -40, -4)),
        raw_png(4, 4, zlib.compress(b"\x09" * 52)),
        raw_png(4, 4, zlib.compress(bytes(52)), depth=3),
        raw_png(4, 4, zlib.compress(bytes(52)), colour=5),
        raw_png(4, 4, zlib.compress(bytes(8)), colour=3),
        with_segment(jpeg(), 0xDB, b"junk"),
        jpeg().replace(b"\xff\xc0\0\x11\x08", b"\xff\xc0\0\x11\x0c"),
        riff(vp8x(2), (b"ANIM", bytes(6)), (b"ANMF", bytes(16))),
        riff(vp8x(0x10), (b"ALPH", b"\xff\xff\xff"), (b"VP8 ", chunks_of(webp())[b"VP8 "])),
        gif()[:-60] + b"\0;",
    ],
)
def test_a_picture_that_does_not_decode_whole_is_corrupt(image: bytes):
    assert refusal(image) == Code.AVATAR_CORRUPT


def test_bits_that_no_pixel_needs_are_no_damage_to_a_jpeg():
    image = jpeg()[:-2] + b"surplus" + jpeg()[-2:]
    assert cleaned(image).image == image


@given(st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_no_whole_jpeg_is_taken_for_a_damaged_one(random: Random):
    mode = random.choice(["L", "RGB", "CMYK"])
    make = random.choice([photo, noise])
    image = jpeg(
        make(random.randint(1, 70), random.randint(1, 70), mode),
        quality=random.randint(1, 100),
        progressive=random.random() < 0.5,
        optimize=random.random() < 0.5,
        restart_marker_blocks=random.choice([0, 0, 1, 5]),
        subsampling=random.choice([0, 1, 2]) if mode == "RGB" else -1,
    )
    assert cleaned(image).image == image


def test_one_frame_of_an_animation_is_stored_as_a_still_picture():
    for image in (webp_animation_of_one_frame(), animated("GIF", 1)):
        assert alike(shown(cleaned(image)), opened(image), within=60)


@pytest.mark.parametrize(
    "image",
    [
        raw_png(65535, 65535, zlib.compress(bytes(1000))),
        jpeg().replace(b"\0\x30\0\x40\x03", b"\xff\xff\xff\xff\x03"),
        riff(vp8x(0, 16384, 16384), (b"VP8 ", chunks_of(webp())[b"VP8 "])),
        b"GIF89a\xff\xff\xff\xff" + gif()[10:],
    ],
)
def test_a_bomb_is_refused_before_it_is_opened(image: bytes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delattr(Image, "open")
    assert refusal(image) == Code.AVATAR_DIMENSIONS


WHOLE = [
    png(photo(20, 15)),
    png(photo(600, 3), exif=exif(6), icc_profile=swapping_profile()),
    png(photo(20, 15).quantize(4), transparency=1),
    animated("PNG", 1),
    jpeg(photo(20, 15)),
    jpeg(photo(20, 15), progressive=True, exif=exif(8)),
    jpeg(photo(20, 15, "CMYK"), icc_profile=swapping_profile()),
    webp(photo(20, 15)),
    webp(photo(20, 15, "RGBA"), exif=exif(2), icc_profile=swapping_profile()),
    webp(photo(20, 15), lossless=True),
    webp_animation_of_one_frame(),
    gif(photo(20, 15).quantize(8)),
]


@st.composite
def mutilated(draw: st.DrawFn) -> bytes:
    image = bytearray(draw(st.sampled_from(WHOLE)))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(image)))
        end = start + draw(st.sampled_from([0, 0, 1, 1, 2, 4, 100]))
        image[start:end] = draw(st.binary(max_size=4) | st.just(bytes(image[:40])))
    if draw(st.booleans()):
        repair_crcs(image)
    return bytes(image)


def repair_crcs(image: bytearray) -> None:
    """So that damage to a PNG gets past them."""
    at = 8
    while image.startswith(b"\x89PNG") and at + 12 <= len(image):
        end = at + 8 + int.from_bytes(image[at : at + 4])
        image[end : end + 4] = struct.pack(">I", zlib.crc32(image[at + 4 : end]))
        at = end + 4


@given(mutilated() | st.binary(max_size=200), st.sampled_from(["", "image/png", "image/svg+xml"]))
@settings(max_examples=300, deadline=None)
def test_any_bytes_give_a_clean_avatar_or_a_refusal(image: bytes, declared_type: str):
    try:
        PICTURES._clean(Upload(declared_type, image) if declared_type else upload(image))
        cleaned(image)
    except FieldRefused as refused:
        assert refused.code.startswith("avatar_")


def test_a_lack_of_memory_is_no_fault_of_the_picture(monkeypatch: pytest.MonkeyPatch):
    def no_memory(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Image, "open", no_memory)
    with pytest.raises(MemoryError):
        PICTURES._clean(upload(png()))
