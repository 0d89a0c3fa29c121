"""What Prometheus can read; the values of every label are few, and known beforehand."""

from __future__ import annotations

import os
from collections.abc import Callable
from multiprocessing import current_process
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    values,
)
from prometheus_client.multiprocess import MultiProcessCollector

# Where the workers of one service share their values; the library reads it when it is imported.
SHARED: Final = "PROMETHEUS_MULTIPROC_DIR"

UNKNOWN: Final = "unknown"
METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_MICROSECONDS = (0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.1)

if SHARED in os.environ:
    # By default in files of the process's id, which stay, and are read, for each that ever died. A
    # worker that replaces another goes on in its files.
    values.ValueClass = values.MultiProcessValue(lambda: current_process().name)  # type: ignore[no-untyped-call]  # as below


class Metrics:
    """Of one process; ``text`` speaks for all workers."""

    content_type = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "profile_http_requests",
            "Requests answered.",
            ("method", "route", "status", "code"),
            registry=self._registry,
        )
        self._seconds = self._histogram(
            "profile_http_request_duration_seconds",
            "From a request's head to the end of its answer.",
            _SECONDS,
            "method",
            "route",
        )
        self.pictures = self._histogram(
            "profile_picture_duration_seconds",
            "To check and clean one picture, waiting included.",
            _SECONDS,
        )
        self.policy = self._histogram(
            "profile_policy_duration_seconds", "To decide by policy.", _MICROSECONDS
        )
        self._samples: list[Callable[[], None]] = []

    def observe(self, method: str, route: str, status: int, code: str, seconds: float) -> None:
        """One request; ``method`` is one of METHODS, ``route`` a pattern, or they are UNKNOWN."""
        self._requests.labels(method, route, str(status), code).inc()
        self._seconds.labels(method, route).observe(seconds)

    def gauge(self, name: str, tells: str, value: Callable[[], int]) -> None:
        """Shows ``value``; of several workers, the sum."""
        gauge = Gauge(name, tells, registry=self._registry, multiprocess_mode="livesum")
        self._samples.append(lambda: gauge.set(value()))

    def counter(self, name: str, tells: str, value: Callable[[], int]) -> None:
        """Shows ``value``, which only grows."""
        counter = Counter(name, tells, registry=self._registry)
        counted = 0

        def sample() -> None:
            nonlocal counted
            now = value()
            counter.inc(now - counted)
            counted = now

        self._samples.append(sample)

    def sample(self) -> None:
        """Reads gauges and counters; once a second, for the scrapes that other workers answer."""
        for sample in self._samples:
            sample()

    def text(self) -> bytes:
        self.sample()
        if SHARED not in os.environ:
            return generate_latest(self._registry)
        everybody = CollectorRegistry()
        MultiProcessCollector(everybody)  # type: ignore[no-untyped-call]  # the library leaves it so
        return generate_latest(everybody)

    def _histogram(
        self, name: str, tells: str, buckets: tuple[float, ...], *labels: str
    ) -> Histogram:
        return Histogram(name, tells, labels, registry=self._registry, buckets=buckets)
