"""A proxy between client and Postgres that counts round trips and drops responses on demand."""

import asyncio
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

# Each of these makes the server answer what came so far: Query, Sync, Flush (protocol 3.0, 53.7).
ASKING = b"QSH"


class Wire:
    """``trips`` counts what made the client wait; a broken wire swallows the answers."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._writers: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task] = set()
        self.trips = 0
        self.asked = bytearray()
        self.swallow = False

    async def accept(self, reader, writer) -> None:
        self._passing.add(asyncio.current_task())
        to_client = writer
        from_server, to_server = await asyncio.open_connection(*self._server)
        self._writers |= {to_client, to_server}
        answers = asyncio.create_task(self._answers(from_server, to_client, to_server))
        try:
            await self._pass(await self._read(reader, kind=b""), to_server)
            while True:
                kind = await reader.readexactly(1)
                if kind in ASKING:
                    self.trips += 1
                self.asked += kind
                await self._pass(kind + await self._read(reader, kind=kind), to_server)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            to_server.close()
            await answers
            self._writers -= {to_client, to_server}
            self._passing.discard(asyncio.current_task())

    async def close(self) -> None:
        for writer in self._writers:
            writer.close()
        if self._passing:
            await asyncio.wait(self._passing)

    async def _answers(self, from_server, to_client, to_server) -> None:
        try:
            while data := await from_server.read(65536):
                if self.swallow:
                    break
                await self._pass(data, to_client)
        except ConnectionError:
            pass
        finally:
            to_client.close()
            to_server.close()

    @staticmethod
    async def _read(reader, *, kind: bytes) -> bytes:
        length = await reader.readexactly(4)
        return length + await reader.readexactly(int.from_bytes(length) - 4)

    @staticmethod
    async def _pass(data: bytes, writer) -> None:
        writer.write(data)
        await writer.drain()


@asynccontextmanager
async def wire_to(url: str):
    """A wire, and the URL of its near end."""
    parts = urlsplit(url)
    wire = Wire(parts.hostname, parts.port)
    server = await asyncio.start_server(wire.accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    netloc = parts.netloc.rpartition("@")[0] + f"@127.0.0.1:{port}"
    try:
        yield wire, urlunsplit(parts._replace(netloc=netloc, query="sslmode=disable"))
    finally:
        server.close()
        await wire.close()
        await server.wait_closed()
