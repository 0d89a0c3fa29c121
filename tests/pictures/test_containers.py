"""What is judged of a picture before a pixel is decoded."""

from __future__ import annotations

import struct
import time
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from profile_domain.errors import Code, FieldRefused
from profile_domain.pictures.avatar import MAX_BYTES, Upload
from profile_domain.pictures.examine import examine
from profile_testing.images import (
    animated,
    chunk,
    chunks_of,
    gif,
    jpeg,
    mpo,
    photo,
    png,
    raw_png,
    riff,
    segment,
    upload,
    vp8x,
    webp,
    webp_animation_of_one_frame,
    with_chunk,
    with_segment,
)

PNG, JPEG, WEBP, GIF = png(), jpeg(), webp(), gif()
ALPHA = webp(photo(mode="RGBA"))
VP8 = chunks_of(WEBP)[b"VP8 "]


def refusal(image: bytes, declared_type: str | None = None) -> Code:
    with pytest.raises(FieldRefused) as refused:
        examine(upload(image, declared_type))
    assert refused.value.limits == (
        {"max_side": 4096} if refused.value.code is Code.AVATAR_DIMENSIONS else {}
    )
    return refused.value.code


# The type


@pytest.mark.parametrize("image", [PNG, JPEG, WEBP, GIF])
def test_a_picture_is_what_its_bytes_say(image: bytes):
    for declared in ("image/png", "image/jpeg", "image/webp", "image/gif"):
        if declared == upload(image).declared_type:
            assert examine(upload(image)).media_type == declared
        else:
            assert refusal(image, declared) == Code.AVATAR_UNSUPPORTED_TYPE


@pytest.mark.parametrize(
    "image",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        *(b"\x89PNG", b"\xff\xd8", b"RIFF", b"RIFF\0\0\0\0WAVE", b"GIF8", b"GIF88a"),
        *(b"BM", b"\xff\x0a", b"\0\0\0\x1cftypavif", b"%PDF-1.7", b"\0"),
    ],
)
@pytest.mark.parametrize("declared", ["image/png", "image/gif", "image/svg+xml", "image/avif"])
def test_all_else_is_unsupported(image: bytes, declared: str):
    assert refusal(image, declared) == Code.AVATAR_UNSUPPORTED_TYPE


# Frames


@pytest.mark.parametrize("form", ["PNG", "WEBP", "GIF"])
def test_two_frames_are_animated_and_one_is_a_picture(form: str):
    assert refusal(animated(form, 2)) == Code.AVATAR_ANIMATED
    assert examine(upload(animated(form, 1))).frames == 1
    assert examine(upload(webp_animation_of_one_frame())).frames == 1


def test_a_png_that_counts_one_frame_and_has_another_is_animated():
    many = with_chunk(PNG, b"acTL", struct.pack(">II", 0xFFFFFFFF, 0))
    assert refusal(many) == Code.AVATAR_ANIMATED
    hidden = with_chunk(PNG, b"acTL", struct.pack(">II", 1, 0))
    assert examine(upload(hidden)).frames == 1
    assert refusal(with_chunk(hidden, b"fdAT", b"\0\0\0\1x", before=b"IEND")) == (
        Code.AVATAR_ANIMATED
    )


@pytest.mark.parametrize("form", ["PNG", "WEBP", "GIF"])
def test_an_animation_cut_off_in_its_last_frame_is_animated_first_of_all(form: str):
    assert refusal(animated(form, 2)[:-20]) == Code.AVATAR_ANIMATED


def test_of_a_jpeg_with_several_pictures_the_first_is_taken():
    found = examine(upload(mpo()))
    assert (found.sides, found.frames) == ((64, 48), 1)
    assert all(reading.count(b"\xff\xd9") == 1 for reading in found.readings)


# Sides


