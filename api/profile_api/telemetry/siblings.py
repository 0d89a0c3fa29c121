"""Which of the command's workers do not serve.

Of each there is an empty file beside the metrics that all workers share: the supervisor makes it
before a worker starts and after one has ended, the worker removes it once it serves.
"""

from __future__ import annotations

import os
from multiprocessing import current_process
from pathlib import Path

from profile_api.telemetry.metrics import SHARED

_SUFFIX = ".missing"


def marker(folder: Path, name: str) -> Path:
    """The file that is there while the worker ``name`` does not serve."""
    return folder / f"{name}{_SUFFIX}"


def missing(folder: Path | None = None) -> int:
    """How many workers do not serve; 0 in a process without siblings."""
    shared = folder or os.environ.get(SHARED)
    return len(list(Path(shared).glob(f"*{_SUFFIX}"))) if shared else 0


def announce() -> None:
    """Says that this process serves, if it is a worker."""
    if shared := os.environ.get(SHARED):
        marker(Path(shared), current_process().name).unlink(missing_ok=True)
