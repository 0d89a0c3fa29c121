"""Pictures on the real Pillow: what comes out, and that it stays as it is."""

from __future__ import annotations

import re
import zlib
from random import Random

import pytest
from PIL import Image, ImageOps

from cleaning import alike, cleaned, shown
from profile_infra.pictures.cleaning import clean
from profile_testing.images import (
    chunk,
    chunks_of,
    encoded,
    exif,
    gif,
    jpeg,
    linear_grey_profile,
    mpo,
    noise,
    opened,
    photo,
    png,
    raw_png,
    riff,
    srgb_profile,
    swapping_profile,
    upload,
    vp8x,
    webp,
    with_chunk,
)

PNG = png()
FORMS = {"PNG": png, "JPEG": jpeg, "WEBP": webp}


# What passes as it is, and what is encoded anew


@pytest.mark.parametrize(
    "image",
    [
        png(),
        png(photo(512, 512)),
        png(photo(1, 1)),
        png(photo(mode="LA")),
        png(photo(mode="RGBA")),
        png(photo().convert("1")),
        png(photo().quantize(9), transparency=0),
        raw_png(4, 4, zlib.compress(bytes(25 * 4)), depth=16),
        raw_png(9, 9, zlib.compress(bytes(14 + 8 + 10 + 21 + 32 + 65 + 112)), interlace=1),
        jpeg(),
        jpeg(photo(512, 512), progressive=True),
        jpeg(photo(mode="L")),
        jpeg(photo(mode="CMYK")),
        jpeg(restart_marker_blocks=2),
        jpeg(quality=100, subsampling=0),
        jpeg(optimize=True),
        *(jpeg(Image.new("RGB", (50, 40), colour)) for colour in ("white", "black", "red")),
        jpeg(Image.new("L", (512, 512)), progressive=True, optimize=True),
        webp(),
        webp(photo(512, 512)),
        webp(lossless=True),
        webp(photo(mode="RGBA")),
        webp(photo(mode="RGBA"), lossless=True),
        riff(vp8x(0), (b"VP8 ", chunks_of(webp())[b"VP8 "])),
    ],
)
def test_a_clean_picture_is_stored_byte_for_byte(image: bytes):
    assert cleaned(image).image == image


@pytest.mark.parametrize("form", FORMS)
def test_what_is_upright_and_small_but_has_metadata_is_encoded_anew_without(form: str):
    extras = {"exif": exif(), "icc_profile": srgb_profile(), "xmp": b"<x>Secret</x>"}
    avatar = cleaned(FORMS[form](**extras) + b"Secret trailer")
    assert b"Secret" not in (avatar.image or b"")
    assert avatar.media_type == f"image/{form.lower()}"
    assert alike(shown(avatar), opened(FORMS[form]()), within=0 if form == "PNG" else 24)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF"])
def test_no_metadata_survives_encoding_either(form: str):
    image = encoded(photo(600, 20), form, exif=exif(3), comment=b"Secret words", xmp=b"Secret")
    result = cleaned(image).image
    assert result is not None
    assert b"Secret" not in result
    assert not {"exif", "comment", "xmp", "icc_profile", "dpi"} & opened(result).info.keys()


def test_of_a_jpeg_with_several_pictures_the_first_is_stored():
    assert alike(shown(cleaned(mpo())), photo(), within=24)


def test_the_same_bytes_always_give_the_same_bytes():
    image = webp(noise(700, 500, "RGBA"), quality=1)
    assert clean(upload(image)) == clean(upload(image))


# Upright


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("orientation", range(2, 9))
def test_orientation_is_applied(form: str, orientation: int):
    image = FORMS[form](exif=exif(orientation))
    upright = ImageOps.exif_transpose(opened(image))
    assert alike(shown(cleaned(image)), upright, within=0 if form == "PNG" else 24)


def test_a_large_picture_is_rotated_too():
    assert shown(cleaned(jpeg(photo(1000, 500), exif=exif(6)))).size == (256, 512)


# Colours


def red(mode: str = "RGB") -> Image.Image:
    return Image.new("RGB", (16, 16), (250, 10, 20)).convert(mode)


@pytest.mark.parametrize("form", FORMS.values())
def test_a_profile_other_than_srgb_is_applied(form):
    blue = Image.new("RGB", (16, 16), (20, 10, 250))
    assert alike(shown(cleaned(form(red(), icc_profile=swapping_profile()))), blue, within=12)


def test_alpha_stays_when_a_profile_is_applied():
    red_haze = red("RGBA")
    red_haze.putalpha(77)
    result = shown(cleaned(png(red_haze, icc_profile=swapping_profile())))
    assert result.getpixel((3, 3)) == pytest.approx((20, 10, 250, 77), abs=12)


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_a_profile_of_grey_is_applied_to_grey(mode: str):
    picture = Image.new("L", (16, 16), 128).convert(mode)
    result = shown(cleaned(png(picture, icc_profile=linear_grey_profile())))
    assert result.convert("L").getpixel((3, 3)) == pytest.approx(188, abs=4)


