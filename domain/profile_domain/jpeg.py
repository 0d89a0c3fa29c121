"""The walk through a JPEG (ITU-T T.81 annex B; JFIF 1.02)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from struct import pack, unpack_from

from profile_domain.container import Container, ensure

MAX_SCANS = 50  # a few bytes of a progressive scan can cost a pass over 16 million pixels

# In entropy-coded data 0xFF is followed by 0x00, by a restart marker or, as a filler, by 0xFF.
_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
_EXCESS = bytes.fromhex("5ac31e96a569783c87d24bb42d5ae10f")

_DHT, _DAC, _SOI, _EOI, _SOS, _DQT, _DRI = 0xC4, 0xCC, 0xD8, 0xD9, 0xDA, 0xDB, 0xDD
_APP0, _APP1, _APP2, _APP14 = 0xE0, 0xE1, 0xE2, 0xEE
_SOF = frozenset(range(0xC0, 0xD0)) - {_DHT, 0xC8, _DAC}
_HUFFMAN_DCT = frozenset({0xC0, 0xC1, 0xC2})  # what every viewer shows
_PICTURE = _SOF | {_DHT, _DAC, _SOS, _DQT, _DRI}


def walk_jpeg(image: bytes, found: Container) -> None:
    """Ends at the first EOI: of a file with several pictures (MPO) the first is taken."""
    kept, padded = [image[:2]], [image[:2]]
    profile: dict[int, bytes] = {}
    seen: set[int] = set()
    scans = 0
    for code, data, rest in _segments(image):
        if code in _SOF:
            ensure(found.sides is None)
            height, width = unpack_from(">HH", data, 1)
            found.sides, found.frames = (width, height), 1
            found.to_encode = code not in _HUFFMAN_DCT
        elif code == _SOS:
            scans += 1
            ensure(found.sides is not None and scans <= MAX_SCANS)
        elif code == _APP1 and data.startswith(b"Exif\0\0"):
            found.exif = found.exif or data[6:]
        elif code == _APP2 and data.startswith(b"ICC_PROFILE\0"):
            profile.setdefault(data[12], data[14:])
        part = _without_extras(code, data)
        if part and (code in _PICTURE or code not in seen):
            seen.add(code)
            segment = pack(">BBH", 0xFF, code, 2 + len(part)) + part
            pixels = rest if code == _SOS else b""
            kept += segment, pixels
            padded += segment, pixels, pixels and _EXCESS
    found.picture = b"".join((*kept, b"\xff\xd9"))
    found.icc = b"".join(part for _, part in sorted(profile.items()))
    if not found.to_encode:
        found.padded = b"".join((*padded, b"\xff\xd9"))


def _segments(image: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Each marker up to EOI, its parameters, and what lies between them and the next marker.

    Behind SOS that is entropy-coded data; elsewhere it is junk, which every decoder skips.
    """
    marker = _MARKER.search(image, 2)
    while marker and (code := marker[1][0]) != _EOI:
        ensure(code >= 0xC0 and code != _SOI)
        (length,) = unpack_from(">H", image, marker.end())
        start, end = marker.end() + 2, marker.end() + length
        ensure(start <= end)
        marker = _MARKER.search(image, end)
        yield code, image[start:end], image[end : marker.start() if marker else None]
    ensure(marker is not None)


def _without_extras(code: int, data: bytes) -> bytes:
    """What of a segment belongs to the picture: JFIF loses its thumbnail, Adobe any surplus."""
    if code == _APP0 and data.startswith(b"JFIF\0") and len(data) >= 14:
        return data[:12] + b"\0\0"
    if code == _APP14 and data.startswith(b"Adobe") and len(data) >= 12:
        return data[:12]
    return data if code in _PICTURE else b""
