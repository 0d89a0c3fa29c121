"""When a container is clean, what the decoder gets, and what the metadata say."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profile_domain.errors import Code, FieldRefused
from profile_domain.pictures.container import Container
from profile_domain.pictures.examine import examine, orientation
from profile_testing.images import (
    chunk,
    chunks_of,
    exif,
    gif,
    jpeg,
    photo,
    png,
    raw_png,
    riff,
    segment,
    srgb_profile,
    upload,
    vp8x,
    webp,
    webp_animation_of_one_frame,
    with_chunk,
    with_segment,
)

PNG, JPEG, WEBP, GIF = png(), jpeg(), webp(), gif()
ALPHA = webp(photo(mode="RGBA"))
VP8, PARTS = chunks_of(WEBP)[b"VP8 "], chunks_of(ALPHA)
VP8L = chunks_of(webp(photo(mode="RGBA"), lossless=True))[b"VP8L"]
ROWS = zlib.compress(bytes(13 * 4))


def is_clean(image: bytes) -> bool:
    return examine(upload(image)).clean


@pytest.mark.parametrize(
    "image",
    [
        PNG,
        png(photo(512, 1)),
        png(photo().quantize(7), transparency=0),
        png(photo().convert("1")),
        raw_png(4, 4, ROWS, extra=chunk(b"sRGB", b"\0") + chunk(b"gAMA", bytes(4))),
        raw_png(4, 4, ROWS, extra=chunk(b"cHRM", bytes(32))),
        raw_png(4, 4, ROWS[:5]).replace(chunk(b"IEND"), chunk(b"IDAT", ROWS[5:]) + chunk(b"IEND")),
        JPEG,
        jpeg(progressive=True),
        jpeg(restart_marker_blocks=3),
        jpeg(photo(mode="L")),
        jpeg(photo(mode="CMYK")),
        jpeg(optimize=True),
        jpeg(subsampling=0),
        jpeg(photo(512, 512)),
        WEBP,
        ALPHA,
        webp(lossless=True),
        webp(photo(mode="RGBA"), lossless=True),
        riff(vp8x(0), (b"VP8 ", VP8)),
    ],
)
def test_clean(image: bytes):
    assert is_clean(image)
    assert not is_clean(image + b"\0")
    assert examine(upload(image + b"trailing")).readings == examine(upload(image)).readings


GREY, PALETTE = png(photo(mode="L")), png(photo().quantize(7), transparency=0)
SRGB, GAMMA = chunk(b"sRGB", b"\0"), chunk(b"gAMA", bytes(4))
HUFFMAN = segment(0xC4, b"\x03" + bytes(15) + b"\1\0")
RESTARTS = jpeg(restart_marker_blocks=3)


def png_of(*chunks: bytes, colour: int = 2, depth: int = 8) -> bytes:
    """Four pixels by four, with these chunks between header and pixels."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    rows = zlib.compress((b"\0" + bytes(-(-4 * channels * depth // 8))) * 4)
    return raw_png(4, 4, rows, colour=colour, depth=depth, extra=b"".join(chunks))


