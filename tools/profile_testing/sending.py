"""Clients in other languages that send large bodies, and the responses that they get."""

import subprocess
import sys
from pathlib import Path

SENDERS = Path(__file__).with_name("senders")
# How each client can send. With Expect, Java 17 hangs on any response but 100 (JDK-8286171).
HOWS = {
    "urllib": ["close"],
    "ruby": ["keep", "close", "expect", "chunked"],
    "go": ["keep", "close", "expect", "chunked"],
    "java": ["keep", "chunked"],
}
NEEDS = {"ruby": "ruby", "go": "go", "java": "java"}


def command_of(client: str, folder: Path) -> list[str]:
    """The command that starts a client, compiled into ``folder`` if necessary."""
    if client == "urllib":
        return [sys.executable, str(SENDERS / "sender.py")]
    if client == "ruby":
        return ["ruby", str(SENDERS / "sender.rb")]
    if client == "java":
        return ["java", str(SENDERS / "Sender.java")]
    compiled = folder / "sender"
    if not compiled.exists():
        build = ["go", "build", "-o", str(compiled), str(SENDERS / "sender.go")]
        subprocess.run(build, check=True, timeout=300)
    return [str(compiled)]


def statuses(
    command: list[str], address: str, large: tuple[str, str, int], how: str, count: int
) -> list[str]:
    """The statuses of ``count`` large bodies, each followed by a small GET; or an error's name."""
    method, path, size = large
    asked = [*command, address, method, path, str(size), how, str(count)]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=600)
    return done.stdout.split() or [done.stderr]
