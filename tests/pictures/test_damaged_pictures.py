"""Damaged, hostile and huge pictures: refused, or as clean as any other, at a bounded cost."""

from __future__ import annotations

import struct
import zlib
from contextlib import suppress
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cleaning import alike, cleaned, refusal, shown
from profile_domain.errors import Code, FieldRefused
from profile_domain.pictures.avatar import Upload
from profile_infra.pictures.cleaning import clean
from profile_testing.images import (
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


@given(st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_no_whole_jpeg_is_taken_for_a_damaged_one(random: Random):
    mode = random.choice(["L", "RGB", "CMYK"])
    make = random.choice([photo, noise])
    image = jpeg(
        make(random.randint(1, 70), random.randint(1, 70), mode),
        quality=random.randint(1, 95),
        progressive=random.random() < 0.5,
        optimize=random.random() < 0.5,
        restart_marker_blocks=random.choice([0, 0, 1, 5]),
        subsampling=random.choice([0, 1, 2]) if mode == "RGB" else -1,
    )
    assert alike(shown(cleaned(image)), opened(image), within=200)


CUT = [
    jpeg(photo(20, 15)),
    jpeg(noise(20, 15), quality=95, subsampling=0),
    jpeg(photo(20, 15), progressive=True),
    jpeg(noise(20, 15, "L"), quality=100),
    jpeg(photo(40, 33), restart_marker_blocks=1),
    jpeg(photo(20, 15, "CMYK")),
    jpeg(Image.new("RGB", (40, 40), "white")),
    jpeg(photo(530, 20), quality=20),
    webp(photo(20, 15)),
    webp(noise(20, 15)),
    webp(photo(20, 15, "RGBA")),
    webp(noise(20, 15, "RGBA"), lossless=True),
]


def with_its_end(image: bytes, end: int) -> bytes:
    """Cut, with an end marker and sizes that say it is whole."""
    if image.startswith(b"\xff"):
        return image[:end] + b"\xff\xd9"
    start = image.index(b"VP8L" if b"VP8L" in image else b"VP8 ") + 8
    parts = {**chunks_of(image), image[start - 8 : start - 4]: image[start:end]}
    return riff(*parts.items())


@pytest.mark.parametrize("image", CUT)
def test_a_picture_cut_before_its_end_marker_is_refused_or_shows_the_very_same(image: bytes):
    whole, start = opened(image), 20
    if image.startswith(b"\xff"):
        start = image.index(b"\xff\xda") + 14
    stored = 0
    for end in range(start, len(image) - 2):
        with suppress(FieldRefused):
            avatar = clean(upload(with_its_end(image, end)))
            assert alike(shown(avatar), whole, within=24 if whole.width <= 512 else 255)
            stored += 1
    assert stored <= 4, "only what no pixel needs can be missing"


# A JPEG has no checksum: what lacks a byte amid its bits may be another picture, and whole.
@pytest.mark.parametrize("image", [png(), gif(), *CUT[8:]])
def test_a_picture_that_lacks_a_byte_near_its_end_is_refused_or_shows_the_very_same(image: bytes):
    whole = opened(image)
    for at in range(len(image) - 40, len(image)):
        with suppress(FieldRefused):
            avatar = clean(upload(image[:at] + image[at + 1 :]))
            assert alike(shown(avatar), whole, within=24)


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
        clean(Upload.of(declared_type, image) if declared_type else upload(image))
        cleaned(image)
    except FieldRefused as refused:
        assert refused.code.startswith("avatar_")


def test_a_lack_of_memory_is_no_fault_of_the_picture(monkeypatch: pytest.MonkeyPatch):
    def no_memory(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Image, "open", no_memory)
    with pytest.raises(MemoryError):
        clean(upload(png()))
