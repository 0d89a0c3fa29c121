"""The worker process: cleans and scales pictures from standard input, one after the other."""

from __future__ import annotations

import os
import signal
import sys

from profile_domain.errors import FieldRefused
from profile_domain.pictures.avatar import Upload
from profile_infra.pictures.cleaning import clean, scale
from profile_infra.pictures.frames import HEAD, MAX_SECONDS, frame, of_refusal


def main() -> None:
    """Ends at the end of its input, so with its parent process, however that ends."""
    # Terminals and service managers send these to all processes, but they are for the parent, which
    # still answers what it has accepted.
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # ends when nobody takes the answer
    read, write = sys.stdin.buffer.read, sys.stdout.buffer
    while len(head := read(HEAD.size)) == HEAD.size:
        name, data = map(read, HEAD.unpack(head))
        signal.alarm(MAX_SECONDS + 1)  # the parent, which kills it after MAX_SECONDS, may be gone
        _lower_priority()
        try:
            *side, declared_type = name.decode().split(" ")
            upload = Upload(declared_type, data)
            avatar = scale(upload, int(side[0])) if side else clean(upload)
            answer = frame(avatar.media_type, avatar.image or b"")
        except FieldRefused as refused:
            answer = of_refusal(refused)
        write.write(answer)
        write.flush()
        signal.alarm(0)


def _lower_priority() -> None:
    """Lets other processes run first. Only Linux has this policy."""
    if sys.platform == "linux":
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


if __name__ == "__main__":
    os.nice(10)
    main()
