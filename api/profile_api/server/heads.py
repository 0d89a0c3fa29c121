"""What HTTP asks of a request's head beyond its grammar, which the parser has checked."""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import unquote

import httptools

Headers = list[tuple[bytes, bytes]]
# What decides where a message ends, and what is expected before it.
FRAMING: Final = frozenset({b"host", b"transfer-encoding", b"content-length", b"expect"})

# RFC 9110 section 7.2: uri-host [ ":" port ], or nothing for a target without an authority.
_HOST: Final = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=%\-]*(:[0-9]*)?|\[[0-9A-Fa-fv.:]+\](:[0-9]*)?")

_DIGITS: Final = 19  # of a length that every recipient can hold


class Target(NamedTuple):
    """A request's target (RFC 9112 section 3.2): ``path`` with percent signs decoded."""

    path: str
    raw_path: bytes
    query: bytes


def target_of(url: bytes, *, method: bytes = b"") -> Target | None:
    """None for what is no origin or absolute form, nor ``*`` for OPTIONS."""
    if url == b"*" and method == b"OPTIONS":
        return Target("*", url, b"")
    if b"#" in url:  # a fragment is the client's own (RFC 9112 section 3.2)
        return None
    try:
        parsed = httptools.parse_url(url)
        raw_path = parsed.path or b"/"  # RFC 9112 section 3.2.2
        path = raw_path.decode("ascii")
    except (httptools.HttpParserInvalidURLError, UnicodeDecodeError):
        return None
    return Target(unquote(path) if "%" in path else path, raw_path, parsed.query or b"")


def is_sound(version: str, framing: Headers) -> bool:
    """Whether the version is one that is spoken here, ``Host`` stands once (RFC 9112 section 3.2),
    and the body is framed in the one way that all agree on (section 6.1).

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
    """Of the body as a sound head has it; a chunked one has no end yet."""
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
    """The head again, with no offer to change the protocol: one may be declined by going on as if
    it had not been made (RFC 9110 section 7.8).
    """
    lines = [b"%b: %b\r\n" % header for header in headers if header[0] != b"upgrade"]
    return b"%b %b HTTP/%b\r\n%b\r\n" % (method, url, version.encode("ascii"), b"".join(lines))
