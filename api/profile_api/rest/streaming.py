"""An answer in parts, so that its length costs no memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send


class StreamedAnswer(StreamingResponse):
    """Each part is made once the client has taken the one before.

    What fails after the first part cuts the connection: the answer has no length, so that only its
    last chunk says that it is whole (RFC 9112 section 8).
    """

    def __init__(self, parts: AsyncIterator[bytes], headers: dict[str, str]) -> None:
        super().__init__(_in_turn(parts), headers=headers, media_type="application/json")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI's
        """Starlette's would wait for a disconnection, which here ends ``send``."""
        if scope["state"].get("to_head"):
            self.body_iterator = _nothing()
        await self.stream_response(send)


async def _in_turn(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Lets other requests go on between two parts, however fast store and client are."""
    async for part in parts:
        yield part
        await asyncio.sleep(0)


async def _nothing() -> AsyncIterator[bytes]:
    for part in list[bytes]():
        yield part
