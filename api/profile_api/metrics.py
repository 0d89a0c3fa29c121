"""What Prometheus can read: counts and durations by route, method, status and error code."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from starlette.types import Scope

UNKNOWN = "unknown"
_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})


class Metrics:
    """Label values are bounded: unknown paths and methods are one value each."""

    content_type = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "profile_http_requests",
            "Requests answered.",
            ("method", "route", "status", "code"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "profile_http_request_duration_seconds",
            "From a request's head to the end of its answer.",
            ("method", "route"),
            registry=self._registry,
        )

    def observe(self, scope: Scope, status: int, code: str, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", UNKNOWN)
        method = scope["method"] if scope["method"] in _METHODS else UNKNOWN
        self._requests.labels(method, route, str(status), code).inc()
        self._seconds.labels(method, route).observe(seconds)

    def text(self) -> bytes:
        return generate_latest(self._registry)
