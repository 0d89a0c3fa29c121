"""What operators and their machines ask: is it alive, is it ready, how is it doing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from profile_api.telemetry.metrics import Metrics
from profile_domain.errors import Code, DomainError

Missing = Callable[[], Awaitable[str | None]]


class Operations:
    """Each of ``missing`` returns the name of what is not ready, or None; ``outdated`` returns the
    names of what is served from before a change of files that cannot be used, and
    ``workers_missing`` how many workers beside this one do not serve.
    """

    def __init__(
        self,
        metrics: Metrics,
        *,
        missing: Sequence[Missing],
        outdated: Callable[[], Sequence[str]],
        workers_missing: Callable[[], int],
    ) -> None:
        self._metrics = metrics
        self._missing = missing
        self._outdated = outdated
        self._workers_missing = workers_missing

    async def healthz(self, _: Request) -> Response:
        """The process lives; nothing else is asked."""
        return JSONResponse({"status": "ok"})

    async def readyz(self, _: Request) -> Response:
        """Whether requests can be served now. Raises ``unavailable`` naming what is not ready."""
        if missing := await self._not_ready():
            raise DomainError(Code.UNAVAILABLE, details={"not_ready": missing}, retry_after=1)
        details = {
            "outdated": sorted(set(self._outdated())),
            "workers_missing": self._workers_missing(),
        }
        worth_a_look = {name: detail for name, detail in details.items() if detail}
        return JSONResponse({"status": "ready"} | worth_a_look)

    async def metrics(self, _: Request) -> Response:
        """Prometheus text format."""
        await self._not_ready()  # tells it, so that one address is enough for who watches
        return Response(self._metrics.text(), media_type=self._metrics.content_type)

    async def _not_ready(self) -> list[str]:
        missing = [name for each in self._missing if (name := await each()) is not None]
        self._metrics.not_ready(len(missing))
        return missing
