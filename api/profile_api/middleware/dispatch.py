"""The innermost pass around a request: admission, dispatch, and a response to every exception."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from profile_api.middleware.admission import Admission, Refused
from profile_domain.errors import Code, DomainError, unavailable

log = logging.getLogger("profile.requests")

Refuse = Callable[[Scope, DomainError], Response]


class Dispatch:
    """Calls the endpoints of ``routes`` by exact method and path, and FastAPI for all else.

    Routes may be added until the first request. ``refuse`` makes the response to an error, in the
    format of the requested face.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        admission: Admission,
        routes: Mapping[tuple[str, str], APIRoute],
        refuse: Refuse,
    ) -> None:
        self._app = app
        self._admission = admission
        self._routes = routes
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif (refused := scope["state"].get("refused")) is not None:  # by the connection
            await self._refuse(scope, refused)(scope, receive, send)
        elif self._admission.admits(scope["path"]):
            await self._handle(scope, receive, send)
        else:
            await self._refuse(scope, unavailable())(scope, receive, send)

    async def _handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        admission = self._admission
        work = admission.begin(scope["path"])
        begun = shed = False

        async def receive_at_leisure() -> Message:
            admission.pause(work)
            try:
                return await receive()
            finally:
                admission.resume(work)

        async def send_within_budget(message: Message) -> None:
            nonlocal begun, shed
            if not begun and not admission.has_room_for(_length(message)):
                shed = True
                await self._refuse(scope, unavailable())(scope, receive, send)
            begun = True
            if not shed:
                await send(message)

        try:
            await self._dispatch(scope, receive_at_leisure, send_within_budget)
        except ClientDisconnect:
            scope["state"]["code"] = "client_disconnected"
        except asyncio.CancelledError:
            if not work.overdue or begun or work.task is None:
                raise
            work.task.uncancel()
            await self._refuse(scope, unavailable())(scope, receive, send)
        except Exception as error:
            if begun:
                raise  # only closing the connection shows the failure now
            await self._refuse(scope, _answer_to(error, scope))(scope, receive, send)
        finally:
            admission.end(work)

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._routes.get((scope["method"], scope["path"]))
        if route is None:
            await self._app(scope, receive, send)
        else:
            scope["route"] = route  # the label of its metrics and of its line in the log
            answer = await route.endpoint(Request(scope, receive, send))
            await answer(scope, receive, send)


def _answer_to(error: Exception, scope: Scope) -> DomainError:
    """``internal_error``, and a line in the log, for an exception that nobody expects."""
    if isinstance(error, Refused):
        return error.error
    if isinstance(error, DomainError):
        return error
    log.error("request %s failed", scope["state"]["request_id"], exc_info=error)
    return DomainError(Code.INTERNAL_ERROR)


def _length(message: Message) -> int:
    """The Content-Length of a response, 0 if it has none."""
    for name, value in message.get("headers", ()):
        if name == b"content-length":
            return int(value)
    return 0
