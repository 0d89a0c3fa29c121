"""200 connections that send a byte a second: another client hardly notices."""

from __future__ import annotations

import asyncio

from service import ME, Service, client, p99, service, timed_updates, verdict

SLOW = 200
UPDATES = 400


async def drip(drilled: Service, number: int) -> None:
    """Half of them never end their headers; the others, with a good token, never their body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", drilled.port)
    if number % 2:
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: ")
    else:
        lines = "".join(f"{name}: {value}\r\n" for name, value in drilled.headers[1].items())
        head = f"PUT {ME} HTTP/1.1\r\nHost: x\r\n{lines}Content-Type: application/json\r\n"
        writer.write(head.encode() + b"Content-Length: 100000\r\n\r\n")
    try:
        while not reader.at_eof():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(1)
    except ConnectionError:
        pass
    finally:
        writer.close()


async def drill(drilled: Service) -> tuple[float, float]:
    async with client(drilled) as sender:
        await timed_updates(sender, drilled.headers[0], 100)
        idle = p99(await timed_updates(sender, drilled.headers[0], UPDATES))
        slow = [asyncio.create_task(drip(drilled, number)) for number in range(SLOW)]
        await asyncio.sleep(1)
        under = p99(await timed_updates(sender, drilled.headers[0], UPDATES))
        for each in slow:
            each.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
    return idle, under


def main() -> None:
    with service(2) as drilled:
        idle, under = asyncio.run(drill(drilled))
    result = f"p99 of updates {under / idle:.2f} times idle with {SLOW} slow connections"
    verdict("slow", result, holds=under <= 2 * idle)


main()
