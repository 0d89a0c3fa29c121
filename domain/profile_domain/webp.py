"""The walk through a WebP (RFC 9649)."""

from __future__ import annotations

from struct import pack, unpack_from

from profile_domain.container import Container, ensure

_ALPHA = 0x10


def walk_webp(image: bytes, found: Container) -> None:
    """What follows the RIFF chunk is left; frames of an animation are for the decoder to check."""
    (size,) = unpack_from("<I", image, 4)
    chunks: dict[bytes, bytes] = {}
    at, end = 12, size + 8
    while at < min(end, len(image)):
        kind, length = unpack_from("<4sI", image, at)
        data = image[at + 8 : at + 8 + length]
        _note(kind, data, found)
        chunks.setdefault(kind, data)
        at += 8 + length + length % 2
    ensure(at == end <= len(image))
    found.exif, found.icc = chunks.get(b"EXIF", b""), chunks.get(b"ICCP", b"")
    if b"ANMF" in chunks:
        found.picture, found.to_encode = image[:end], True
    else:
        found.picture = _still(chunks)


def _note(kind: bytes, data: bytes, found: Container) -> None:
    """Sides, which each header must agree on, and frames."""
    if kind in (b"VP8 ", b"VP8L", b"ANMF"):
        found.frames += 1
    if kind == b"VP8X":
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


def _still(chunks: dict[bytes, bytes]) -> bytes:
    """The container with the picture's own chunks alone, each once, in their order."""
    kept = b"WEBP"
    for kind, data in chunks.items():
        if kind == b"VP8X" and kept == b"WEBP":
            kept += pack("<4sIB3x6s", kind, 10, data[0] & _ALPHA, data[4:10])
        elif kind in (b"ALPH", b"VP8 ", b"VP8L"):
            kept += pack("<4sI", kind, len(data)) + data + bytes(len(data) % 2)
    return b"RIFF" + pack("<I", len(kept)) + kept
