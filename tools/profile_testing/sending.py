"""Clients of other languages that send large bodies, and what each is answered."""

import subprocess
import sys
from pathlib import Path

SENDERS = Path(__file__).with_name("senders")
# What each can be told of how to send. Java 17 waits for ever when it expects 100 and is answered
# anything else (JDK-8286171), whoever answers.
HOWS = {
    "urllib": ["close"],
    "ruby": ["keep", "close", "expect", "chunked"],
    "go": ["keep", "close", "expect", "chunked"],
    "java": ["keep", "chunked"],
}
NEEDS = {"ruby": "ruby", "go": "go", "java": "java"}


def command_of(client, folder):
    """How to start a client; what must be compiled is, into the folder."""
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


def statuses(command, address, large, how, count):
    """Of ``count`` times a large body and a small GET behind it, or the name of what went wrong."""
    method, path, size = large
    asked = [*command, address, method, path, str(size), how, str(count)]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=600)
    return done.stdout.split() or [done.stderr]