@pytest.mark.parametrize("profile", [b"junk", b"", srgb_profile()[:200], bytes(128), b"x" * 5000])
@pytest.mark.parametrize("form", FORMS.values())
def test_a_broken_profile_is_left_out(form, profile: bytes):
    assert alike(shown(cleaned(form(icc_profile=profile))), opened(form()), within=24)


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_a_profile_of_other_colours_than_the_picture_has_is_left_out(mode: str):
    image = cleaned(jpeg(photo(mode=mode), icc_profile=swapping_profile()))
    assert alike(shown(image), opened(jpeg(photo(mode=mode))).convert("RGB"), within=24)


def test_a_profile_that_inflates_without_end_is_cut():
    bomb = b"name\0\0" + zlib.compress(bytes(100_000_000), 9)
    assert cleaned(with_chunk(png(), b"iCCP", bomb)).image == png()


@pytest.mark.parametrize("colour", [(200, 30, 60), (5, 5, 5), (255, 255, 255)])
def test_cmyk_becomes_rgb_when_it_is_encoded_anew(colour: tuple[int, int, int]):
    picture = Image.new("RGB", (600, 8), colour)
    result = shown(cleaned(jpeg(picture.convert("CMYK"))))
    assert result.mode == "RGB"
    assert alike(result, picture.resize((512, 7)), within=12)


def test_16_bit_grey_keeps_its_brightness():
    row = b"\0" + b"\xff\xff" * 200 + b"\x80\x80" * 200 + b"\0\1" * 200
    result = shown(cleaned(raw_png(600, 2, zlib.compress(row * 2), depth=16, colour=0)))
    assert [result.getpixel((x, 0)) for x in (10, 256, 500)] == [255, 128, 0]


@pytest.mark.parametrize(
    ("colour", "depth", "row", "tables"),
    [
        (colour, depth, -(-700 * depth * channels // 8), tables)
        for colour, channels, depths, transparent in [
            (0, 1, (1, 2, 4, 8, 16), b"\0\1"),
            (2, 3, (8, 16), b"\0\1\0\2\0\3"),
            (3, 1, (1, 2, 4, 8), b"\x80"),
            (4, 2, (8, 16), None),
            (6, 4, (8, 16), None),
        ]
        for depth in depths
        for palette in [chunk(b"PLTE", bytes(range(6))) if colour == 3 else b""]
        for tables in [palette, palette + chunk(b"tRNS", transparent or b"")][
            : 2 if transparent else 1
        ]
    ],
)
@pytest.mark.parametrize("profile", [b"", swapping_profile()])
def test_every_kind_of_png_can_be_scaled(
    colour: int, depth: int, row: int, tables: bytes, profile: bytes
):
    pixels = bytes(1 + row) if colour == 3 else b"\0" + Random(1).randbytes(row)
    image = raw_png(700, 2, zlib.compress(pixels * 2), depth=depth, colour=colour, extra=tables)
    if profile:
        image = with_chunk(image, b"iCCP", b"name\0\0" + zlib.compress(profile))
    assert shown(cleaned(image)).size == (512, 1)


# Size


@pytest.mark.parametrize(
    ("size", "stored"),
    [
        ((512, 512), (512, 512)),
        ((513, 512), (512, 511)),
        ((1000, 500), (512, 256)),
        ((500, 1000), (256, 512)),
        ((2, 4096), (1, 512)),
        ((4096, 1), (512, 1)),
        ((1, 4096), (1, 512)),
        ((1, 1), (1, 1)),
    ],
)
@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF"])
def test_sides_are_scaled_down_to_512_and_the_aspect_kept(
    form: str, size: tuple[int, int], stored: tuple[int, int]
):
    avatar = cleaned(encoded(photo(*size), form))
    assert shown(avatar).size == stored
    assert avatar.media_type == f"image/{'png' if form == 'GIF' else form.lower()}"


@pytest.mark.parametrize("form", FORMS.values())
def test_a_scaled_picture_looks_as_before(form):
    assert alike(shown(cleaned(form(photo(1500, 900)))), photo(512, 307), within=24)


def test_the_colour_of_what_is_transparent_does_not_bleed():
    picture = Image.new("RGBA", (1024, 1024), (0, 255, 0, 0))
    picture.paste((255, 0, 0, 255), (0, 0, 511, 1024))
    edge = shown(cleaned(png(picture))).getpixel((255, 9))
    assert edge[:2] == (255, 0)


def test_a_gif_becomes_a_png_of_the_same_pixels():
    picture = photo().quantize(32)
    avatar = cleaned(gif(picture, transparency=3))
    assert avatar.media_type == "image/png"
    assert alike(shown(avatar), opened(gif(picture, transparency=3)), within=0)


@pytest.mark.parametrize(
    ("image", "stored_type"),
    [
        (png(noise(600, 400).quantize(200)), "image/webp"),
        (png(noise(600, 400, "RGBA")), "image/png"),
        (jpeg(noise(600, 600), quality=95), "image/jpeg"),
        (webp(noise(600, 600, "RGBA"), quality=80), "image/webp"),
        (gif(noise(500, 380).quantize(255, dither=Image.Dither.NONE)), "image/png"),
        (gif(noise(1600, 100, "L")), "image/png"),
        (gif(noise(600, 600, "L")), "image/png"),
    ],
)
def test_what_would_take_more_than_256_kib_is_encoded_in_less(image: bytes, stored_type: str):
    avatar = cleaned(image)
    assert avatar.media_type == stored_type
    assert min(shown(avatar).size) >= 32


# A picture carries nothing but itself


def on_white(image: Image.Image) -> Image.Image:
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))