@pytest.mark.parametrize(
    ("clean", "image"),
    [
        (PNG, with_chunk(PNG, b"tEXt", b"Comment\0here")),
        (PNG, with_chunk(PNG, b"tIME", bytes(7), before=b"IEND")),
        (PNG, with_chunk(PNG, b"pHYs", bytes(9))),
        (PNG, png(exif=exif())),
        (PNG, png(icc_profile=srgb_profile())),
        (PNG, with_chunk(PNG, b"acTL", struct.pack(">II", 1, 0))),
        # Of another length
        *((PNG, PNG[:8] + chunk(b"IHDR", PNG[16:29] + bytes(n)) + PNG[33:]) for n in (1, 200_000)),
        *((PNG, with_chunk(PNG, b"gAMA", bytes(n))) for n in (0, 3, 5, 400)),
        *((PNG, with_chunk(PNG, b"sRGB", bytes(n))) for n in (0, 2)),
        *((PNG, with_chunk(PNG, b"cHRM", bytes(n))) for n in (0, 31, 33)),
        *((PNG, with_chunk(PNG, b"tRNS", bytes(n))) for n in (0, 2, 5, 7)),
        *((GREY, with_chunk(GREY, b"tRNS", bytes(n))) for n in (0, 1, 3, 256)),
        (PALETTE, with_chunk(PALETTE, b"tRNS", b"", before=b"tRNS")),
        (
            png_of(chunk(b"PLTE", bytes(6)), colour=3, depth=1),
            png_of(chunk(b"PLTE", bytes(9)), colour=3, depth=1),
        ),
        # Without use
        *((PNG, with_chunk(PNG, b"PLTE", bytes(n))) for n in (0, 3, 768)),
        *((GREY, with_chunk(GREY, b"PLTE", bytes(n))) for n in (0, 3, 768)),
        *((png_of(colour=c), png_of(chunk(b"PLTE", bytes(3)), colour=c)) for c in (0, 2, 4, 6)),
        *((png_of(colour=c), png_of(chunk(b"tRNS", bytes(c)), colour=c)) for c in (4, 6)),
        (PNG, with_chunk(PNG, b"IDAT", b"")),
        (PNG, with_chunk(PNG, b"IDAT", b"", before=b"IEND")),
        # In another place, or twice
        (PNG, with_chunk(PNG, b"gAMA", bytes(4), before=b"IEND")),
        (PNG, with_chunk(PNG, b"tRNS", bytes(6), before=b"IEND")),
        (PALETTE, with_chunk(PALETTE, b"gAMA", bytes(4), before=b"tRNS")),
        (png_of(SRGB, GAMMA), png_of(SRGB, GAMMA, SRGB)),
        (PALETTE, with_chunk(PALETTE, b"PLTE", bytes(21))),
        (PALETTE, with_chunk(PALETTE, b"tRNS", bytes(2))),
        (
            png_of(chunk(b"PLTE", bytes(3)), colour=3),
            png_of(chunk(b"tRNS", b"\0"), chunk(b"PLTE", bytes(3)), colour=3),
        ),
        (JPEG, jpeg(comment=b"here")),
        (JPEG, jpeg(exif=exif())),
        (JPEG, jpeg(icc_profile=srgb_profile())),
        (JPEG, jpeg(xmp=b"<x/>")),
        (JPEG, with_segment(JPEG, 0xE0, b"JFXX\0\x10")),
        (JPEG, with_segment(JPEG, 0xEE, b"Ducky")),
        (JPEG, JPEG[:2] + b"\xff" + JPEG[2:]),
        (JPEG, JPEG[:20] + b"junk" + JPEG[20:]),
        (JPEG, JPEG[:20] + JPEG[2:20] + JPEG[20:]),
        (JPEG, JPEG[:4] + b"\0\x13" + JPEG[6:18] + b"\1\1rgb" + JPEG[20:]),
        (JPEG, JPEG[:-2] + b"\xff" + JPEG[-2:]),
        (RESTARTS, RESTARTS.replace(b"\xff\xd0", b"\xff\xff\xd0")),
        (WEBP, riff((b"VP8 ", VP8), (b"EXIF", exif()))),
        (WEBP, riff((b"VP8 ", VP8), vp8x(0))),
        (WEBP, riff((b"VP8 ", VP8), (b"VP8 "[::-1], b"junk"))),
        (WEBP, riff((b"ALPH", b"\0" + bytes(64 * 48)), (b"VP8 ", VP8))),
        (WEBP, riff((b"VP8 ", VP8), (b"ALPH", bytes(9)))),
        *(
            (
                riff(vp8x(0), (b"VP8 ", VP8)),
                riff((b"VP8X", vp8x(flags)[1] + bytes(more)), *alpha, (b"VP8 ", VP8)),
            )
            for flags, more, alpha in [
                (0, 1, ()),
                (0, 2000, ()),
                (0x10, 0, ()),
                (0x2C, 0, ()),
                (0xC1, 0, ()),
                (0, 0, [(b"ALPH", bytes(9))]),
            ]
        ),
        (riff(vp8x(0x10), (b"VP8L", VP8L)), riff(vp8x(0x10), (b"ALPH", b"x"), (b"VP8L", VP8L))),
        (
            riff(vp8x(0x10), (b"ALPH", PARTS[b"ALPH"]), (b"VP8 ", PARTS[b"VP8 "])),
            riff(vp8x(0x10), (b"VP8 ", PARTS[b"VP8 "]), (b"ALPH", PARTS[b"ALPH"])),
        ),
        (ALPHA, webp(photo(mode="RGBA"), exif=exif())),
        (ALPHA, webp(photo(mode="RGBA"), xmp=b"<x/>")),
        (ALPHA, webp(photo(mode="RGBA"), icc_profile=srgb_profile())),
    ],
)
def test_what_is_no_picture_or_of_no_use_is_not_clean_and_kept_from_the_decoder(
    clean: bytes, image: bytes
):
    found = examine(upload(image))
    assert found.readings == examine(upload(clean)).readings
    assert not found.clean
    assert is_clean(clean)


