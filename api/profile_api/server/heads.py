"""The rules of HTTP for a request's head that the parser does not check."""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import unquote

import httptools

Headers = list[tuple[bytes, bytes]]
# The headers that decide on framing and on 100 Continue.
FRAMING: Final = frozenset({b"host", b"transfer-encoding", b"content-length", b"expect"})

# RFC 9110 section 7.2: uri-host [ ":" port ], or nothing for a target without an authority.
_HOST: Final = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=%\-]*(:[0-9]*)?|\[[0-9A-Fa-fv.:]+\](:[0-9]*)?")

_DIGITS: Final = 19  # of a length that fits into 64 bits


class Target(NamedTuple):
    """A request's target (RFC 9112 section 3.2): ``path`` with percent signs decoded."""

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
    return Target(unquote(path) if "%" in path else path, raw_path, parsed.query or b"")


def is_sound(version: str, framing: Headers) -> bool:
    """Whether the version is 1.0 or 1.1, ``Host`` is there once and valid (RFC 9112 section 3.2),
    and the framing is unambiguous (section 6.1).

    The parser has refused two lengths, and a length beside a transfer coding.
    """
    hosts, codings = [], []
    for name, value in framing:
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


def length_of(framing: Headers) -> float:
    """The length of the body; infinity for a chunked one."""
    for name, value in framing:
        if name == b"transfer-encoding":
            return float("inf")
        if name == b"content-length":
            return int(value)
    return 0


def expects_100(framing: Headers) -> bool:
    """RFC 9110 section 10.1.1."""
    return any(name == b"expect" and value.lower() == b"100-continue" for name, value in framing)


def without_offer(method: bytes, url: bytes, version: str, headers: Headers) -> bytes:
    """The head without ``Upgrade``: a server may ignore the header (RFC 9110 section 7.8)."""
    lines = [b"%b: %b\r\n" % header for header in headers if header[0] != b"upgrade"]
    return b"%b %b HTTP/%b\r\n%b\r\n" % (method, url, version.encode("ascii"), b"".join(lines))
