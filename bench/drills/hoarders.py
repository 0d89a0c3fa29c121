"""300 connections that keep back the end of a body, 300 that read no answer: memory stays bounded."""

from __future__ import annotations

import asyncio
import base64
import json
import random
from io import BytesIO

import httpx2
from PIL import Image
from service import ME, Service, client, service, verdict

HOARDERS = 300
MIB = 1024 * 1024
BODY = 2 * MIB - 1
# The budget of 64 MiB, what the system and Python keep of it for a while, and one answer in the
# making.
MOST_KIB = 128 * 1024


async def hoard(drilled: Service, stop: asyncio.Event) -> None:
    """All of a body but its last byte."""
    _, writer = await asyncio.open_connection("127.0.0.1", drilled.port)
    writer.write(b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n")
    writer.write(b"Content-Length: %d\r\n\r\n" % (BODY + 1))
    try:
        for _ in range(0, BODY, MIB // 4):
            writer.write(b" " * (MIB // 4))
            await writer.drain()
    except ConnectionError:
        pass
    await stop.wait()
    writer.close()


async def stare(drilled: Service, stop: asyncio.Event) -> None:
    """Asks for fifteen times a picture, and reads nothing."""
    query = "{" + "".join(f"a{number}: me {{ avatarBase64 }} " for number in range(15)) + "}"
    body = json.dumps({"query": query}).encode()
    lines = "".join(f"{name}: {value}\r\n" for name, value in drilled.headers[0].items()).encode()
    # Reads what fits into its own buffer, which is small.
    _, writer = await asyncio.open_connection("127.0.0.1", drilled.port, limit=1024)
    writer.write(b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n")
    writer.write(lines + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    await stop.wait()
    writer.transport.abort()


async def drill(drilled: Service) -> tuple[int, int]:
    """The most memory under both, and how many of 50 honest requests meanwhile were answered."""
    most = answered = 0
    async with client(drilled) as honest:
        picture = await honest.put(
            ME, json={"avatar_base64": _picture()}, headers=drilled.headers[0]
        )
        picture.raise_for_status()
        for each in (hoard, stare):
            stop = asyncio.Event()
            at_it = [asyncio.create_task(each(drilled, stop)) for _ in range(HOARDERS)]
            for _ in range(25):
                try:
                    answer = await honest.get(ME, headers=drilled.headers[1], timeout=10)
                    answered += answer.status_code == 200
                except httpx2.TransportError:
                    pass
                most = max(most, drilled.memory())
                await asyncio.sleep(0.2)
            stop.set()
            await asyncio.gather(*at_it, return_exceptions=True)
    return most, answered


def _picture() -> str:
    """A noisy one, which cannot be made smaller."""
    pixels = random.Random(1).randbytes(280 * 280 * 3)
    made = BytesIO()
    Image.frombytes("RGB", (280, 280), pixels).save(made, "PNG")
    return "data:image/png;base64," + base64.b64encode(made.getvalue()).decode()


def main() -> None:
    with service(2) as drilled:
        before = drilled.memory()
        most, answered = asyncio.run(drill(drilled))
        grown = most - before
    result = (
        f"{grown / 1024:+.0f} MiB with {HOARDERS} hoarders of either kind, {answered} of 50 honest"
        " requests answered"
    )
    verdict("hoarders", result, holds=grown < MOST_KIB and answered == 50)


main()
