"""Parser of WebP containers (RFC 9649)."""

from __future__ import annotations

from collections.abc import Iterator
from struct import pack, unpack_from

from profile_domain.pictures.container import Container, ensure

# Decoding takes 16 bytes a pixel, for Pillow keeps several copies; this is 140 MiB.
MAX_PIXELS = 3000 * 3000

_ALPHA = 0x10
# Encoders end the data with a few bytes that no pixel depends on.
_WITHOUT_EFFECT = {b"VP8 ": 4, b"VP8L": 2, b"ALPH": 2}
_FIRST_PARTITION_WITHOUT_EFFECT = 3
_FRAME_HEADER = 10

Chunks = dict[bytes, bytes]


def walk_webp(image: bytes, found: Container) -> None:
    """Drops what follows the RIFF chunk. Frames of an animation are checked by the decoder."""
    (size,) = unpack_from("<I", image, 4)
    chunks: Chunks = {}
    at, end = 12, size + 8
    while at < min(end, len(image)):
        kind, length = unpack_from("<4sI", image, at)
        data = image[at + 8 : at + 8 + length]
        _note(kind, data, found)
        chunks.setdefault(kind, data)
        at += 8 + length + length % 2
    ensure(at == end <= len(image))
    if found.sides_hold and found.sides:
        ensure(found.sides[0] * found.sides[1] <= MAX_PIXELS)
    found.exif, found.icc = chunks.get(b"EXIF", b""), chunks.get(b"ICCP", b"")
    found.lossless = b"VP8L" in chunks
    if b"ANMF" in chunks:
        found.readings = (image[:end],)
    else:
        needed = _needed(chunks)
        found.readings = (_riff(needed),)
        found.clean = found.is_small and _riff(needed) == image
    if found.clean:
        found.shortened = tuple(_shortened(needed))


def _note(kind: bytes, data: bytes, found: Container) -> None:
    """Sides, which all headers must agree on, and frames."""
    if kind in (b"VP8 ", b"VP8L", b"ANMF"):
        found.frames += 1
    if kind == b"VP8X":
        ensure(len(data) >= 10)
        width, height = (int.from_bytes(data[side : side + 3], "little") + 1 for side in (4, 7))
    elif kind == b"VP8 ":
        width, height = (side & 0x3FFF for side in unpack_from("<HH", data, 6))
    elif kind == b"VP8L":
        (bits,) = unpack_from("<I", data, 1)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        return
    ensure(found.sides in (None, (width, height)))
    found.sides = width, height


def _needed(chunks: Chunks) -> Chunks:
    """The chunks of the picture, in order: ALPH only beside VP8 and if VP8X announces it."""
    needed: Chunks = {
        kind: chunks[kind] for kind in (b"VP8X", b"ALPH", b"VP8 ", b"VP8L") if kind in chunks
    }
    flags = needed[b"VP8X"][0] & _ALPHA if next(iter(chunks), b"") == b"VP8X" else None
    if not flags or b"VP8 " not in needed:
        needed.pop(b"ALPH", None)
    if flags is None:
        needed.pop(b"VP8X", None)
    else:
        flags = flags if needed.keys() & {b"ALPH", b"VP8L"} else 0
        needed[b"VP8X"] = pack("<B3x6s", flags, needed[b"VP8X"][4:10])
    return needed


def _riff(chunks: Chunks) -> bytes:
    parts = [
        pack("<4sI", kind, len(data)) + data + bytes(len(data) % 2) for kind, data in chunks.items()
    ]
    body = b"WEBP" + b"".join(parts)
    return b"RIFF" + pack("<I", len(body)) + body


def _shortened(chunks: Chunks) -> Iterator[tuple[bytes, ...]]:
    """The picture with the last bytes of one chunk, or of VP8's first partition, missing."""
    for kind, number in _WITHOUT_EFFECT.items():
        if kind in chunks:
            yield (_riff(chunks | {kind: chunks[kind][:-number]}),)
    if frame := chunks.get(b"VP8 "):
        (tag,) = unpack_from("<I", frame)
        end = _FRAME_HEADER + (tag >> 5 & 0x7FFFF)  # section 9.1 of RFC 6386
        cut = _FIRST_PARTITION_WITHOUT_EFFECT
        smaller = pack("<I", tag - (cut << 5))[:3]
        yield (_riff(chunks | {b"VP8 ": smaller + frame[3 : end - cut] + frame[end:]}),)
