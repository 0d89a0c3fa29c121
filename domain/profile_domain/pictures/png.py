"""Parser of PNG containers (PNG specification, third edition, sections 5, 8 and 11)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from struct import pack, unpack, unpack_from

from profile_domain.pictures.container import Container, ensure

MAX_PROFILE_BYTES = 4 * 1024 * 1024
# A byte of a row takes up to 5 ns to inflate and to decode, and 5 more where the filter is Paeth.
MAX_ROW_BYTES = 4096 * (1 + 4096 * 4)
MAX_PAETH_BYTES = 4096 * (1 + 4096 * 2)
_PAETH = 4
_INFLATED_AT_ONCE = 1 << 20

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PALETTE = 3
_CHANNELS = {0: 1, 2: 3, _PALETTE: 1, 4: 2, 6: 4}
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), _PALETTE: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_LENGTHS = {b"sRGB": 1, b"gAMA": 4, b"cHRM": 32}
_TRANSPARENT_COLOUR = {0: 2, 2: 6}
_PASSES = (((0, 0, 1, 1),), (
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)
))  # fmt: skip


def walk_png(image: bytes, found: Container) -> None:
    """Checks the CRC of every chunk and that the zlib stream of the pixels is complete."""
    kept: dict[bytes, bytes] = {}
    pixels: list[bytes] = []
    at_once, metadata = False, {b"eXIf": b"", b"iCCP": b""}
    for kind, data in _chunks(image, found):
        if kind == b"IHDR":
            ensure(not kept)
            kept[kind] = data[:13]
        elif kind == b"IDAT":
            ensure(at_once or not pixels)
            pixels.append(data)
        elif not pixels and kind not in kept and (part := _needed(kind, data, kept)):
            kept[kind] = part
        at_once = kind == b"IDAT"
        if not metadata.get(kind, b"x"):
            metadata[kind] = data
    found.exif, found.icc = metadata[b"eXIf"], _inflated(metadata[b"iCCP"])
    if found.sides_hold:
        exact = _is_exact(b"".join(pixels), kept)
        chunks = [*kept.items(), *((b"IDAT", data) for data in pixels if data), (b"IEND", b"")]
        picture = _SIGNATURE + b"".join(_chunk(kind, data) for kind, data in chunks)
        found.readings = (picture,)
        found.clean = exact and found.is_small and picture == image


def _chunks(image: bytes, found: Container) -> Iterator[tuple[bytes, bytes]]:
    """Each chunk's type and data, from IHDR up to IEND."""
    at, kind = len(_SIGNATURE), b""
    while kind != b"IEND":
        length, kind = unpack_from(">I4s", image, at)
        ensure(kind == b"IHDR" or at > len(_SIGNATURE))
        data = image[at + 8 : at + 8 + length]
        _note(kind, data, found)
        (crc,) = unpack_from(">I", image, at + 8 + length)
        ensure(crc == zlib.crc32(data, zlib.crc32(kind)))
        at += 12 + length
        yield kind, data
    ensure(not data)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return pack(">I4s", len(data), kind) + data + pack(">I", zlib.crc32(data, zlib.crc32(kind)))


def _note(kind: bytes, data: bytes, found: Container) -> None:
    """Sides and frames; an APNG says how many frames it has, and fdAT is one besides IDAT."""
    if kind == b"IHDR":
        width, height = unpack_from(">II", data)
        found.sides, found.frames = (width, height), 1
    elif kind == b"acTL":
        found.frames = max(found.frames, *unpack_from(">I", data))
    elif kind == b"fdAT":
        found.frames = max(found.frames, 2)


def _needed(kind: bytes, data: bytes, before: dict[bytes, bytes]) -> bytes:
    """The part of a chunk before IDAT that the picture needs; empty if it needs none."""
    depth, colour = before[b"IHDR"][8:10]
    if kind == b"PLTE" and colour == _PALETTE:
        ensure(len(data) <= 768)
        return data[: 3 << depth]
    if kind == b"tRNS":
        colours = len(before.get(b"PLTE", b"")) // 3
        return data if len(data) == _TRANSPARENT_COLOUR.get(colour) or colours else b""
    return data if len(data) == _LENGTHS.get(kind) and b"PLTE" not in before else b""


def _is_exact(data: bytes, kept: dict[bytes, bytes]) -> bool:
    """Whether a zlib stream holds exactly the picture's rows. Raises Damaged for fewer."""
    width, height, depth, colour, method, filters, interlace = unpack(">IIBBBBB", kept[b"IHDR"])
    ensure(depth in _DEPTHS.get(colour, ()) and method == filters == 0)
    if colour == _PALETTE:
        colours, rest = divmod(len(kept.get(b"PLTE", b"")), 3)
        ensure(not rest and max(1, len(kept.get(b"tRNS", b""))) <= colours)
    stream, bits = zlib.decompressobj(), depth * _CHANNELS[colour]
    all_bytes = paeth_bytes = 0
    for x, y, across, down in _PASSES[interlace]:
        columns, rows = -((x - width) // across), -((y - height) // down)
        length = 1 + (columns * bits + 7) // 8
        while columns > 0 and rows > 0:
            some = stream.decompress(data, min(rows, max(1, _INFLATED_AT_ONCE // length)) * length)
            data = stream.unconsumed_tail
            ensure(some != b"" and len(some) % length == 0)
            rows -= len(some) // length
            all_bytes += len(some)
            paeth_bytes += some[::length].count(_PAETH) * length
            ensure(all_bytes <= MAX_ROW_BYTES and paeth_bytes <= MAX_PAETH_BYTES)
    surplus = stream.decompress(data, 1)
    ensure(stream.eof or surplus != b"")
    return stream.eof and not surplus and not stream.unused_data


def _inflated(data: bytes) -> bytes:
    """The profile in an iCCP chunk: a name, a zero byte, the method, a zlib stream."""
    _, _, stream = data.partition(b"\0")
    try:
        return zlib.decompressobj().decompress(stream[1:], MAX_PROFILE_BYTES)
    except zlib.error:
        return b""
