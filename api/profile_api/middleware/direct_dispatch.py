"""Dispatch of the most frequent routes by exact method and path, without FastAPI's router.

The endpoints are those of FastAPI's routes. All other requests are passed on to FastAPI.
"""

from __future__ import annotations

from collections.abc import Mapping

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from profile_api.rest.errors import error_response
from profile_domain.errors import DomainError


class DirectDispatch:
    """``routes`` by method and path; they may be added until the first request."""

    def __init__(self, app: ASGIApp, *, routes: Mapping[tuple[str, str], APIRoute]) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._routes.get((scope.get("method", ""), scope.get("path", "")))
        if route is None or scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["route"] = route  # the label of its metrics and of its line in the log
        request = Request(scope, receive, send)
        try:
            answer = await route.endpoint(request)
        except DomainError as error:
            request.state.code, request.state.reason = error.code, error.log_reason
            answer = error_response(error)
        await answer(scope, receive, send)
