"""50,000 requests, good and bad, on both faces: memory stays where it was."""

from __future__ import annotations

import asyncio
import sys

from service import ME, Service, client, service, verdict

REQUESTS = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
GROWTH_KIB = 8 * 1024


async def ask(drilled: Service, count: int) -> None:
    async with client(drilled, 16) as sender:

        async def each(first: int) -> None:
            for number in range(first, count, 16):
                headers = drilled.headers[number % len(drilled.headers)]
                if number % 5 == 0:
                    await sender.put(ME, json={"display_name": f"n{number}"}, headers=headers)
                elif number % 5 == 1:
                    await sender.get(ME, headers=headers | {"X-Request-ID": f"r{number}"})
                elif number % 5 == 2:
                    query = {"query": f"{{ a{number}: __typename }}"}
                    await sender.post("/graphql", json=query, headers=headers)
                elif number % 5 == 3:
                    await sender.get(f"/none/{number}")
                else:
                    await sender.get(ME, headers={"Authorization": f"Bearer a.{number}.c"})

        await asyncio.gather(*(each(first) for first in range(16)))


def main() -> None:
    with service(50) as drilled:
        asyncio.run(ask(drilled, REQUESTS // 5))
        before = drilled.memory()
        asyncio.run(ask(drilled, REQUESTS))
        grown = drilled.memory() - before
    result = f"{grown / 1024:+.1f} MiB after {REQUESTS} requests, from {before / 1024:.0f} MiB"
    verdict("memory", result, holds=grown < GROWTH_KIB)


main()
