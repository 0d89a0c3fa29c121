"""A request's head: limits on its size, and the rules that the parser does not check."""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import unquote

import httptools

Headers = list[tuple[bytes, bytes]]
# The headers that decide on framing and on 100 Continue.
_FRAMING: Final = frozenset({b"host", b"transfer-encoding", b"content-length", b"expect"})
_KEPT: Final = frozenset({b"origin", b"x-request-id"})  # to answer one with too many headers

# RFC 9110 section 7.2: uri-host [ ":" port ], or nothing for a target without an authority.
_HOST: Final = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=%\-]*(:[0-9]*)?|\[[0-9A-Fa-fv.:]+\](:[0-9]*)?")

_SLASH: Final = re.compile("%2f", re.IGNORECASE)
_DIGITS: Final = 19  # of a length that fits into 64 bits


class Target(NamedTuple):
    """A request's target (RFC 9112 section 3.2): ``path`` with percent signs decoded.

    An encoded slash stays as it is: it does not part a path (RFC 3986 section 2.2).
    """

    path: str
    raw_path: bytes
    query: bytes


def target_of(url: bytes, *, method: bytes = b"") -> Target | None:
    """The parsed target; None unless in origin or absolute form, or ``*`` for OPTIONS."""
    if url == b"*" and method == b"OPTIONS":
        return Target("*", url, b"")
    if b"#" in url:  # a target has no fragment (RFC 9112 section 3.2)
        return None
    try:
        parsed = httptools.parse_url(url)
        raw_path = parsed.path or b"/"  # RFC 9112 section 3.2.2
        path = raw_path.decode("ascii")
    except (httptools.HttpParserInvalidURLError, UnicodeDecodeError):
        return None
    if "%" in path:
        path = "%2F".join(map(unquote, _SLASH.split(path)))
    return Target(path, raw_path, parsed.query or b"")


class Head:
    """A head as the parser reports it. ``headers`` have lower-case names, as in ASGI's scope.

    Of more than ``max_headers``, those that an error response needs are kept.
    """

    __slots__ = ("_framing", "_max_headers", "headers", "too_many", "url")

    def __init__(self, headers: Headers, *, max_headers: int) -> None:
        self.url = b""
        self.headers = headers
        self.too_many = False
        self._framing: Headers = []
        self._max_headers = max_headers

    def add(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if len(self.headers) >= self._max_headers:
            self.too_many = True
            if name not in _KEPT:
                return
            self.headers.pop(0)  # makes room
        # RFC 9110 section 5.5: the parser leaves out only the white space before a value. Behind a
        # coding it takes no tab, so that one must stay to be refused.
        header = (name, value.rstrip(b" " if name == b"transfer-encoding" else b" \t"))
        self.headers.append(header)
        if name in _FRAMING:
            self._framing.append(header)

    def size(self) -> int:
        """Bytes of the target and the header lines."""
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def is_sound(self, version: str) -> bool:
        """Whether the version is 1.0 or 1.1, ``Host`` is there once and valid (RFC 9112 section
        3.2), and the framing is unambiguous (section 6.1).

        The parser has refused two lengths, and a length beside a transfer coding.
        """
        hosts, codings = [], []
        for name, value in self._framing:
            if name == b"host":
                hosts.append(value)
            elif name == b"transfer-encoding":
                codings.append(value.lower())
            elif name == b"content-length" and len(value) > _DIGITS:
                return False
        if version == "1.1":
            if len(hosts) != 1 or codings not in ([], [b"chunked"]):
                return False
        elif version != "1.0" or len(hosts) > 1 or codings:
            return False
        return not hosts or _HOST.fullmatch(hosts[0]) is not None

    def length(self) -> float:
        """The length of the body; infinity for a chunked one."""
        for name, value in self._framing:
            if name == b"transfer-encoding":
                return float("inf")
            if name == b"content-length":
                return int(value)
        return 0

    def expects_100(self) -> bool:
        """RFC 9110 section 10.1.1."""
        return any(
            name == b"expect" and value.lower() == b"100-continue" for name, value in self._framing
        )

    def without_offer(self, method: bytes, version: str) -> bytes:
        """The head without ``Upgrade``, which a server may ignore (RFC 9110 section 7.8)."""
        lines = [b"%b: %b\r\n" % header for header in self.headers if header[0] != b"upgrade"]
        first = b"%b %b HTTP/%b\r\n" % (method, self.url, version.encode("ascii"))
        return b"%b%b\r\n" % (first, b"".join(lines))