def in_scans(image: bytes, junk: bytes) -> list[bytes]:
    """A JPEG with junk behind the bits of each of its scans or intervals, one at a time."""
    ends = [match.start() for match in re.finditer(rb"\xff[\xc4\xd0-\xda]", image)]
    first = image.index(b"\xff\xda")
    return [image[:end] + junk + image[end:] for end in ends if end > first]


def in_frames(image: bytes, junk: bytes) -> list[bytes]:
    """A WebP with junk behind the data of each chunk with pixels, and of the first partition."""
    parts = chunks_of(image)
    stuffed = [
        riff(*{**parts, kind: data + junk}.items())
        for kind, data in parts.items()
        if kind != b"VP8X"
    ]
    if frame := parts.get(b"VP8 "):
        tag = int.from_bytes(frame[:3], "little") + (len(junk) << 5)
        end = 10 + (int.from_bytes(frame[:3], "little") >> 5)
        larger = tag.to_bytes(3, "little") + frame[3:end] + junk + frame[end:]
        stuffed.append(riff(*{**parts, b"VP8 ": larger}.items()))
    return stuffed


@pytest.mark.parametrize(
    "junk", [b"<script>alert(1)</script>", b"surplus" * 40, b"\0" * 9, b"x" * 9]
)
@pytest.mark.parametrize(
    ("stuffed", "image"),
    [
        *((in_scans, jpeg(image, **options))
          for image in (photo(), photo(mode="L"), noise(40, 30), photo(200, 150))
          for options in ({}, {"progressive": True}, {"optimize": True}, {"quality": 95})),
        (in_scans, jpeg(restart_marker_blocks=4)),
        (in_scans, jpeg(photo(mode="CMYK"))),
        (in_scans, jpeg(Image.new("RGB", (64, 48), "red"), progressive=True)),
        *((in_frames, webp(make(48, 40, mode), **options))
          for make in (photo, noise)
          for mode in ("RGB", "RGBA")
          for options in ({}, {"lossless": True}, {"quality": 20, "alpha_quality": 10})),
    ],
)  # fmt: skip
def test_nothing_is_carried_behind_compressed_data(stuffed, image: bytes, junk: bytes):
    assert cleaned(image).image == image
    for carrier in stuffed(image, junk):
        result = cleaned(carrier)
        assert junk not in (result.image or b"")
        assert alike(on_white(shown(result)), on_white(opened(image)), within=80)


@pytest.mark.parametrize("junk", [b"x", b"\xfe", b"\0", b"ab"])
def test_not_even_a_byte_is_carried_behind_a_baseline_scan(junk: bytes):
    for image in (jpeg(), jpeg(photo(mode="L")), jpeg(Image.new("RGB", (9, 9), "blue"))):
        assert cleaned(image[:-2] + junk + image[-2:]).image != image[:-2] + junk + image[-2:]


@pytest.mark.parametrize(
    "image",
    [
        raw_png(99, 99, zlib.compress(b"\0" * 298 * 99, 0)),
        raw_png(256, 256, zlib.compress(b"".join(b"\0" + bytes(range(256)) for _ in range(256)), 0), colour=0),
        raw_png(9, 9, b"".join((b"\x78\1", *[b"\0\0\0\xff\xff"] * 20_000, zlib.compress(bytes(28 * 9))[2:]))),
        b"".join((PNG[:33], *[chunk(b"IDAT", PNG[at : at + 1]) for at in range(41, len(PNG) - 16)], PNG[-12:])),
        jpeg(noise(180, 180), quality=100, subsampling=0),
    ],
)  # fmt: skip
def test_what_takes_more_than_twice_its_own_encoding_and_4_kib_is_encoded_anew(image: bytes):
    result = cleaned(image).image
    assert result is not None
    assert len(image) > 2 * len(result) + 4096


def test_the_largest_clean_picture_has_over_a_mebibyte_of_pixels_and_stays_as_it_is():
    image = png(Image.new("RGBA", (512, 512), (1, 2, 3, 4)))
    assert cleaned(image).image == image
