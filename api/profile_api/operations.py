"""What operators and their machines ask: is it alive, is it ready, how is it doing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from profile_api.metrics import Metrics
from profile_domain.errors import Code, DomainError

Check = Callable[[], Awaitable[str | None]]


class Operations:
    """``checks`` by name: each returns what is not ready in a few words, or None."""

    def __init__(self, metrics: Metrics, *, checks: Mapping[str, Check]) -> None:
        self._metrics = metrics
        self._checks = checks

    async def healthz(self, _: Request) -> Response:
        """The process lives; nothing else is asked."""
        return JSONResponse({"status": "ok"})

    async def readyz(self, _: Request) -> Response:
        """Whether requests can be served now. Raises ``unavailable`` naming what is not ready."""
        states = {name: await check() for name, check in self._checks.items()}
        waiting = {name: state for name, state in states.items() if state is not None}
        if waiting:
            raise DomainError(Code.UNAVAILABLE, details={"not_ready": waiting}, retry_after=1)
        return JSONResponse({"status": "ready"})

    async def metrics(self, _: Request) -> Response:
        """Prometheus text format."""
        return Response(self._metrics.text(), media_type=self._metrics.content_type)