def headed(form: str, width: int, height: int) -> bytes:
    """A header with these sides and nothing behind it."""
    return {
        "PNG": raw_png(width, height, b"")[:33],
        "JPEG": b"\xff\xd8" + segment(0xC0, struct.pack(">BHHB", 8, height, width, 0)),
        "WEBP": b"RIFF\0\1\0\0WEBPVP8 \x0a\0\0\0"
        + struct.pack("<3s3sHH", b"", b"\x9d\x01\x2a", width & 0x3FFF, height & 0x3FFF),
        "GIF": b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0),
    }[form]


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF"])
@pytest.mark.parametrize(
    ("width", "height", "holds"),
    [
        *((1, 4096, True), (4096, 1, True), (4097, 1, False), (1, 4097, False)),
        *((0, 9, False), (9, 0, False), (16383, 16383, False), (65535, 65535, False)),
    ],
)
def test_sides_are_judged_by_the_header_alone(form: str, width: int, height: int, *, holds: bool):
    code = Code.AVATAR_CORRUPT if holds else Code.AVATAR_DIMENSIONS
    assert refusal(headed(form, width, height)) == code


def test_the_sides_of_a_webp_are_those_of_its_canvas_and_of_its_picture_alike():
    assert examine(upload(riff(vp8x(0), (b"VP8 ", VP8)))).sides == (64, 48)
    assert refusal(riff(vp8x(0, 64, 49), (b"VP8 ", VP8))) == Code.AVATAR_CORRUPT
    assert refusal(riff(vp8x(0, 5000, 5000), (b"VP8 ", VP8))) == Code.AVATAR_DIMENSIONS
    assert examine(upload(webp(lossless=True))).sides == (64, 48)


def test_the_pixels_of_a_png_with_sides_beyond_all_bounds_are_not_inflated():
    assert refusal(raw_png(4097, 1, b"no zlib stream")) == Code.AVATAR_DIMENSIONS


def test_a_gif_frame_beyond_the_screen_counts():
    image = GIF[:6] + struct.pack("<HH", 3, 4096) + GIF[10:]
    assert examine(upload(image)).sides == (64, 4096)
    frame = GIF.index(b",\0\0\0\0")
    for beyond in ((4096, 0), (0, 4096), (40_000, 0), (0, 40_000)):
        image = GIF[: frame + 1] + struct.pack("<HH", *beyond) + GIF[frame + 5 :]
        assert refusal(image) == Code.AVATAR_DIMENSIONS


# Damage


@pytest.mark.parametrize("image", [PNG, JPEG, WEBP, ALPHA, GIF])
def test_a_picture_cut_anywhere_is_refused(image: bytes):
    for end in range(12, len(image)):
        assert refusal(image[:end]) in (Code.AVATAR_CORRUPT, Code.AVATAR_DIMENSIONS)


@pytest.mark.parametrize("kind", [b"IHDR", b"tEXt", b"IDAT", b"IEND"])
def test_every_chunk_of_a_png_must_match_its_crc(kind: bytes):
    image = bytearray(with_chunk(PNG, b"tEXt", b"Comment\0hi"))
    at = image.index(kind) - 4
    image[at + 8 + int.from_bytes(image[at : at + 4])] ^= 1
    assert refusal(bytes(image)) == Code.AVATAR_CORRUPT


ROWS = zlib.compress(bytes(13 * 4))


