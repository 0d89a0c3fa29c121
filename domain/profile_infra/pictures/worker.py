"""The process that cleans pictures: one after the other, from standard input to standard output."""

from __future__ import annotations

import os
import signal
import sys

from profile_domain.errors import FieldRefused
from profile_domain.pictures.avatar import Upload
from profile_infra.pictures.cleaning import clean
from profile_infra.pictures.frames import HEAD, frame, of_refusal


def main() -> None:
    """Ends when its input does: with the process that started it, however that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who started it
    read, write = sys.stdin.buffer.read, sys.stdout.buffer
    while head := read(HEAD.size):
        name, data = map(read, HEAD.unpack(head))
        _give_way()
        try:
            avatar = clean(Upload(name.decode(), data))
            answer = frame(avatar.media_type, avatar.image or b"")
        except FieldRefused as refused:
            answer = of_refusal(refused)
        write.write(answer)
        write.flush()


def _give_way() -> None:
    """Whoever answers requests goes first, at once. Only Linux has such a policy."""
    if sys.platform == "linux":
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


if __name__ == "__main__":
    os.nice(10)
    main()
