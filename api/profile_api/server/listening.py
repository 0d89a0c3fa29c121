"""The socket that listens."""

from __future__ import annotations

import errno
import socket

from profile_infra.people.operators import Refused

BACKLOG = 2048  # connections that wait to be accepted
# uvloop accepts one connection from each listening descriptor in a turn of its loop. With a single
# one, connections made under load waited for seconds, for as many turns as waited before them.
ACCEPTED_AT_ONCE = 64


class CannotListen(Refused):
    """The address cannot be listened on; the text says what to do."""


_ADVICE = {
    errno.EADDRINUSE: "another process listens there; end it, or choose another --port",
    errno.EACCES: "this user may not; choose a --port over 1023",
    errno.EADDRNOTAVAIL: "this machine has no such address; choose another --host",
}


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; connections wait until something accepts. Raises CannotListen."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        reason = _ADVICE.get(error.errno or 0, error.strerror)
        raise CannotListen(f"cannot listen on {host_in_url(host)}:{port}: {reason}.") from error
    return listener


def accepting(listener: socket.socket) -> list[socket.socket]:
    """The listener in as many descriptors as connections are accepted in a turn of the loop."""
    # All processes share the mode, and dup() would set it: a sibling would block in accept().
    listener.settimeout(0)
    return [listener, *(listener.dup() for _ in range(ACCEPTED_AT_ONCE - 1))]


def host_in_url(host: str) -> str:
    """The host as a URL writes it (RFC 3986 section 3.2.2)."""
    return f"[{host}]" if ":" in host else host
