"""A server that answers to its own names only, so that no name can be bound to it by others."""

from __future__ import annotations

import re
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from profile_domain.errors import Code, DomainError

_NOT_FOUND, _MISDIRECTED = 404, 421
_PORT = re.compile(":[0-9]*$")


class OwnNames:
    """Refuses a request under any other name with 421 (RFC 9110 section 15.5.20).

    A page elsewhere whose name was made to lead here would be of one origin with ours, and read
    what stands in them. The error is made where all are: ``not_found``, with the ``names``.
    """

    def __init__(self, app: ASGIApp, *, names: Collection[str]) -> None:
        self._app = app
        self._names = sorted(name.lower() for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._is_own(Headers(scope=scope).get("host", "")):
            await self._app(scope, receive, send)
            return

        async def send_misdirected(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == _NOT_FOUND:
                message = {**message, "status": _MISDIRECTED}
            await send(message)

        error = DomainError(Code.NOT_FOUND, details={"names": self._names})
        state = {"refused": error, **scope.get("state", {})}
        await self._app({**scope, "state": state}, receive, send_misdirected)

    def _is_own(self, host: str) -> bool:
        return _PORT.sub("", host.lower()) in self._names
