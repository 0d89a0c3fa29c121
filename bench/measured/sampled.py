"""``profile-service`` with a sampling profiler: CPU time by layer.

SIGUSR2 begins; the next one ends, and writes seconds by layer into the file BENCH_SAMPLES. The
kernel's timer of CPU time interrupts some 250 times a second; what ran then is charged the time
since the interruption before, so nothing is charged for waiting and little is disturbed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections import defaultdict
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from types import CodeType, FrameType

from profile_api.cli.main import main

# Of what is on the stack, the innermost that is named here is charged; the first that fits.
LAYERS = {
    "answer: its body, its headers": [
        "*/profile_api/rest/routes.py:_answer", "*/profile_graphql/view.py:_res*",
        "*/starlette/responses.py:*",
    ],
    "around: id, log, metrics, admission": [
        "*/profile_api/middleware/*:*", "*/profile_api/telemetry/*:*", "*/structlog/*:*",
    ],
    "token and tenant": [
        "*/profile_infra/tokens/*:*", "*/profile_infra/rate_limits/*:*",
        "*/profile_domain/caller.py:*",
    ],
    "headers and body": ["*/profile_domain/requests/*:*"],
    "policy": ["*/profile_infra/policies/*:*"],
    "store": ["*/profile_infra/*:*"],
    "rules": ["*/profile_domain/*:*"],
    "GraphQL: document, plan, fields": ["*/profile_graphql/*:*"],
    "server: event loop, sockets, HTTP": [
        "*/uvicorn/*:*", "*/profile_api/server/*:*", "*/profile_api/cli/*:*",
    ],
    "routing: framework and route": ["*/profile_api/*:*", "*/fastapi/*:*", "*/starlette/*:*"],
}  # fmt: skip
ELSE = "something else"


@cache
def layer_of(code: CodeType) -> str | None:
    place = f"{code.co_filename}:{code.co_name}"
    fitting = (
        layer
        for layer, patterns in LAYERS.items()
        if any(fnmatch(place, pattern) for pattern in patterns)
    )
    return next(fitting, None)


class Sampler:
    def __init__(self) -> None:
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._on = False
        self._last = self._begun = 0.0

    def toggle(self, *_: object) -> None:
        self._on = not self._on
        signal.setitimer(signal.ITIMER_PROF, 0.001 * self._on, 0.001)
        if self._on:
            self._last, self._begun = time.thread_time(), time.process_time()
            return
        others = time.process_time() - self._begun - sum(self._seconds.values())
        samples = {**self._seconds, "other threads": max(0.0, others)}
        file = Path(os.environ["BENCH_SAMPLES"])
        file.with_suffix(".part").write_text(json.dumps(samples))
        file.with_suffix(".part").rename(file)

    def take(self, _: int, frame: FrameType | None) -> None:
        now = time.thread_time()
        layer = None
        while frame is not None and layer is None:
            layer = layer_of(frame.f_code)
            frame = frame.f_back
        self._seconds[layer or ELSE] += now - self._last
        self._last = now


if __name__ == "__main__":
    sampler = Sampler()
    signal.signal(signal.SIGUSR2, sampler.toggle)
    signal.signal(signal.SIGPROF, sampler.take)
    sys.argv[0] = "profile-service"
    main()
