"""A real browser shows every kind of stored picture."""

from __future__ import annotations

import zlib
from random import Random

import pytest
from PIL import Image

from browsing import needs_chromium
from cleaning import cleaned
from profile_testing.images import (
    chunk,
    chunks_of,
    data_uri,
    exif,
    gif,
    jpeg,
    mpo,
    noise,
    photo,
    png,
    raw_png,
    riff,
    segment,
    srgb_profile,
    swapping_profile,
    vp8x,
    webp,
    webp_animation_of_one_frame,
    with_chunk,
    with_segment,
)

pytestmark = needs_chromium

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
TRANSPARENT = {0: b"\0\1", 2: b"\0\1\0\2\0\3", 3: b"\x80\x40"}
PASSES = [
    [(0, 0, 1, 1)],
    [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)],
]  # fmt: skip


def any_png(width: int, colour: int, depth: int, interlace: int, *, transparent: bool) -> bytes:
    bits, random, rows = CHANNELS[colour] * depth, Random(colour), list[bytes]()
    for x, y, across, down in PASSES[interlace]:
        length = (-((x - width) // across) * bits + 7) // 8
        numbers = range(-((y - 20) // down))
        rows += [bytes([number % 5]) + random.randbytes(length) for number in numbers]
    extra = chunk(b"PLTE", random.randbytes(3 << depth)) if colour == 3 else b""
    if transparent:
        extra += chunk(b"tRNS", TRANSPARENT[colour])
    if colour == 3:  # of the filters only the first keeps indices within the palette
        rows = [b"\0" + row[1:] for row in rows]
    pixels = zlib.compress(b"".join(rows))
    return raw_png(width, 20, pixels, depth=depth, colour=colour, interlace=interlace, extra=extra)


PNGS = [
    any_png(width, colour, depth, interlace, transparent=transparent)
    for colour in CHANNELS
    for depth in DEPTHS[colour]
    for interlace in (0, 1)
    for transparent in (False, True)
    if colour in TRANSPARENT or not transparent
    for width in (24, 530)
]
IHDR = png()[16:29]
ODD_PNGS = [
    png()[:8] + chunk(b"IHDR", IHDR + bytes(200_000)) + png()[33:],
    with_chunk(png(), b"PLTE", b""),
    with_chunk(png(photo(mode="L")), b"PLTE", bytes(9)),
    with_chunk(png(), b"tRNS", bytes(300)),
    with_chunk(png(), b"sRGB", b"\0"),
    with_chunk(png(), b"sRGB", b"\0\0"),
    png(exif=exif(6), icc_profile=swapping_profile()),
]
JPEGS = [
    *(
        jpeg(photo(mode=mode), quality=quality, progressive=progressive, subsampling=subsampling)
        for mode in ("L", "RGB")
        for quality in (10, 75, 100)
        for progressive in (False, True)
        for subsampling in ((0, 1, 2) if mode == "RGB" else (-1,))
    ),
    jpeg(optimize=True),
    jpeg(restart_marker_blocks=1),
    jpeg(photo(900, 700), progressive=True),
    jpeg(exif=exif(5), icc_profile=srgb_profile(), comment=b"x"),
    jpeg(Image.new("RGB", (100, 100), "red")),
    jpeg()[:2] + segment(0xC4, b"\3" + bytes(15) + b"\1\0") * 900 + jpeg()[2:],
    with_segment(jpeg(), 0xE0, b"JFXX\0\x10"),
    mpo(),
]
CMYK = [jpeg(photo(mode="CMYK"), progressive=progressive) for progressive in (False, True)]
VP8 = chunks_of(webp())[b"VP8 "]
ALPHA = chunks_of(webp(photo(mode="RGBA")))
UNANNOUNCED = riff((b"ALPH", ALPHA[b"ALPH"]), (b"VP8 ", ALPHA[b"VP8 "]))
WEBPS = [
    *(
        webp(make(64, 48, mode), lossless=lossless, quality=quality, exact=True)
        for make in (photo, noise)
        for mode in ("RGB", "RGBA")
        for lossless in (False, True)
        for quality in (0, 80)
    ),
    riff(vp8x(0), (b"VP8 ", VP8)),
    riff(vp8x(0x10), (b"VP8 ", VP8)),
    UNANNOUNCED,
    webp(photo(700, 300, "RGBA")),
    webp_animation_of_one_frame(),
]
GIFS = [
    gif(),
    gif(interlace=0),
    gif(interlace=1),
    gif(photo().quantize(2)),
    gif(photo().quantize(256), transparency=3),
    gif(photo(mode="L")),
    gif(photo().convert("1")),
    gif(photo(600, 300).quantize(16), transparency=1),
]

DRAW = """uris => Promise.all(uris.map(async uri => {
  const image = new Image()
  image.src = uri
  try { await image.decode() } catch { return null }
  const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight)
  const context = canvas.getContext("2d")
  context.fillStyle = "white"
  context.fillRect(0, 0, canvas.width, canvas.height)
  context.drawImage(image, 0, 0)
  const {data} = context.getImageData(0, 0, canvas.width, canvas.height)
  const sums = [0, 0, 0]
  for (let at = 0; at < data.length; at++) if (at % 4 < 3) sums[at % 4] += data[at]
  return [canvas.width, canvas.height, ...sums.map(sum => sum / data.length * 4)]
}))"""


def of_stored_size(width: int, height: int) -> list[int]:
    longest = max(width, height, 512)
    return [max(1, round(side * 512 / longest)) for side in (width, height)]


async def test_all_that_is_stored_is_shown_and_looks_as_what_was_sent(tab):
    images = [*PNGS, *ODD_PNGS, *JPEGS, *CMYK, *WEBPS, *GIFS]
    stored = await tab.evaluate(DRAW, [cleaned(image).data_uri for image in images])
    sent = await tab.evaluate(DRAW, [data_uri(image) for image in images])
    for image, after, before in zip(images, stored, sent, strict=True):
        assert after is not None, image[:200]
        if before is None:  # not by browsers, but by Pillow
            assert image in (*ODD_PNGS, UNANNOUNCED)
        else:
            assert after == pytest.approx([*of_stored_size(*before[:2]), *before[2:]], abs=12), (
                image[:60]
            )
