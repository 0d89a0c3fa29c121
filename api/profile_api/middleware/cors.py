"""Which web pages may call the service (the Fetch standard's CORS protocol)."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PREFLIGHT_SECONDS = 600


class Cors(CORSMiddleware):
    """Starlette's, but a foreign origin is answered as if there were no CORS at all."""

    def __init__(self, app: ASGIApp, *, origins: Sequence[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=("GET", "HEAD", "POST", "PUT"),
            allow_headers=("*",),  # no cookie ever counts, so no header is a danger
            expose_headers=("ETag", "X-Request-ID", "Retry-After"),
            max_age=PREFLIGHT_SECONDS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            origin = Headers(scope=scope).get("origin")
            if origin is not None and not self.is_allowed_origin(origin):
                await self.app(scope, receive, send)
                return
        await super().__call__(scope, receive, send)

    async def send(self, message: Message, send: Send, request_headers: Headers) -> None:
        """What is open to all origins stays so: one copy in a cache does for all (0118)."""
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if headers.get("access-control-allow-origin") == "*":
                headers.update(self.simple_headers)
                await send(message)
                return
        await super().send(message, send, request_headers)

    def preflight_response(self, request_headers: Headers) -> Response:
        """What is allowed, whatever was asked for: the browser compares."""
        headers = super().preflight_response(request_headers).headers
        kept = {name: value for name, value in headers.items() if name.startswith(("acc", "vary"))}
        return Response(status_code=204, headers=kept)
