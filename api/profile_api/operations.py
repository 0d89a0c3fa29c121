"""What operators and their machines ask: is it alive, is it ready, how is it doing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from profile_api.metrics import Metrics
from profile_domain.errors import Code, DomainError


class Operations:
    """``missing`` tells by name what is not ready: the store, migrations, signing keys."""

    def __init__(self, metrics: Metrics, *, missing: Callable[[], Awaitable[list[str]]]) -> None:
        self._metrics = metrics
        self._missing = missing

    async def healthz(self, _: Request) -> Response:
        """The process lives; nothing else is asked."""
        return JSONResponse({"status": "ok"})

    async def readyz(self, _: Request) -> Response:
        """Whether requests can be served now. Raises ``unavailable`` naming what is not ready."""
        missing = await self._missing()
        if missing:
            raise DomainError(Code.UNAVAILABLE, details={"not_ready": missing}, retry_after=1)
        return JSONResponse({"status": "ready"})

    async def metrics(self, _: Request) -> Response:
        """Prometheus text format."""
        return Response(self._metrics.text(), media_type=self._metrics.content_type)
