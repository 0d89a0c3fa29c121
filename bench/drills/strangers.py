"""Strangers by the million: people, tokens, documents and addresses of pictures, once each.

A worker keeps within 64 MiB of the memory that it began with, and a request costs it at the end no
more than 1.2 times what it cost at the beginning. ``--each`` is how many of each kind there are.
"""

from __future__ import annotations

import argparse
import base64
import hmac
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Final

from service import ISSUER, ME, TENANT, Service, service, verdict

KNOWN: Final = 2000
ROUNDS: Final = 15
CONNECTIONS: Final = 4
PIPELINED: Final = 64
GROWTH_KIB: Final = 64 * 1024
DEARER: Final = 1.2
# Nobody who wrote once has paid back before the drill is over.
SETTINGS: Final = {"rate_limit": "100/day"}

_TICKS = os.sysconf("SC_CLK_TCK")
_EXPIRES = int(time.time()) + 86_400


def token(subject: str, number: int) -> str:
    """Signed here: the library that the service's own tools sign with takes ten times as long."""
    claims = {
        "iss": ISSUER.issuer,
        "aud": ISSUER.audience[0],
        "exp": _EXPIRES,
        "sub": subject,
        "tenant_id": str(TENANT),
        "scope": f"room:{number}",
    }
    parts = ({"typ": "JWT", "alg": "HS256"}, claims)
    signed = b".".join(_base64url(json.dumps(part).encode()) for part in parts)
    assert ISSUER.secret is not None
    digest = hmac.digest(ISSUER.secret[0].get_secret_value().encode(), signed, "sha256")
    return b".".join([signed, _base64url(digest)]).decode()


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def request(method: str, path: str, body: str = "", token: str = "") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: drill"]
    if token:
        lines += [f"Authorization: Bearer {token}", f"X-Tenant-ID: {TENANT}"]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", body]).encode()


def kinds(known: list[str]) -> dict[str, tuple[int, Callable[[int], bytes]]]:
    """A request of the nth stranger of each kind, and the status that it is answered with."""

    def person(number: int) -> bytes:
        return request("PUT", ME, "{}", token(f"stranger-{number}", number))

    def another_token(number: int) -> bytes:
        return request("GET", ME, token=token(known[number % len(known)], number))

    def document(number: int) -> bytes:
        return request("POST", "/graphql", json.dumps({"query": f"{{ a{number}: __typename }}"}))

    def picture(number: int) -> bytes:
        digest = _base64url(sha256(b"%d" % number).digest()).decode()
        size = ("", "?size=64")[number % 2]
        return request("GET", f"/v1/avatars/{TENANT}/{known[number % len(known)]}/{digest}{size}")

    return {
        "people": (404, person),
        "tokens": (200, another_token),
        "documents": (200, document),
        "addresses": (404, picture),
    }


class Crowd:
    """Connections on which requests are sent several at a time, without waiting for each answer."""

    def __init__(self, port: int) -> None:
        self._sockets = [
            socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(CONNECTIONS)
        ]

    def send(self, requests: Iterator[bytes], status: int) -> None:
        """Every answer must have this status."""
        while True:
            sent = [(each, self._send_some(each, requests)) for each in self._sockets]
            for each, count in sent:
                _read(each, count, b"HTTP/1.1 %d " % status)
            if not all(count for _, count in sent):
                return

    def close(self) -> None:
        for each in self._sockets:
            each.close()

    def _send_some(self, to: socket.socket, requests: Iterator[bytes]) -> int:
        some = [each for each, _ in zip(requests, range(PIPELINED), strict=False)]
        to.sendall(b"".join(some))
        return len(some)


def _read(sock: socket.socket, count: int, status: bytes) -> None:
    answered = b""
    while answered.count(b"\r\n\r\n") < count:  # of a head: there is none in JSON
        part = sock.recv(1 << 18)
        assert part, "the connection was closed"
        answered += part
    assert answered.count(status) == count, answered[:400]


def cpu_seconds(pid: int) -> float:
    """Of the process, all threads, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def drill(drilled: Service, each: int) -> tuple[int, dict[str, float]]:
    """KiB by which memory grew, and how much dearer each kind is in the last rounds."""
    known = [line.split(",")[1] for line in (drilled.folder / "people.csv").read_text().split()[1:]]
    crowd = Crowd(drilled.port)
    asked = kinds(known)
    for status, stranger in asked.values():
        crowd.send(map(stranger, range(-2000, 0)), status)
    before = drilled.memory()
    costs: dict[str, list[float]] = {kind: [] for kind in asked}
    for number in range(ROUNDS):
        first, last = each * number // ROUNDS, each * (number + 1) // ROUNDS
        for kind, (status, stranger) in asked.items():
            begun = cpu_seconds(drilled.pid)
            crowd.send(map(stranger, range(first, last)), status)
            costs[kind].append((cpu_seconds(drilled.pid) - begun) / (last - first))
    crowd.close()
    dearer = {kind: median(cost[-4:]) / median(cost[:4]) for kind, cost in costs.items()}
    return drilled.memory() - before, dearer


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--each", type=int, default=30_000, help="strangers of each kind")
    each = arguments.parse_args().each
    with service(KNOWN, **SETTINGS) as drilled:
        grown, dearer = drill(drilled, each)
    costs = ", ".join(f"{kind} {times:.2f}" for kind, times in dearer.items())
    result = (
        f"{grown / 1024:+.1f} MiB after {each:,} of each; a request costs, by what it did, {costs}"
    )
    verdict("strangers", result, holds=grown < GROWTH_KIB and max(dearer.values()) <= DEARER)


main()
