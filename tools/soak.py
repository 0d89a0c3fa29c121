"""Runs the tests again and again, shuffled anew each time, beside two busy loops.

A test that fails once in a hundred runs is a fault. Exits with the number of runs that failed.

    python tools/soak.py ROUNDS [OPTION OF PYTEST ...]
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time

BUSY = "import os\nwhile os.getppid() == {parent}: sum(range(100_000))"
TESTS = ("-m", "pytest", "-n", "2", "-q", "--random-order-bucket=global")


def main() -> None:
    rounds, *options = sys.argv[1:]
    clean = 0
    for number in range(1, int(rounds) + 1):
        seed = random.randrange(10**6)  # noqa: S311  # an order, no secret
        started = time.monotonic()
        done = subprocess.run(  # noqa: S603  # our own tests
            [sys.executable, *TESTS, f"--random-order-seed={seed}", *options],
            capture_output=True,
            text=True,
            check=False,
        )
        clean += done.returncode == 0
        seconds = time.monotonic() - started
        print(f"{number}: seed {seed}, status {done.returncode}, {seconds:.0f} s", flush=True)
        if done.returncode:
            print(done.stdout, done.stderr, flush=True)
    print(f"{clean} of {rounds} runs were clean.")
    sys.exit(int(rounds) - clean)


if __name__ == "__main__":
    busy = BUSY.format(parent=os.getpid())
    loops = [subprocess.Popen([sys.executable, "-c", busy]) for _ in range(2)]  # noqa: S603
    try:
        main()
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
