"""The first moments of the command: a signal ends it in order while the rest is imported."""

import os
import signal
import sys

from profile_api.server.imports import lasting_imports

_SERVE = ("serve", "demo")


def main() -> None:
    """Runs the command; ``serve`` and ``demo`` end with status 0 at SIGTERM or Ctrl-C."""
    if sys.argv[1:2] and sys.argv[1] in _SERVE:
        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, _stop)
    if sys.argv[1:2] == ["serve"]:
        signal.signal(signal.SIGHUP, _read_later)
    with lasting_imports():
        from profile_api.cli.main import main as run  # noqa: PLC0415  # takes half a second

    run()


def _read_later(*_: object) -> None:
    """A start reads policies and keys anyhow, and what changes after that is noticed."""


def _stop(*_: object) -> None:
    # No exception: there is nothing to clean up, and one raised within an import may get lost.
    os.write(2, b"profile-service: stopped before it served.\n")
    os._exit(0)
