"""Programs under one load, in interleaved rounds: medians, and ratios to the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from check import answers_are_right
from reports.results import Row, line
from stores import Store
from world import World
from wrk import NAMES, Kind, Round, checked_load

from targets import Target

COLUMNS = {
    "people|,": "people", "connections": "connections", "what": "request", "program": "program",
    "cpu|.0f": "CPU µs",
    "cpu_ratio|.2f": "ratio", "rate|,.0f": "requests/s", "rate_ratio|.2f": "ratio",
    "rest_ratio|.2f": "to our REST", "p50|.2f": "p50 ms", "p99|.2f": "p99 ms",
    "p99_ratio|.2f": "p99 ratio", "refused": "409", "failed": "failed",
}  # fmt: skip
# What both faces can do, REST first: bare programs have no other.
SAME: Sequence[tuple[Kind, Kind]] = (("put", "mutation"), ("get", "query"))
CONNECTIONS = (1, 16, 64)


@dataclass(frozen=True)
class Program:
    """A server, by the name that the table has for it, and the store it writes to."""

    name: str
    target: Target
    store: Store


@dataclass(frozen=True)
class Rounds:
    """How many rounds each program has, of how many seconds."""

    count: int
    seconds: int


def compare_faces(
    bare: Program,
    services: Sequence[Program],
    world: World,
    connections: int,
    rounds: Rounds,
    *,
    graphql: bool = True,
) -> list[Row]:
    """Updates and reads by each face of the services, beside the bare program's."""
    rows: list[Row] = []
    for kinds in SAME:
        pairs = [(each, kind) for kind in kinds[: 1 + graphql] for each in services]
        rows += compare([(bare, kinds[0]), *pairs], world, connections, rounds)
    return rows


def compare(
    pairs: Sequence[tuple[Program, Kind]], world: World, connections: int, rounds: Rounds
) -> list[Row]:
    """Each answers right before and after, and each round's answers are in its store."""
    found: dict[tuple[str, Kind], list[Round]] = {}
    _check(pairs, world)
    for _ in range(rounds.count):
        for program, kind in pairs:
            done = checked_load(
                program.target,
                program.store,
                world,
                kind,
                connections=connections,
                seconds=rounds.seconds,
            )
            found.setdefault((program.name, kind), []).append(done)
    _check(pairs, world)
    rows: list[Row] = [
        {"people": len(world.users), "connections": connections, **row} for row in _rows(found)
    ]
    for row in rows:
        print(line(COLUMNS, row), flush=True)
    return rows


def _check(pairs: Sequence[tuple[Program, Kind]], world: World) -> None:
    for program in {program.name: program for program, _ in pairs}.values():
        answers_are_right(program.target, world, graphql=program.name != "bare")


def _rows(found: Mapping[tuple[str, Kind], Sequence[Round]]) -> Sequence[Row]:
    medians = {
        pair: {
            each: median(getattr(run, each) for run in runs)
            for each in ("cpu", "rate", "p50", "p99")
        }
        for pair, runs in found.items()
    }
    first, rest = next(iter(medians.values())), next(iter(found))[1]
    return [
        {
            "what": NAMES[kind],
            "program": program,
            **mine,
            **{f"{each}_ratio": mine[each] / first[each] for each in ("cpu", "rate", "p99")},
            "rest_ratio": mine["rate"] / medians[program, rest]["rate"] if kind != rest else None,
            "refused": sum(run.refused for run in found[program, kind]) or None,
            "failed": sum(run.failed for run in found[program, kind]) or None,
        }
        for (program, kind), mine in medians.items()
    ]
