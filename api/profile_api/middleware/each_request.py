"""What every request passes, once: id, admission, endpoint, response headers, log line, metrics."""

from __future__ import annotations

import asyncio
import logging
import random
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from profile_api.middleware.admission import Admission, Refused, Work
from profile_api.middleware.cors import Cors
from profile_api.telemetry.logs import Log
from profile_api.telemetry.metrics import METHODS, UNKNOWN, Metrics
from profile_domain.caller import Caller
from profile_domain.errors import Code, DomainError, unavailable

log = logging.getLogger("profile.requests")

Refuse = Callable[[Scope, DomainError], Response]

# Defaults for browsers and caches; a route may override them.
ON_EVERY_ANSWER: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
)
# The id is not a secret, and os.urandom() would cost 10 µs under load.
_bits = random.getrandbits
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
# W3C Trace Context, version 00; the trace id goes into the log line.
_TRACE_PARENT = re.compile(rb"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


class EachRequest:
    """The one middleware: identifies, admits, dispatches, logs and counts a request.

    ``routes`` are called by exact method and path, FastAPI is called for all else; routes may be
    added until the first request. ``refuse`` makes the response to an error, in the format of the
    requested face. ``origins`` are those of web pages that may call the service.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        admission: Admission,
        routes: Mapping[tuple[str, str], APIRoute],
        refuse: Refuse,
        origins: Sequence[str],
        metrics: Metrics,
        line: Log,
    ) -> None:
        self._app = app
        self._admission = admission
        self._routes = routes
        self._refuse = refuse
        self._respond = Cors(self._admit, origins=origins) if origins else self._admit
        self._metrics = metrics
        self._line = line

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, _with_short_failure(send))
            return
        started = time.perf_counter()
        request_id, trace_id = _ids(scope)
        request_id = request_id or f"{_bits(128):032x}"
        work = Work(scope["path"])
        state = {**scope.get("state", {}), "request_id": request_id, "work": work}
        scope["state"] = state
        # RFC 9110 section 9.3.2: the same answer as to GET, without what it would carry.
        to_head = state["to_head"] = scope["method"] == "HEAD"
        asked = {**scope, "method": "GET"} if to_head else scope

        async def send_answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.get("headers", ())
                said = dict(headers)
                if not self._admission.has_room_for(int(said.get(b"content-length", 0))):
                    raise Refused(unavailable())
                work.status = message["status"]
                message["headers"] = [
                    *headers,
                    *[header for header in ON_EVERY_ANSWER if header[0] not in said],
                    (b"x-request-id", request_id.encode("ascii")),
                ]
            elif to_head:
                message = {**message, "body": b""}
            sent = send(message)
            # A part of a stream waits for the client; each has the time of a whole answer.
            await (self._admission.at_leisure(work, sent) if message.get("more_body") else sent)

        try:
            await self._respond(asked, receive, send_answer)
        finally:
            self._tell(asked, scope["method"], work.status, time.perf_counter() - started, trace_id)

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        state, admission = scope["state"], self._admission
        work: Work = state["work"]
        refused = state.get("refused")  # by the connection
        if refused is None and not admission.admits(work):
            refused = unavailable()
        if refused is not None:
            await self._refuse(scope, refused)(scope, receive, send)
            return

        async def receive_at_leisure() -> Message:
            return await admission.at_leisure(work, receive())

        admission.begin(work)
        try:
            route = self._routes.get((scope["method"], scope["path"]))
            if route is None:
                await self._app(scope, receive_at_leisure, send)
            else:
                scope["route"] = route  # the label of its metrics and of its line in the log
                answer = await route.endpoint(Request(scope, receive_at_leisure, send))
                await answer(scope, receive_at_leisure, send)
        except ClientDisconnect:
            state["code"] = "client_disconnected"
        except asyncio.CancelledError:
            if not work.overdue or work.status or work.task is None:
                state["code"] = Code.UNAVAILABLE
                raise
            work.task.uncancel()
            await self._refuse(scope, unavailable())(scope, receive, send)
        except Exception as error:
            if work.status:
                state["code"] = _code_of(error)
                raise  # only closing the connection shows the failure now
            await self._refuse(scope, _answer_to(error, scope))(scope, receive, send)
        finally:
            admission.end(work)

    def _tell(self, scope: Scope, method: str, status: int, seconds: float, trace_id: str) -> None:
        """Counts the request, and writes its line in the log."""
        state = scope["state"]
        route = getattr(scope.get("route"), "path", UNKNOWN)
        method = method if method in METHODS else UNKNOWN
        code = state.get("code", "")
        self._metrics.observe(method, route, status, code, seconds)
        fields: dict[str, Any] = {
            "method": method,
            "route": route,
            "status": status,
            "code": code,
            "ms": round(seconds * 1000, 2),
            "request_id": state["request_id"],
        }
        for name in ("reason", "policies", "tenant", "issuer"):
            if name in state:
                fields[name] = state[name]
        caller: Caller | None = state.get("caller")
        if caller is not None:
            fields |= caller.log_fields
        if trace_id:
            fields["trace_id"] = trace_id
        self._line("request", **fields)


def _answer_to(error: Exception, scope: Scope) -> DomainError:
    """``internal_error``, and a line in the log, for an exception that nobody expects."""
    if isinstance(error, Refused):
        return error.error
    if isinstance(error, DomainError):
        return error
    log.error("request %s failed", scope["state"]["request_id"], exc_info=error)
    return DomainError(Code.INTERNAL_ERROR)


def _code_of(error: BaseException) -> Code:
    """Of what fails once an answer has begun; Starlette raises it from the first."""
    cause = error.__cause__ if isinstance(error, RuntimeError) else error
    return cause.code if isinstance(cause, DomainError) else Code.INTERNAL_ERROR


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