@pytest.mark.parametrize(
    "image",
    [
        PNG[:8] + PNG[33:],
        with_chunk(PNG, b"IHDR", PNG[16:29]),
        PNG[:-12] + chunk(b"tEXt", b"a\0b") + chunk(b"IDAT", b"") + PNG[-12:],
        PNG[:-12] + chunk(b"IEND", b"x"),
        PNG[:8] + chunk(b"IHDR", PNG[16:28]) + PNG[33:],
        PNG[:8] + chunk(b"IHDR", PNG[16:28] + b"\2") + PNG[33:],
        with_chunk(PNG, b"acTL", b""),
        raw_png(4, 4, b""),
        raw_png(4, 4, b"no zlib stream"),
        raw_png(4, 4, ROWS[:-4]),
        raw_png(4, 4, ROWS[:-1] + b"\0"),
        raw_png(4, 4, zlib.compress(bytes(13 * 4 - 1))),
        JPEG[: len(JPEG) // 2],
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8\xff\xe0\0\1\xff\xd9",
        with_segment(JPEG, 0xBF, b""),
        JPEG[:2] + JPEG,
        with_segment(JPEG, 0xC0, b"\x08\0\x01\0\x01\0"),
        with_segment(JPEG, 0xDA, b"\0\0\0\0"),
        with_segment(JPEG, 0xE2, b"ICC_PROFILE\0"),
        WEBP[:4] + struct.pack("<I", len(WEBP) - 10) + WEBP[8:],
        WEBP[:4] + struct.pack("<I", len(WEBP)) + WEBP[8:] + b"xx",
        riff(),
        riff((b"VP8X", b"")),
        riff((b"ALPH", b"x")),
        riff((b"VP8 ", b"")),
        riff((b"VP8L", b"")),
        GIF[:13],
        GIF[:-1] + b"\0;",
        b"GIF89a\1\0\1\0\0\0\0;",
    ],
)
def test_a_container_that_does_not_hold_together_is_corrupt(image: bytes):
    assert refusal(image) == Code.AVATAR_CORRUPT


SCAN = JPEG[JPEG.index(b"\xff\xda") : -2]


def test_a_jpeg_of_more_scans_than_any_encoder_makes_is_corrupt():
    assert examine(upload(JPEG[:-2] + SCAN * 49 + JPEG[-2:])).frames == 1
    assert refusal(JPEG[:-2] + SCAN * 50 + JPEG[-2:]) == Code.AVATAR_CORRUPT


def test_a_jpeg_whose_scans_go_over_too_many_blocks_is_corrupt():
    large = JPEG.replace(struct.pack(">HH", 48, 64), struct.pack(">HH", 4096, 4096))
    assert examine(upload(large[:-2] + SCAN * 9 + JPEG[-2:])).frames == 1
    assert refusal(large[:-2] + SCAN * 10 + JPEG[-2:]) == Code.AVATAR_CORRUPT


@pytest.mark.parametrize("code", [0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF])
def test_a_jpeg_that_browsers_do_not_decode_is_corrupt(code: int):
    assert refusal(JPEG.replace(b"\xff\xc0", bytes([0xFF, code]))) == Code.AVATAR_CORRUPT


RESTARTS = jpeg(restart_marker_blocks=1)


@pytest.mark.parametrize(
    "image",
    [
        RESTARTS.replace(b"\xff\xd1", b""),
        RESTARTS.replace(b"\xff\xd1", b"\xff\xd2"),
        RESTARTS.replace(b"\xff\xd1", b"\xff\xd1\xff\xd2"),
        RESTARTS[: RESTARTS.rindex(b"\xff\xd2")] + b"\xff\xd9",
        RESTARTS[:-2] + b"\xff\xd3\xff\xd9",
        JPEG[:-2] + b"\xff\xd0\xff\xd9",
    ],
)
def test_a_jpeg_in_which_restart_markers_are_missing_or_out_of_order_is_corrupt(image: bytes):
    assert examine(upload(RESTARTS)).frames == 1
    assert refusal(image) == Code.AVATAR_CORRUPT


def test_a_webp_has_no_more_pixels_than_can_be_decoded_within_160_mib():
    def of_sides(side: int) -> bytes:
        return webp(Image.new("RGB", (side, side)), lossless=True)

    assert examine(upload(of_sides(3000))).sides == (3000, 3000)
    assert refusal(of_sides(3001)) == Code.AVATAR_CORRUPT


@pytest.mark.parametrize(
    ("row", "rows", "fits"),
    [
        (b"\0" + bytes(16_384), 4096, True),
        (b"\4" + bytes(16_384), 2048, True),
        (b"\4" + bytes(16_384), 2049, False),
    ],
)
def test_a_png_has_no_more_of_the_costliest_filter_than_can_be_undone(row, rows, *, fits: bool):
    image = raw_png(4096, rows, zlib.compress(row * rows, 1), colour=6)
    if fits:
        assert examine(upload(image)).frames == 1
    else:
        assert refusal(image) == Code.AVATAR_CORRUPT


def test_a_png_has_no_more_bytes_than_4096_rows_of_4096_pixels_in_full_colour_with_alpha():
    rows = zlib.compress(bytes((1 + 4096 * 6) * 4096), 1)
    assert refusal(raw_png(4096, 4096, rows, depth=16)) == Code.AVATAR_CORRUPT


# Any bytes whatsoever

HEADS = [b"", PNG[:33], PNG[:8], JPEG[:2], JPEG[:-60], WEBP[:16], ALPHA[:30], GIF[:13], GIF[:-60]]
PIECES = st.sampled_from(
    [
        *(chunk(b"IEND"), chunk(b"IDAT", ROWS), chunk(b"acTL", b"\0\0\0\1")),
        *(b"\xff\xda\0\2", b"\xff\xc0\0\x09", b"\xff\xd9"),
        *(b"VP8X\x0a\0\0\0", b"ANMF", b"VP8L\5\0\0\0", b",", b"!\xf9", b";"),
    ]
)


@given(
    st.sampled_from(HEADS),
    st.lists(st.binary(max_size=12) | PIECES, max_size=12),
    st.sampled_from(["image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp"]),
)
def test_any_bytes_are_examined_or_refused(head: bytes, pieces: list[bytes], declared: str):
    try:
        found = examine(Upload.of(declared, head + b"".join(pieces)))
    except FieldRefused as refused:
        assert refused.code.startswith("avatar_")
    else:
        assert found.frames == 1
        assert found.sides_hold


@pytest.mark.parametrize(
    "image",
    [
        PNG[:33] + chunk(b"tEXt") * 21_000,
        PNG[:33] + chunk(b"IDAT") * 21_000,
        b"\xff\xd8" + b"\xff\xe0\0\2" * 65_000,
        b"\xff\xd8\xff" + b"\xff" * 262_000,
        b"\xff\xd8\xff\xda\0\2" + b"\xff\xff\0\xff" * 65_000,
        b"\xff\xd8\xff\xda\0\2" + b"\xff\xd0" * 131_000,
        b"RIFF\0\0\4\0WEBP" + b"ABCD\0\0\0\0" * 32_000,
        b"GIF89a" + bytes(7) + b"!\0\0" * 87_000,
        b"GIF89a" + bytes(7) + b"!\0" + b"\1x" * 130_000,
    ],
)
def test_the_longest_way_through_256_kib_comes_to_an_end(image: bytes):
    start = time.process_time()
    refusal(image[:MAX_BYTES])
    assert time.process_time() - start < 10, "a hundred times what it takes: only blow-ups fail"


PALETTE_PIXELS = zlib.compress(b"\0\0" * 4)


@pytest.mark.parametrize(
    "extra",
    [
        b"",
        chunk(b"PLTE"),
        chunk(b"PLTE", bytes(2)),
        chunk(b"PLTE", bytes(771)),
        chunk(b"PLTE", bytes(6)) + chunk(b"tRNS", bytes(3)),
    ],
)
def test_a_palette_picture_without_a_sound_palette_is_corrupt(extra: bytes):
    assert refusal(raw_png(1, 4, PALETTE_PIXELS, colour=3, extra=extra)) == Code.AVATAR_CORRUPT


@pytest.mark.parametrize(
    ("depth", "colour"), [(3, 0), (16, 3), (4, 2), (4, 6), (8, 1), (8, 5), (8, 7)]
)
def test_a_png_of_a_depth_that_its_colour_type_does_not_have_is_corrupt(depth: int, colour: int):
    assert refusal(raw_png(4, 4, ROWS, depth=depth, colour=colour)) == Code.AVATAR_CORRUPT


@pytest.mark.parametrize("end", [b"\1\0\0", b"\0\1\0", b"\0\0\2"])
def test_a_png_of_an_unknown_method_is_corrupt(end: bytes):
    assert refusal(PNG[:8] + chunk(b"IHDR", PNG[16:26] + end) + PNG[33:]) == Code.AVATAR_CORRUPT
