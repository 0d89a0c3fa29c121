"""Ports of the loopback interface, for servers that must be told theirs."""

import socket


def reserved() -> socket.socket:
    """Bound to a port that nobody else is given until this is closed; nobody listens on it here.

    Whoever binds it by its number with SO_REUSEADDR, as servers do, has it, as often as they like.
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    return held
