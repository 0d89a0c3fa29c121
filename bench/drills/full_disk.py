"""No room for another byte: 503, nothing torn, and writes again once there is room."""

from __future__ import annotations

import resource
import sqlite3

import httpx2
from service import ME, service, verdict


def main() -> None:
    with service(1) as drilled:
        headers = drilled.headers[0]

        def put(value: str) -> int:
            return httpx2.put(
                drilled.address + ME, json={"display_name": value}, headers=headers
            ).status_code

        def get() -> str:
            name: str = httpx2.get(drilled.address + ME, headers=headers).json()["display_name"]
            return name

        assert put("before") == 200
        size = (drilled.folder / "profile.db-wal").stat().st_size
        resource.prlimit(drilled.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        full = [put(f"full {number}") for number in range(20)]
        kept = get()
        alive = httpx2.get(drilled.address + "/healthz").status_code
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(drilled.pid, resource.RLIMIT_FSIZE, unlimited)
        after = put("after")
        recovered = get() == "after"
        ended = drilled.stop()
        with sqlite3.connect(drilled.folder / "profile.db") as store:
            sound = store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    result = f"{full.count(503)} of {len(full)} writes answered 503, then {after}; status {ended}"
    holds = set(full) == {503} and kept == "before" and alive == after == 200
    verdict("full disk", result, holds=holds and recovered and sound and ended == 0)


main()
