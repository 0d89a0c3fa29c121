"""Free loopback ports, for servers that get their port as an argument."""

import socket


def reserved() -> socket.socket:
    """A socket bound to a free port, which reserves it until closed. It does not listen.

    A server that sets SO_REUSEADDR, as servers do, can bind the port meanwhile.
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    return held
