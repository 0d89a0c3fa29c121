"""Parser of JPEG containers (ITU-T T.81 annex B; JFIF 1.02)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product
from struct import pack, unpack, unpack_from

from profile_domain.pictures.container import Container, Damaged, ensure

MAX_SCANS = 50
# A block costs about 25 ns in each of its scans, however few bytes the scan has. A progressive
# picture of 4,096 pixels a side in full colour has 3.7 million.
MAX_BLOCKS = 4_000_000
# With more blocks, two paddings are tried instead of three.
_MANY_BLOCKS = 1_000_000
# Scans, or parts of one between restart markers.
MAX_INTERVALS = 16_384
MAX_CLEAN_INTERVALS = 12  # the picture is decoded once for each

# In entropy-coded data 0xFF is followed by 0x00, by a restart marker or, as a filler, by 0xFF.
_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
_RESTART = re.compile(rb"\xff([\xd0-\xd7])")
# Bits that replace the end of entropy-coded data, or follow it; the first two differ in every bit.
_PADDINGS = (
    bytes.fromhex("5ac31e96a569783c87d24bb42d5ae10f") * 4,
    bytes.fromhex("a53ce1695a9687c3782db44bd2a51ef0") * 4,
    b"",
)
# The last blocks of a progressive scan are often empty: no pixel depends on these bytes.
_WITHOUT_EFFECT = 8

_DHT, _SOI, _EOI, _SOS, _DQT, _DRI = 0xC4, 0xD8, 0xD9, 0xDA, 0xDB, 0xDD
_APP0, _APP1, _APP2, _APP14 = 0xE0, 0xE1, 0xE2, 0xEE
_SOF = frozenset(range(0xC0, 0xD0)) - {_DHT, 0xC8, 0xCC}
_PROGRESSIVE = 0xC2
_HUFFMAN_DCT = frozenset({0xC0, 0xC1, _PROGRESSIVE})  # what every viewer shows

Table = tuple[str, int]
_RESTARTS: Table = ("restarts", 0)


def walk_jpeg(image: bytes, found: Container) -> None:
    """Ends at the first EOI: of a file with several pictures (MPO) the first is taken."""
    picture, profile = _Picture(), dict[int, bytes]()
    for code, data, rest in _segments(image):
        if code in _SOF:
            ensure(found.sides is None)
            height, width = unpack_from(">HH", data, 1)
            found.sides, found.frames = (width, height), 1
            if found.sides_hold:
                picture.frame = _Frame.of(code, data)
        elif code == _APP1 and data.startswith(b"Exif\0\0"):
            found.exif = found.exif or data[6:]
        elif code == _APP2 and data.startswith(b"ICC_PROFILE\0"):
            profile.setdefault(data[12], data[14:])
        picture.add(code, data, rest)
    picture.ensure_complete()
    found.icc = b"".join(part for _, part in sorted(profile.items()))
    paddings = _PADDINGS[: 2 if picture.blocks > _MANY_BLOCKS else 3]
    found.readings = tuple(picture.padded(each) for each in paddings)
    found.clean = found.is_small and picture.is_exact() and picture.padded(b"") == image
    if found.clean:
        found.shortened = tuple(picture.shortened())


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


@dataclass(slots=True)
class _Picture:
    """The parts of a JPEG that belong to the picture, and whether it needs them all."""

    frame: _Frame | None = None
    parts: list[bytes] = field(default_factory=lambda: [b"\xff\xd8"])
    intervals: list[int] = field(default_factory=list)  # which of the parts are entropy-coded
    applications: dict[int, int] = field(
        default_factory=dict
    )  # by marker: how many parts precede it
    defined: set[Table] = field(default_factory=set)
    unused: set[Table] = field(default_factory=set)
    redefined: bool = False
    restart: int = 0
    scans: int = 0
    blocks: int = 0
    complete: set[tuple[int, int]] = field(default_factory=set)  # coefficients of components

    def add(self, code: int, data: bytes, rest: bytes) -> None:
        if code in {_DHT, _DQT}:
            self._define(_tables(code, data))
        elif code == _DRI:
            (self.restart,) = unpack(">H", data)
            self._define([_RESTARTS])
        elif code != _SOS and code not in _HUFFMAN_DCT:
            data = self._application(code, data)
        if data:
            self.parts.append(pack(">BBH", 0xFF, code, 2 + len(data)) + data)
        if code == _SOS:
            self._scan(data, rest)

    def ensure_complete(self) -> None:
        """Raises Damaged unless the scans cover all 64 coefficients of each component."""
        if self.frame is not None:
            ensure(len(self.complete) == 64 * len(self.frame.components))

    def is_exact(self) -> bool:
        """Whether JFIF comes first, every table is used, and only Huffman tables are redefined."""
        in_place = self.applications.get(_APP0, 1) == 1 and not self.redefined
        return in_place and not self.unused and len(self.intervals) <= MAX_CLEAN_INTERVALS

    def padded(self, padding: bytes) -> bytes:
        """The picture with padding behind each interval: same pixels, unless one is truncated."""
        return self._with({at: self.parts[at] + padding for at in self.intervals})

    def shortened(self) -> Iterator[tuple[bytes, ...]]:
        """For each interval, the picture with the interval's last bytes replaced.

        One decodes to other pixels, unless these bytes follow the last bit that a pixel needs.
        """
        for at in self.intervals:
            number = _WITHOUT_EFFECT if self.frame and self.frame.progressive else 1
            if len(self.parts[at]) >= number:
                rest = self.parts[at][:-number].rstrip(b"\xff")
                yield tuple(self._with({at: rest + each}) for each in _PADDINGS)

    def _with(self, replaced: dict[int, bytes]) -> bytes:
        parts = self.parts.copy()
        for at, part in replaced.items():
            parts[at] = part
        return b"".join(parts) + b"\xff\xd9"

    def _define(self, tables: Iterable[Table]) -> None:
        for table in tables:
            replaced = self.unused if table[0] in {"DC", "AC"} else self.defined
            self.redefined |= table in replaced
            self.defined.add(table)
            self.unused.add(table)

    def _application(self, code: int, data: bytes) -> bytes:
        """The needed part of an APPn segment: JFIF without thumbnail, Adobe without surplus."""
        if self.scans or code in self.applications:
            return b""
        if code == _APP0 and data.startswith(b"JFIF\0") and len(data) >= 14:
            self.applications[code] = len(self.parts)
            return data[:12] + b"\0\0"
        if code == _APP14 and data.startswith(b"Adobe") and len(data) >= 12:
            self.applications[code] = len(self.parts)
            return data[:12]
        return b""

    def _scan(self, data: bytes, entropy: bytes) -> None:
        """Raises Damaged where an interval between restart markers is missing."""
        if self.frame is None:
            raise Damaged
        units, blocks, tables = self.frame.scan(data)
        self.scans += 1
        self.blocks += blocks
        if data[-1] & 15 == 0:
            band = range(data[-3], min(data[-2], 63) + 1)
            self.complete.update(product(data[1:-3:2], band))
        ensure(self.scans <= MAX_SCANS and self.blocks <= MAX_BLOCKS)
        pieces = _RESTART.split(entropy)
        ensure(len(self.intervals) + len(pieces) // 2 < MAX_INTERVALS)
        ensure(len(pieces) // 2 == (_parts(units, self.restart) - 1 if self.restart else 0))
        for number, piece in enumerate(pieces[::2]):
            if number:
                ensure(pieces[2 * number - 1] == bytes([0xD0 + (number - 1) % 8]))
                self.parts.append(b"\xff" + pieces[2 * number - 1])
            self.intervals.append(len(self.parts))
            self.parts.append(piece.rstrip(b"\xff"))
        self.unused -= tables
        if len(pieces) > 1:
            self.unused.discard(_RESTARTS)


@dataclass(frozen=True, slots=True)
class _Frame:
    """A start of frame (section B.2.2): sampling factors and quantization of each component."""

    progressive: bool
    width: int
    height: int
    components: dict[int, tuple[int, int, int]]

    @classmethod
    def of(cls, code: int, data: bytes) -> _Frame:
        height, width, count = unpack_from(">HHB", data, 1)
        ensure(code in _HUFFMAN_DCT and count > 0 and len(data) == 6 + 3 * count)
        components = {
            name: (sampling >> 4, sampling & 15, quantization)
            for name, sampling, quantization in zip(data[6::3], data[7::3], data[8::3], strict=True)
        }
        ensure(all({across, down} <= {1, 2, 3, 4} for across, down, _ in components.values()))
        return cls(code == _PROGRESSIVE, width, height, components)

    def scan(self, data: bytes) -> tuple[int, int, set[Table]]:
        """The number of MCUs (section A.2) and of blocks of a scan, and the tables that it uses."""
        count, names, first, refined = data[0], data[1:-3:2], data[-3], data[-1] >> 4
        ensure(len(data) == 4 + 2 * count and self.components.keys() >= set(names) > set())
        scanned = [self.components[name] for name in names]
        tables: set[Table] = {("quantization", quantization) for _, _, quantization in scanned}
        for numbers in data[2:-3:2]:
            if not self.progressive or (first == 0 and not refined):
                tables.add(("DC", numbers >> 4))
            if not self.progressive or first > 0:
                tables.add(("AC", numbers & 15))
        most_across, most_down, _ = map(max, zip(*self.components.values(), strict=True))
        if count == 1:
            across, down, _ = scanned[0]
            columns = _parts(_parts(self.width * across, most_across), 8)
            units = blocks = columns * _parts(_parts(self.height * down, most_down), 8)
        else:
            units = _parts(self.width, 8 * most_across) * _parts(self.height, 8 * most_down)
            blocks = units * sum(across * down for across, down, _ in scanned)
        return units, blocks, tables


def _tables(code: int, data: bytes) -> Iterator[Table]:
    """The tables that a segment defines, each of its length (sections B.2.4.1 and B.2.4.2)."""
    at = 0
    while at < len(data):
        kind, number = divmod(data[at], 16)
        if code == _DQT:
            yield "quantization", number
            at += 1 + (64 << kind)
        else:
            yield ("DC", "AC")[kind], number
            at += 17 + sum(data[at + 1 : at + 17])
    ensure(at == len(data))


def _parts(whole: int, size: int) -> int:
    """The quotient, rounded up."""
    return -(-whole // size)
