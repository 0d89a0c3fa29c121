"""What every request gets: an id, headers, a log line and metrics."""

from __future__ import annotations

import random
import re
import sys
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from profile_api.middleware.headers import ON_EVERY_ANSWER
from profile_api.telemetry.logs import Log
from profile_api.telemetry.metrics import METHODS, UNKNOWN, Metrics

# The id is not a secret, and os.urandom() would cost 10 µs under load.
_bits = random.getrandbits
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
# W3C Trace Context, version 00; the trace id goes into the log line.
_TRACE_PARENT = re.compile(rb"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


class EachRequest:
    """The outermost middleware: adds the request's id to the response, counts and logs it."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, line: Log) -> None:
        self._app = app
        self._metrics = metrics
        self._line = line

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, _with_short_failure(send))
            return
        started = time.perf_counter()
        request_id, trace_id = _ids(scope)
        request_id = request_id or f"{_bits(128):032x}"
        state = scope["state"] = {**scope.get("state", {}), "request_id": request_id}
        status = 0
        # RFC 9110 section 9.3.2: the same answer as to GET, without what it would carry.
        to_head = scope["method"] == "HEAD"
        asked = {**scope, "method": "GET"} if to_head else scope

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message["headers"] = list(message.get("headers", ()))
                said = {name for name, _ in headers}
                headers += [header for header in ON_EVERY_ANSWER if header[0] not in said]
                headers.append((b"x-request-id", request_id.encode("ascii")))
            elif to_head:
                message = {**message, "body": b""}
            await send(message)

        try:
            await self._app(asked, receive, send_with_headers)
        finally:
            seconds = time.perf_counter() - started
            route = getattr(asked.get("route"), "path", UNKNOWN)
            method = scope["method"] if scope["method"] in METHODS else UNKNOWN
            code = state.get("code", "")
            self._metrics.observe(method, route, status, code, seconds)
            fields: dict[str, Any] = {
                "method": method,
                "route": route,
                "status": status,
                "code": code,
                "ms": round(seconds * 1000, 2),
                "request_id": request_id,
            }
            if state.get("reason"):
                fields["reason"] = state["reason"]
            if "tenant" in state:
                fields["tenant"] = str(state["tenant"])
            if trace_id:
                fields["trace_id"] = trace_id
            self._line("request", **fields)


def _ids(scope: Scope) -> tuple[str, str]:
    """The request's id and the trace's, each as it was sent first, if it can be kept."""
    request_id = trace_id = None
    for name, value in scope["headers"]:
        if name == b"x-request-id" and request_id is None:
            request_id = value.decode("ascii") if _REQUEST_ID.fullmatch(value) else ""
        elif name == b"traceparent" and trace_id is None:
            parent = _TRACE_PARENT.fullmatch(value)
            trace_id = parent[1].decode("ascii") if parent else ""
    return request_id or "", trace_id or ""


def _with_short_failure(send: Send) -> Send:
    """Replaces the traceback of a failed start by the error's message."""

    async def send_short(message: Message) -> None:
        if message["type"] == "lifespan.startup.failed":
            error = sys.exception()
            message = {**message, "message": str(error) or type(error).__name__}
        await send(message)

    return send_short
