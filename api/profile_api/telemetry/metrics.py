"""Metrics for Prometheus. The values of every label are bounded."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from functools import lru_cache
from multiprocessing import current_process
from time import perf_counter
from typing import Final, Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
    values,
)
from prometheus_client.multiprocess import MultiProcessCollector

from profile_domain.caller import Caller
from profile_domain.pictures.avatar import Avatar, Upload
from profile_domain.profile import Profile
from profile_domain.service import Action, Pictures, Policy

# Where the workers share their values; prometheus_client reads it when it is imported.
SHARED: Final = "PROMETHEUS_MULTIPROC_DIR"

UNKNOWN: Final = "unknown"
MAX_LABELS: Final = 256  # of requests, that are remembered
METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_MICROSECONDS = (0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.1)

# Of several workers: the memory of all, the open files of the one that has the most, and the start
# of the one that was started last. prometheus_client has none of these for several processes.
_PROCESS: Final[dict[str, Literal["livesum", "livemax"]]] = {
    "process_resident_memory_bytes": "livesum",
    "process_open_fds": "livemax",
    "process_max_fds": "livemax",
    "process_start_time_seconds": "livemax",
}
_CPU: Final = "process_cpu_seconds"

if SHARED in os.environ:
    # Files are named by the worker, not by its process id (the default), so that a worker that
    # replaces another continues in its files.
    values.ValueClass = values.MultiProcessValue(lambda: current_process().name)  # type: ignore[no-untyped-call]  # as below


class Metrics:
    """The metrics of one process; ``text`` covers all workers."""

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
        self._not_ready = Gauge(
            "profile_not_ready",
            "How much of what /readyz asks for was missing when it was last asked for.",
            registry=self._registry,
            multiprocess_mode="livemostrecent",
        )
        self._samples: list[Callable[[], None]] = []
        # labels() of prometheus_client takes as long as counting and observing together.
        self._request_labels = lru_cache(MAX_LABELS)(self._requests.labels)
        self._seconds_labels = lru_cache(MAX_LABELS)(self._seconds.labels)
        self._watch_process()

    def build(self, **labels: str) -> None:
        """Says once what is running; the values of these labels do not change."""
        info = Gauge(
            "profile_build_info",
            "What is running; always 1.",
            tuple(labels),
            registry=self._registry,
            multiprocess_mode="livemax",
        )
        info.labels(**labels).set(1)

    def not_ready(self, missing: int) -> None:
        """How many things that readiness needs are missing now."""
        self._not_ready.set(missing)

    def observe(self, method: str, route: str, status: int, code: str, seconds: float) -> None:
        """Counts a request. ``method`` is one of METHODS, ``route`` a pattern; else UNKNOWN."""
        self._request_labels(method, route, status, code).inc()
        self._seconds_labels(method, route).observe(seconds)

    def gauge(
        self,
        name: str,
        description: str,
        value: Callable[[], int],
        *,
        over_workers: Literal["livesum", "livemax"] = "livesum",
    ) -> None:
        """A gauge that reads ``value``; the sum, or the largest, over the workers that live."""
        gauge = Gauge(name, description, registry=self._registry, multiprocess_mode=over_workers)
        self._samples.append(lambda: gauge.set(value()))

    def counter(self, name: str, description: str, value: Callable[[], float]) -> None:
        """A counter that reads ``value``, which must not decrease."""
        counter = Counter(name, description, registry=self._registry)
        counted = 0.0

        def sample() -> None:
            nonlocal counted
            now = value()
            counter.inc(now - counted)
            counted = now

        self._samples.append(sample)

    def sample(self) -> None:
        """Reads the gauges and counters. Once a second: any worker may be scraped."""
        for sample in self._samples:
            sample()

    def text(self) -> bytes:
        self.sample()
        if SHARED not in os.environ:
            return generate_latest(self._registry)
        merged = CollectorRegistry()
        MultiProcessCollector(merged)  # type: ignore[no-untyped-call]  # the library leaves it so
        return generate_latest(merged)

    def _watch_process(self) -> None:
        """Registers what /proc says of this process, without those that clean pictures."""
        process = ProcessCollector(registry=None)
        families = {each.name: each for each in process.collect()}  # none but on Linux
        gauges = {
            name: Gauge(
                name,
                families[name].documentation,
                registry=self._registry,
                multiprocess_mode=mode,
            )
            for name, mode in _PROCESS.items()
            if name in families
        }
        cpu = 0.0

        def sample() -> None:
            nonlocal cpu
            for family in process.collect():
                if family.name in gauges:
                    gauges[family.name].set(family.samples[0].value)
                elif family.name == _CPU:
                    cpu = family.samples[0].value

        self._samples.append(sample)
        if _CPU in families:
            self.counter(_CPU, families[_CPU].documentation, lambda: cpu)

    def _histogram(
        self, name: str, description: str, buckets: tuple[float, ...], *labels: str
    ) -> Histogram:
        return Histogram(name, description, labels, registry=self._registry, buckets=buckets)


class TimedPictures:
    """Measures a port, so that its adapters need no metrics."""

    def __init__(self, pictures: Pictures, seconds: Histogram) -> None:
        self._pictures = pictures
        self._seconds = seconds

    async def clean(self, upload: Upload) -> Avatar:
        started = perf_counter()
        try:
            return await self._pictures.clean(upload)
        finally:
            self._seconds.observe(perf_counter() - started)


class TimedPolicy:
    """As TimedPictures."""

    def __init__(self, policy: Policy, seconds: Histogram) -> None:
        self._policy = policy
        self._seconds = seconds

    async def permit(
        self, action: Action, caller: Caller, profile: Profile, changes: Collection[str] = ()
    ) -> None:
        started = perf_counter()
        try:
            await self._policy.permit(action, caller, profile, changes)
        finally:
            self._seconds.observe(perf_counter() - started)