@pytest.mark.parametrize(
    "image",
    [
        with_segment(JPEG, 0xC4, b""),
        with_segment(JPEG, 0xC4, HUFFMAN[4:]),
        JPEG[:2] + HUFFMAN * 900 + JPEG[2:],
        JPEG[:-2] + HUFFMAN + JPEG[-2:],
        JPEG.replace(
            b"\xff\xda", JPEG[JPEG.index(b"\xff\xc4") : JPEG.index(b"\xff\xda")] + b"\xff\xda"
        ),
        with_segment(JPEG, 0xDB, b"\x03" + bytes(64)),
        with_segment(JPEG, 0xDB, b"\x13" + bytes(128)),
        with_segment(JPEG, 0xDB, bytes(65)),
        with_segment(JPEG, 0xDD, b"\0\x63"),
        with_segment(JPEG, 0xDD, b"\0\0"),
        with_segment(RESTARTS, 0xDD, b"\0\3"),
        JPEG[:2] + segment(0xEE, b"Adobe" + bytes(7)) + JPEG[2:],
        jpeg(photo(64, 104), restart_marker_blocks=2),
    ],
)
def test_a_jpeg_of_tables_that_no_scan_uses_of_parts_out_of_place_or_of_many_is_not_clean(image):
    assert examine(upload(image)).frames == 1
    assert not is_clean(image)


@pytest.mark.parametrize(
    "image",
    [
        with_segment(JPEG, 0xC4, b"\0"),
        with_segment(JPEG, 0xC4, HUFFMAN[4:-1]),
        with_segment(JPEG, 0xC4, b"\x20" + bytes(16)),
        with_segment(JPEG, 0xDB, bytes(64)),
        with_segment(JPEG, 0xDB, bytes(66)),
        with_segment(JPEG, 0xDD, b"\0"),
        with_segment(RESTARTS, 0xDD, b"\0\1\0"),
        JPEG.replace(b"\xff\xda\0\x0c\3", b"\xff\xda\0\x0c\2"),
        JPEG.replace(b"\xff\xda\0\x0c\3\1", b"\xff\xda\0\x0c\3\7"),
        JPEG.replace(b"\xff\xda\0\x0c\3", b"\xff\xda\0\4\0"),
        JPEG.replace(b"\x03\x01\x22", b"\x03\x01\x52"),
        JPEG.replace(b"\x03\x01\x22", b"\x03\x01\x20"),
        JPEG.replace(b"\x03\x01\x22", b"\x02\x01\x22"),
    ],
)
def test_a_jpeg_with_a_part_of_another_length_or_of_no_sense_is_corrupt(image: bytes):
    with pytest.raises(FieldRefused, match=Code.AVATAR_CORRUPT):
        examine(upload(image))


@pytest.mark.parametrize(
    "image",
    [
        png(photo(513, 1)),
        jpeg(photo(1, 513)),
        webp(photo(513, 1)),
        raw_png(4, 4, zlib.compress(bytes(13 * 4) + b"hidden")),
        raw_png(4, 4, ROWS + b"hidden"),
        raw_png(4, 4, ROWS).replace(chunk(b"IEND"), chunk(b"IDAT", b"hidden") + chunk(b"IEND")),
        raw_png(4, 4, zlib.compress(bytes(5_000_000))),
        GIF,
        webp_animation_of_one_frame(),
    ],
)
def test_what_must_be_encoded_anew_to_be_clean(image: bytes):
    assert not is_clean(image)


@pytest.mark.parametrize(
    ("width", "height", "row_bytes"),
    [(1, 1, 4), (2, 1, 4 + 4), (3, 3, 4 + 4 + 7 + 8 + 10), (8, 8, 4 + 4 + 7 + 14 + 26 + 52 + 100)],
)
def test_the_rows_of_an_interlaced_png_are_counted_pass_by_pass(
    width: int, height: int, row_bytes: int
):
    def interlaced(size: int) -> bytes:
        return raw_png(width, height, zlib.compress(bytes(size)), interlace=1)

    assert is_clean(interlaced(row_bytes))
    assert not is_clean(interlaced(row_bytes + 1))
    with pytest.raises(FieldRefused, match=Code.AVATAR_CORRUPT):
        is_clean(interlaced(row_bytes - 1))


def test_a_container_without_a_header_has_no_sides_to_speak_of():
    assert not Container("image/png").is_small
    assert not Container("image/png").sides_hold


@pytest.mark.parametrize("form", [png, jpeg, webp])
def test_exif_and_profile_are_found(form):
    found = examine(upload(form(exif=exif(6), icc_profile=srgb_profile())))
    assert orientation(found.exif) == 6
    assert found.icc == srgb_profile()


