"""What more of everything costs: users, people at work, policies, pictures, history.

``make bench-growth``. Along each axis services on stores of each size are loaded in interleaved rounds, and
shown as ratios to the smallest.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from uuid import uuid4

from check import answers_are_right
from reports import draw
from reports.results import RESULTS, Row, environment, keep, summary, table
from stores import database, postgres_server
from stores.bulk import Bulk, fill_postgres, fill_sqlite
from world import TENANT, World, make_world
from wrk import Kind, Round, load, require

import targets
from profile_domain.people import new_profile, read_record
from profile_domain.pictures.avatar import Avatar
from profile_infra.stores.records import User
from targets import Target

CONNECTIONS = 16
KINDS: Sequence[Kind] = ("put", "get")


@dataclass(frozen=True)
class Size:
    """``active`` are the people who send requests, round-robin; ``avatar`` is in KiB."""

    users: int = 1_000
    active: int = 64
    policies: int = 1
    avatar: int = 0
    history: int = 0

    @property
    def bulk(self) -> Bulk:
        image = Random(1).randbytes(self.avatar * 1024)
        return Bulk(self.users, self.active, image, self.history)


# 20,000 people, round-robin, are more than the caches of tokens and decisions hold: with them each
# decision is made afresh.
AXES: Mapping[str, Mapping[int, Size]] = {
    "users": {n: Size(users=n, active=1_000) for n in (1_000, 30_000, 1_000_000)},
    "people at work": {n: Size(users=20_000, active=n) for n in (64, 1_000, 20_000)},
    "policies": {n: Size(users=20_000, active=20_000, policies=n) for n in (1, 10, 100, 500)},
    "KiB of picture": {n: Size(avatar=n) for n in (0, 16, 64, 256)},
    "changes a user": {n: Size(history=n) for n in (0, 10, 100, 1_000)},
}


def grow(axis: str, store: str, folder: Path, rounds: int, seconds: int) -> list[Row]:
    sizes = AXES[axis]
    found: dict[tuple[int, Kind], list[Round]] = {}
    begun = time.perf_counter()
    with ExitStack() as stack:
        fill = _Filling(folder, stack, postgres=store == "Postgres")
        services = {
            value: stack.enter_context(_service(size, fill, folder))
            for value, size in sizes.items()
        }
        print(f"{axis}, {store}: filled in {time.perf_counter() - begun:.0f} s", flush=True)
        for number in range(rounds + 1):
            for kind in KINDS:
                for value, (target, world) in services.items():
                    done = load(
                        target, world, kind,
                        connections=CONNECTIONS, seconds=seconds if number else 1,
                    )  # fmt: skip
                    if number:  # the first warms
                        found.setdefault((value, kind), []).append(done)
    smallest = next(iter(sizes))
    rows: list[Row] = []
    for (value, kind), runs in found.items():
        base = found[smallest, kind]
        rate, p50 = median(each.rate for each in runs), median(each.p50 for each in runs)
        rows.append(
            {
                "axis": axis, "store": store, "value": value, "kind": kind.upper(),
                "rate": rate, "rate_ratio": rate / median(each.rate for each in base),
                "p50": p50, "p50_ratio": p50 / median(each.p50 for each in base),
            }
        )  # fmt: skip
    return rows


def laid_out(rows: Sequence[Row]) -> str:
    """A line for each kind of request: requests a second and median time as ratios, by size."""
    lines: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        cell = f"{row['value']:,}: {row['rate_ratio']:.2f} ({row['p50_ratio']:.2f})"
        lines.setdefault((row["axis"], row["store"], row["kind"]), []).append(cell)
    columns = {"axis": "what grows", "store": "store", "kind": "request"}
    columns |= {"sizes": "requests/s (p50) beside the smallest"}
    return table(
        columns,
        [dict(zip(columns, (*key, "; ".join(cells)), strict=True)) for key, cells in lines.items()],
    )


class _Filling:
    """Fills a new store of one kind, and gives its URL."""

    def __init__(self, folder: Path, stack: ExitStack, *, postgres: bool) -> None:
        self._folder = folder
        self._stack = stack
        self._server = stack.enter_context(postgres_server()) if postgres else None

    def __call__(self, bulk: Bulk) -> str:
        if self._server is None:
            return fill_sqlite(self._folder / f"{uuid4().hex}.db", bulk)
        return fill_postgres(self._stack.enter_context(database(self._server)), bulk)


@contextmanager
def _service(size: Size, fill: _Filling, folder: Path) -> Iterator[tuple[Target, World]]:
    bulk = size.bulk
    url = fill(bulk)
    avatar = Avatar.of("image/png", bulk.image) if bulk.image else None
    users = []
    for number, user_id in enumerate(bulk.ids()[: size.active]):
        record = read_record(f"p{number}@example.com", "local", {})
        profile = new_profile(TENANT, user_id, record)
        users.append(User(profile.with_changes({"avatar_base64": avatar}) if avatar else profile))
    world = World(folder, make_world(folder, people=0).issuer, users)
    policies = TemporaryDirectory(dir=folder)
    _write_policies(Path(policies.name), size.policies)
    with targets.ours(world, url, PROFILE_POLICY_DIR=policies.name) as target:
        answers_are_right(target, world)
        yield target, world


def _write_policies(folder: Path, count: int) -> None:
    """The built-in one is the first; each other has to be looked at, and refuses nobody here."""
    lines = [
        f'@id("p{number}") forbid (principal, action, resource)'
        f' when {{ principal.email like "*@no{number}.example.org" }};'
        for number in range(1, count)
    ]
    (folder / "many.cedar").write_text("\n".join(lines))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--axes", nargs="+", default=list(AXES), choices=list(AXES))
    parser.add_argument("--stores", nargs="+", default=["Postgres", "SQLite"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--results", type=Path, default=RESULTS, help="a folder")
    args = parser.parse_args()
    require()
    now = environment()
    print(f"{summary(now)}\n{now['versions']}", flush=True)
    rows: list[Row] = []
    for axis in args.axes:
        for store in args.stores:
            with TemporaryDirectory(prefix="bench-") as folder:
                found = grow(axis, store, Path(folder), args.rounds, args.seconds)
            print("\n" + laid_out(found) + "\n", flush=True)
            rows += found
    keep(args.results, "growth", rows)
    draw.growth(args.results)


if __name__ == "__main__":
    main()
