"""What surrounds every request: its id, its count, and a net for crashes."""

from __future__ import annotations

import logging
import re
import time
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from profile_api.errors import error_response
from profile_api.metrics import Metrics
from profile_domain.errors import Code, DomainError

log = logging.getLogger("profile.requests")

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")


class AroundEachRequest:
    """The outermost middleware: each answer carries its request's id, and is counted."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _kept_id(scope) or uuid4().hex
        scope["state"] = {**scope.get("state", {}), "request_id": request_id}
        started = time.perf_counter()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message.setdefault("headers", [])
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", request_id.encode("ascii")),
                ]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            code = scope["state"].get("code", "")
            self._metrics.observe(scope, status, code, time.perf_counter() - started)


class CrashNet:
    """The innermost middleware: what nobody foresaw becomes ``internal_error`` and a log entry."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def send_and_note(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception:
            if begun or scope["type"] != "http":
                raise  # only closing the connection can still tell the client
            log.exception("request %s failed", scope["state"]["request_id"])
            error = DomainError(Code.INTERNAL_ERROR)
            scope["state"]["code"] = error.code
            await error_response(error)(scope, receive, send)


def _kept_id(scope: Scope) -> str | None:
    """The id that was sent, if it is one we can keep; the first, if there are several."""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            return value.decode("ascii") if _REQUEST_ID.fullmatch(value) else None
    return None
