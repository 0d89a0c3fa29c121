"""The walk through a PNG (third edition; sections 5, 8 and 11)."""

from __future__ import annotations

import zlib
from struct import unpack_from

from profile_domain.container import Container, ensure

MAX_PROFILE_BYTES = 4 * 1024 * 1024

# Kept besides the pixels: at most so many bytes of each, once, before the pixels.
_KEPT = {b"PLTE": 768, b"tRNS": 256, b"sRGB": 1, b"gAMA": 4, b"cHRM": 32}
# What a colour type cannot have, by which bytes would only travel along.
_USELESS = {0: {b"PLTE"}, 4: {b"PLTE", b"tRNS"}, 6: {b"tRNS"}}
_PALETTE = 3
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PASSES = (((0, 0, 1, 1),), (
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)
))  # fmt: skip


def walk_png(image: bytes, found: Container) -> None:
    """Every chunk's CRC is checked, and that the pixels' zlib stream is whole."""
    seen: dict[bytes, bytes] = {}
    kept: list[bytes] = [image[:8]]
    pixels: list[bytes] = []
    at, kind = 8, b""
    while kind != b"IEND":
        before = kind
        length, kind = unpack_from(">I4s", image, at)
        data, end = image[at + 8 : at + 8 + length], at + 12 + length
        _note(kind, data, found)
        (crc,) = unpack_from(">I", image, end - 4)
        ensure(crc == zlib.crc32(data, zlib.crc32(kind)))
        ensure((kind == b"IHDR") == (at == 8))
        if kind == b"IDAT":
            ensure(before == kind or not pixels)
            ensure(_colour(image) != _PALETTE or _has_palette(seen))
            pixels.append(data)
        wanted = kind not in seen and not pixels and length <= _KEPT.get(kind, -1)
        wanted = wanted and kind not in _USELESS.get(_colour(image), ())
        if wanted or kind in (b"IHDR", b"IDAT", b"IEND"):
            kept.append(image[at:end])
        seen.setdefault(kind, data)
        at = end
    ensure(not data)
    found.picture = b"".join(kept)
    found.exif = seen.get(b"eXIf", b"")
    found.icc = _inflated(seen.get(b"iCCP", b""))
    if found.sides_hold:
        found.to_encode = not _is_exact(b"".join(pixels), _row_bytes(seen[b"IHDR"]))


def _note(kind: bytes, data: bytes, found: Container) -> None:
    """Sides and frames; an APNG says how many frames it has, and fdAT is one besides IDAT."""
    if kind == b"IHDR":
        width, height = unpack_from(">II", data)
        found.sides, found.frames = (width, height), 1
    elif kind == b"acTL":
        found.frames = max(found.frames, *unpack_from(">I", data))
    elif kind == b"fdAT":
        found.frames = max(found.frames, 2)


def _colour(image: bytes) -> int:
    return image[25]


def _has_palette(seen: dict[bytes, bytes]) -> bool:
    """1 to 256 colours before the pixels, and no more transparencies than colours."""
    colours, rest = divmod(len(seen.get(b"PLTE", b"")), 3)
    return not rest and max(1, len(seen.get(b"tRNS", b""))) <= colours <= 256


def _row_bytes(header: bytes) -> int:
    """The length of all filtered rows, of all passes."""
    width, height, depth, colour, _, _, interlace = unpack_from(">IIBBBBB", header)
    bits = depth * _CHANNELS.get(colour, 0)
    total = 0
    for x, y, across, down in _PASSES[interlace]:
        columns, rows = -((x - width) // across), -((y - height) // down)
        if columns > 0:
            total += max(rows, 0) * (1 + (columns * bits + 7) // 8)
    return total


def _is_exact(data: bytes, wanted: int) -> bool:
    """Whether a zlib stream holds the bytes wanted and nothing more; fewer are damage."""
    stream, size = zlib.decompressobj(), 0
    while size <= wanted:
        some = stream.decompress(data, 1 << 20)
        size += len(some)
        if stream.eof:
            break
        ensure(some != b"")
        data = stream.unconsumed_tail
    ensure(size >= wanted)
    return stream.eof and size == wanted and not stream.unused_data


def _inflated(data: bytes) -> bytes:
    """The profile in an iCCP chunk: a name, a zero byte, the method, a zlib stream."""
    _, _, stream = data.partition(b"\0")
    try:
        return zlib.decompressobj().decompress(stream[1:], MAX_PROFILE_BYTES)
    except zlib.error:
        return b""
