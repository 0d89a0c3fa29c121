"""The worker process: cleans pictures from standard input, one after the other."""

from __future__ import annotations

import os
import signal
import sys

from profile_domain.errors import FieldRefused
from profile_domain.pictures.avatar import Upload
from profile_infra.pictures.cleaning import clean
from profile_infra.pictures.frames import HEAD, frame, of_refusal


def main() -> None:
    """Ends at the end of its input, so with its parent process, however that ends."""
    for number in (signal.SIGINT, signal.SIGHUP):  # the terminal's are for the parent process
        signal.signal(number, signal.SIG_IGN)
    read, write = sys.stdin.buffer.read, sys.stdout.buffer
    while head := read(HEAD.size):
        name, data = map(read, HEAD.unpack(head))
        _lower_priority()
        try:
            avatar = clean(Upload(name.decode(), data))
            answer = frame(avatar.media_type, avatar.image or b"")
        except FieldRefused as refused:
            answer = of_refusal(refused)
        write.write(answer)
        write.flush()


def _lower_priority() -> None:
    """Lets other processes run first. Only Linux has this policy."""
    if sys.platform == "linux":
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


if __name__ == "__main__":
    os.nice(10)
    main()