def test_a_profile_in_several_jpeg_segments_is_put_together_in_their_order():
    image = JPEG
    for number, part in ((1, b"first "), (3, b"third"), (2, b"second ")):
        image = with_segment(image, 0xE2, b"ICC_PROFILE\0" + bytes([number, 3]) + part)
    assert examine(upload(image)).icc == b"first second third"


def test_segments_of_the_same_code_are_neither_exif_nor_a_profile():
    image = with_segment(JPEG, 0xE2, b"MPF\0 or anything else")
    image = with_segment(image, 0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>")
    found = examine(upload(image))
    assert (found.exif, found.icc) == (b"", b"")


@pytest.mark.parametrize("data", [b"", b"x"])
def test_an_unknown_chunk_is_left_out_however_small(data):
    assert examine(upload(with_chunk(PNG, b"teSt", data))).readings == (PNG,)


def test_a_profile_that_does_not_inflate_is_none():
    assert examine(upload(with_chunk(PNG, b"iCCP", b"name\0\0junk"))).icc == b""


def test_a_profile_is_inflated_no_further_than_4_mib():
    bomb = with_chunk(PNG, b"iCCP", b"name\0\0" + zlib.compress(bytes(5 * 2**20)))
    assert len(examine(upload(bomb)).icc) == 4 * 2**20


@pytest.mark.parametrize("image", [PNG, JPEG, WEBP, ALPHA])
def test_a_picture_with_neither_exif_nor_a_profile_has_none(image: bytes):
    found = examine(upload(image))
    assert (found.exif, found.icc) == (b"", b"")


@pytest.mark.parametrize("flags", [0x01, 0x07, 0x80, 0x87])
def test_the_colours_of_a_gif_and_of_its_frame_are_stepped_over(flags: int):
    colours = bytes(3 * 2 ** ((flags & 7) + 1)) if flags & 0x80 else b""
    screen = b"GIF89a" + struct.pack("<HHBBB", 1, 1, flags, 0, 0) + colours
    frame = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, flags) + colours
    assert examine(upload(screen + frame + b"\2\2\x4c\1\0;")).frames == 1


@pytest.mark.parametrize("length", [0, 1, 0x7FFE, 65_533])
def test_a_segment_of_a_jpeg_may_be_of_any_length(length: int):
    found = examine(upload(with_segment(JPEG, 0xFE, bytes(length))))
    assert found.readings == examine(upload(JPEG)).readings


def test_of_adobes_segment_only_what_it_defines_is_kept():
    cmyk = jpeg(photo(mode="CMYK"))
    at = cmyk.index(b"\xff\xee")
    adobe = cmyk[at + 4 : at + 16]
    surplus = cmyk[:at] + segment(0xEE, adobe + b"surplus") + cmyk[at + 16 :]
    assert is_clean(cmyk)
    assert not is_clean(surplus)
    assert examine(upload(surplus)).readings == examine(upload(cmyk)).readings


# Orientation

ROTATED = struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0)


def test_orientation_is_found_however_many_entries_are_claimed():
    assert orientation(b"MM\0*\0\0\0\x08\xff\xff" + ROTATED) == 6


@pytest.mark.parametrize("value", range(1, 9))
def test_orientation_is_read_in_either_byte_order(value: int):
    little = b"II*\0\x08\0\0\0\x02\0" + bytes(12) + struct.pack("<HHIHH", 0x0112, 3, 1, value, 0)
    big = b"MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHH", 0x0112, 3, 1, value, 0)
    assert orientation(little) == orientation(big) == orientation(b"Exif\0\0" + big) == value


@pytest.mark.parametrize(
    "block",
    [b"", b"Exif\0\0", b"MM\0*", b"MM\0*\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff"]
    + [b"MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHH", 0x0112, 3, 1, value, 0) for value in (0, 9)]
    + [
        b"MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHH", 0x0112, 4, 1, 6, 0),
        b"MM\0*\0\0\0\x08\0\0",
        # No entry, but one that nothing counts; and an offset that would be one from the end.
        b"MM\0*\0\0\0\x08\0\0" + ROTATED,
        b"MM\0*\xff\xff\xff\xf2\0\x01" + ROTATED,
    ],
)
def test_what_is_no_orientation_is_upright(block: bytes):
    assert orientation(block) == 1


@given(st.binary(max_size=60), st.sampled_from([b"II*\0", b"MM\0*"]))
def test_orientation_takes_any_bytes(junk: bytes, order: bytes):
    assert 1 <= orientation(order + junk) <= 8
