"""SIGKILL under load, twenty times: every write that was answered is there afterwards."""

from __future__ import annotations

import asyncio
import random
import sqlite3

import httpx2
from service import ME, Service, client, service, verdict

KILLS = 20
WRITERS = 16


async def write(
    drilled: Service, number: int, answered: dict[int, int], sender: httpx2.AsyncClient
) -> None:
    while True:
        value = answered[number] + 1
        try:
            answer = await sender.put(
                ME, json={"display_name": str(value)}, headers=drilled.headers[number]
            )
        except httpx2.TransportError:
            return
        assert answer.status_code == 200, answer.text
        answered[number] = value


async def life(drilled: Service, answered: dict[int, int]) -> None:
    async with client(drilled) as sender:
        writers = [
            asyncio.create_task(write(drilled, number, answered, sender))
            for number in range(WRITERS)
        ]
        await asyncio.sleep(random.uniform(0.1, 0.6))
        drilled.kill()
        await asyncio.gather(*writers)


def main() -> None:
    lost = 0
    with service(WRITERS) as drilled:
        answered = dict.fromkeys(range(WRITERS), 0)
        for _ in range(KILLS):
            asyncio.run(life(drilled, answered))
            drilled.start()
            for number in answered:
                stored = httpx2.get(drilled.address + ME, headers=drilled.headers[number]).json()
                value = int(stored["display_name"] or 0)
                lost += value < answered[number]
                answered[number] = value
        drilled.kill()
        with sqlite3.connect(drilled.folder / "profile.db") as store:
            sound = store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    result = f"{KILLS} kills, {sum(answered.values())} writes answered, {lost} lost"
    verdict("kills", result, holds=sound and not lost)


main()
