"""A small HTTP server on loopback that serves key sets, well or badly."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from profile_testing.signing import public_jwk, rsa_key


def response(body=b"", status="200 OK", **headers):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    fields = {"Content-Length": str(len(body)), "Connection": "close"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def key_set(*names, **headers):
    """An answer with the public halves of the keys of these names, which are their kids."""
    keys = [public_jwk(rsa_key(name), kid=name) for name in names]
    return response({"keys": keys}, **headers)


@dataclass
class KeyServer:
    """Answers each path with what stands in ``answers``: bytes, or a coroutine on the writer."""

    answers: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)
    heads: list = field(default_factory=list)
    url: str = ""

    async def handle(self, reader, writer):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head.decode("latin-1").lower())
            path = head.split(b" ", 2)[1].decode()
            self.asked.append(path)
            answer = self.answers.get(path, response(status="404 Not Found"))
            if isinstance(answer, bytes):
                writer.write(answer)
                await writer.drain()
            else:
                await answer(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(answers=None, port=0, tls=None):
    server = KeyServer(answers or {})
    listening = await asyncio.start_server(server.handle, "127.0.0.1", port, ssl=tls)
    server.url = f"{'https' if tls else 'http'}://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()
