"""A list of fifty faces: each in its profile as ``avatar_base64``, or by ``avatarUrl`` at 64 px.

``.venv/bin/python bench/faces.py``. Six connections ask, as a browser's do. Each round starts the
service anew, so that no size is made yet; all ways are ratios to the first.
"""

from __future__ import annotations

import argparse
import http.client
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import local
from typing import Final

from reports.results import RESULTS, Row, environment, keep, summary, table
from stores import postgres_stores, sqlite_stores
from world import TENANT, World, make_world

from profile_testing.images import jpeg, noise
from targets import ours

FACES: Final = 50
SIZE: Final = 64
CONNECTIONS: Final = 6
ME: Final = "/v1/users/me/profile"
IN_PROFILES: Final = "50 x avatar_base64"
COLD: Final = f"50 x avatarUrl, {SIZE} px, none made yet"
MADE: Final = f"50 x avatarUrl, {SIZE} px, the next viewer's"
COLUMNS: Final = {
    "store": "store",
    "way": "way",
    "kib|,.0f": "KiB",
    "ms|,.0f": "ms, median",
    "ratio|.3f": "ratio",
    "cpu|,.0f": "CPU ms",
    "cpu_ratio|.2f": "CPU ratio",
}
Asked = Sequence[tuple[str, Mapping[str, str]]]


def laid_out(rows: Sequence[Row]) -> str:
    return table(COLUMNS, rows)


class Browser:
    """Connections that are kept, each by a thread."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._mine = local()
        self._threads = ThreadPoolExecutor(CONNECTIONS)

    def show(self, asked: Asked) -> int:
        """Asks for all; the bytes of the bodies."""
        return sum(self._threads.map(self._get, asked))

    def close(self) -> None:
        self._threads.shutdown()

    def _get(self, asked: tuple[str, Mapping[str, str]]) -> int:
        connection = getattr(self._mine, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
            self._mine.connection = connection
        path, headers = asked
        connection.request("GET", path, headers=dict(headers))
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, (path, body[:200])
        return len(body)


def round_of(world: World, url: str) -> dict[str, tuple[int, float, float]]:
    """Bytes, seconds and CPU seconds of each way, on a service that has just started."""
    profiles = [
        (ME, {"Authorization": f"Bearer {token}", "X-Tenant-ID": str(TENANT)})
        for token in world.tokens
    ]
    pictures: list[tuple[str, Mapping[str, str]]] = []
    for user in world.users:
        assert user.profile.avatar is not None
        digest = user.profile.avatar.address_digest
        pictures.append((f"/v1/avatars/{TENANT}/{user.profile.id}/{digest}?size={SIZE}", {}))
    with ours(world, url) as target:
        browser = Browser(target.port)
        # The one beyond the fifty opens the connections and starts the process of pictures.
        browser.show([profiles[FACES], pictures[FACES]] * CONNECTIONS)
        ways: Mapping[str, Asked] = {
            IN_PROFILES: profiles[:FACES],
            COLD: pictures[:FACES],
            MADE: pictures[:FACES],
        }
        results = {}
        for way, asked in ways.items():
            cpu, begun = target.cpu_seconds(), time.perf_counter()
            size = browser.show(asked)
            took = time.perf_counter() - begun
            results[way] = size, took, target.cpu_seconds() - cpu
        browser.close()
    return results


def measured(world: World, store: str, url: str, rounds: int) -> list[Row]:
    found = [round_of(world, url) for _ in range(rounds)]
    rows: list[Row] = []
    first: tuple[float, float] | None = None
    for way in (IN_PROFILES, COLD, MADE):
        size, took, cpu = (median(each[way][part] for each in found) for part in range(3))
        first_took, first_cpu = first = first or (took, cpu)
        rows.append(
            {
                "store": store, "way": way, "kib": size / 1024, "ms": took * 1000,
                "ratio": took / first_took, "cpu": cpu * 1000, "cpu_ratio": cpu / first_cpu,
            }
        )  # fmt: skip
    return rows


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--results", type=Path, default=RESULTS, help="where they are kept")
    chosen = arguments.parse_args()
    # Blurred noise at 512 pixels takes as many bytes as a photograph.
    picture = jpeg(noise(96, 96).resize((512, 512)), quality=90)
    rows: list[Row] = []
    for store, stores in (("SQLite", sqlite_stores), ("Postgres", postgres_stores)):
        with TemporaryDirectory(prefix="profile-bench-") as folder:
            world = make_world(
                Path(folder), people=FACES + 1, image=picture, media_type="image/jpeg"
            )
            with stores(world) as (our_store, _):
                rows += measured(world, store, our_store.url, chosen.rounds)
    keep(chosen.results, "faces", rows)
    print(f"{laid_out(rows)}\n\nOf a JPEG of {len(picture) // 1024} KiB each.")
    print(f"Taken {summary(environment())}.")


if __name__ == "__main__":
    main()
