"""Two nodes of Postgres in five mishaps, under load: nothing answered is lost, stale or late."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
from service import ME, Service, client, verdict

from profile_testing.postgres_database import create_database
from profile_testing.postgres_server import PostgresServer

WRITERS, READERS = 16, 8
MANY_WRITERS, MANY_READERS = 80, 24
# The contract's, in seconds.
LATEST_ANSWER, OLDEST_ANSWER, RECOVERY = 10, 10, 20
PATIENCE = 60


class Load:
    """Writers count up, each in a profile of its own, while readers look at these profiles."""

    def __init__(self, drilled: Service, database: str) -> None:
        self.drilled = drilled
        self.database = database
        self.answered: list[list[tuple[float, int]]] = [[(0.0, 0)] for _ in range(MANY_WRITERS)]
        self.sent = [0] * MANY_WRITERS
        self.begin()

    def begin(self) -> None:
        """Forgets what the last mishap has shown."""
        self.slowest = 0.0
        self.oldest = 0.0
        self.wrong: set[str] = set()
        self.last_write = self.last_read = 0.0

    async def write(self, sender: httpx2.AsyncClient, number: int) -> None:
        self.sent[number] += 1
        value = self.sent[number]
        answer = await self._ask(sender.put, number, json={"display_name": str(value)})
        if answer.status_code == 200:
            self.last_write = time.monotonic()
            self.answered[number].append((self.last_write, value))

    async def read(self, sender: httpx2.AsyncClient, number: int) -> None:
        asked = time.monotonic()
        answer = await self._ask(sender.get, number)
        if answer.status_code == 200:
            self.last_read = time.monotonic()
            value = int(answer.json()["display_name"] or 0)
            newer = next((at for at, known in self.answered[number] if known > value), asked)
            self.oldest = max(self.oldest, asked - newer)

    async def lost(self, sender: httpx2.AsyncClient) -> int:
        """The number of profiles that lack a write that was answered."""
        lost = 0
        for number, answered in enumerate(self.answered):
            kept = await sender.get(ME, headers=self.drilled.headers[number])
            lost += int(kept.json()["display_name"] or 0) < answered[-1][1]
        return lost

    @asynccontextmanager
    async def running(
        self, sender: httpx2.AsyncClient, writers: int, readers: int
    ) -> AsyncIterator[None]:
        over = asyncio.Event()

        async def repeat(ask: Callable[..., object], number: int) -> None:
            while not over.is_set():
                await ask(sender, number)  # type: ignore[misc]  # read or write
                await asyncio.sleep(0.02)

        tasks = [asyncio.create_task(repeat(self.write, number)) for number in range(writers)]
        tasks += [asyncio.create_task(repeat(self.read, n)) for n in range(readers)]
        try:
            yield
        finally:
            over.set()
            await asyncio.gather(*tasks)

    async def _ask(self, send: Any, number: int, **options: Any) -> httpx2.Response:
        asked = time.monotonic()
        answer: httpx2.Response = await send(ME, headers=self.drilled.headers[number], **options)
        self.slowest = max(self.slowest, time.monotonic() - asked)
        if answer.status_code not in (200, 503):
            self.wrong.add(f"{answer.status_code} {answer.text}")
        return answer


async def mishap(
    load: Load,
    name: str,
    happen: Callable[[], object],
    mend: Callable[[], object],
    *,
    seconds: float,
    readers_only: bool = False,
    many: bool = False,
) -> bool:
    """Under load: ``happen``, so many seconds, ``mend``; then the time until writes are answered."""
    load.begin()
    writers, readers = (MANY_WRITERS, MANY_READERS) if many else (WRITERS, READERS)
    async with client(load.drilled, connections=128) as sender:
        async with load.running(sender, 0 if readers_only else writers, readers):
            await asyncio.sleep(1)
            await asyncio.to_thread(happen)
            await asyncio.sleep(seconds)
            await asyncio.to_thread(mend)
            mended = time.monotonic()
            while (load.last_read if readers_only else load.last_write) <= mended:
                if time.monotonic() > mended + PATIENCE:
                    break
                await asyncio.sleep(0.05)
            took = time.monotonic() - mended
            await asyncio.sleep(1)
        lost = await load.lost(sender)
    holds = (
        not (lost or load.wrong)
        and load.oldest < OLDEST_ANSWER
        and took < RECOVERY
        and load.slowest < LATEST_ANSWER
    )
    print(
        f"  {name}: {lost} lost, oldest answer {load.oldest:.1f} s, slowest"
        f" {load.slowest:.1f} s, works {took:.1f} s after it was mended"
        f"{f', also {load.wrong}' if load.wrong else ''}: {'holds' if holds else 'DOES NOT HOLD'}"
    )
    return holds


async def standby_lost(load: Load, primary: PostgresServer, standby: PostgresServer) -> bool:
    """What waits for the standby is neither shown nor confirmed, also after a SIGTERM."""
    headers = load.drilled.headers[MANY_WRITERS]
    slowest, seen = 0.0, []
    name = {"display_name": "only here"}
    standby.signal(signal.SIGSTOP)
    async with client(load.drilled) as sender:
        for _ in range(3):
            asked = time.monotonic()
            statuses = await asyncio.gather(
                *(sender.put(ME, json=name, headers=headers) for _ in range(4))
            )
            slowest = max(slowest, time.monotonic() - asked)
            shown = (await sender.get(ME, headers=headers)).json()["display_name"]
            seen.append(({each.status_code for each in statuses}, shown == "only here"))
    began = time.monotonic()
    status = await asyncio.to_thread(load.drilled.stop)
    ended = time.monotonic() - began
    await asyncio.to_thread(load.drilled.start)
    async with client(load.drilled) as sender:
        shown = (await sender.get(ME, headers=headers)).json()["display_name"]
        seen.append(({503}, shown == "only here"))
        standby.signal(signal.SIGCONT)
        repeated = await sender.put(ME, json=name, headers=headers)
    cut = "canceling wait" in (primary.folder / "log").read_text()
    holds = (
        seen == [({503}, False)] * 4
        and (status, repeated.status_code, cut) == (0, 200, False)
        and max(slowest, ended) < LATEST_ANSWER
    )
    print(
        f"  the standby hangs: slowest {slowest:.1f} s, SIGTERM {ended:.1f} s, seen early"
        f" {sum(early for _, early in seen)} times, waits cut {int(cut)}:"
        f" {'holds' if holds else f'DOES NOT HOLD {seen} {status} {repeated}'}"
    )
    return holds


def setting(node: PostgresServer, name: str, value: str) -> None:
    change = f"ALTER SYSTEM SET {name} = '{value}'"
    node.run("psql", node.url, "-qc", change, "-c", "SELECT pg_reload_conf()")


def promote(node: PostgresServer) -> None:
    node.promote()
    setting(node, "synchronous_standby_names", "")


def follow(node: PostgresServer, primary: PostgresServer) -> None:
    """As a synchronous standby."""
    node.follow(primary)
    setting(primary, "synchronous_standby_names", "*")


async def drill(load: Load, one: PostgresServer, two: PostgresServer) -> list[bool]:
    def hang() -> None:
        one.signal(signal.SIGSTOP)

    def killed() -> None:
        one.kill()
        promote(two)

    def silent() -> None:
        two.signal(signal.SIGSTOP)
        promote(one)

    def made_read_only() -> None:
        setting(one, "default_transaction_read_only", "on")
        promote(two)
        new = 1_000_000
        update = f"UPDATE users SET display_name = '{new}'"
        two.run("psql", database_url(two, load), "-qc", update)
        now = time.monotonic()
        for answered in load.answered:
            answered.append((now, new))

    def nothing() -> None:
        pass

    held = [await standby_lost(load, one, two)]
    held += [
        await mishap(
            load, "the node hangs, 80 writers", hang, lambda: one.signal(signal.SIGCONT),
            seconds=20, many=True,
        )
    ]  # fmt: skip
    held += [await mishap(load, "killed, the other promoted", killed, nothing, seconds=0)]
    follow(one, two)
    held += [
        await mishap(
            load, "silent, the other promoted, back as a rival", silent,
            lambda: two.signal(signal.SIGCONT), seconds=8,
        )
    ]  # fmt: skip
    follow(two, one)
    held += [
        await mishap(
            load, "made read-only, the other promoted, readers", made_read_only, nothing,
            seconds=OLDEST_ANSWER + 2, readers_only=True,
        )
    ]  # fmt: skip
    return held


def database_url(node: PostgresServer, load: Load) -> str:
    return node.url.rpartition("/")[0] + "/" + load.database


@contextmanager
def nodes() -> Iterator[tuple[PostgresServer, PostgresServer]]:
    one = PostgresServer()
    two = None
    try:
        two = PostgresServer(standby_of=one)
        setting(one, "synchronous_standby_names", "*")
        yield one, two
    finally:
        for node in filter(None, (one, two)):
            node.remove()


async def main() -> None:
    with nodes() as (one, two), TemporaryDirectory(prefix="profile-drill-") as folder:
        database = await create_database(one.url)
        await database.migrate()
        role, _, name = database.url.removeprefix("postgresql://").partition("@")
        name = name.partition("/")[2]
        url = (
            f"postgresql://{role}@127.0.0.1:{one.port},127.0.0.1:{two.port}/{name}"
            "?target_session_attrs=read-write"
        )
        drilled = Service(Path(folder), MANY_WRITERS + 1, database_url=url)
        drilled.start()
        try:
            held = await drill(Load(drilled, name), one, two)
        finally:
            if drilled.process is not None:
                drilled.kill()
    verdict("failover", f"{sum(held)} of {len(held)} mishaps", holds=all(held))


asyncio.run(main())
