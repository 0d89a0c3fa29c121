"""Programs under one load, in interleaved rounds: medians, spreads, ratios to the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from check import answers_are_right
from reports.results import Row, line
from stores import Store
from world import World
from wrk import Kind, Round, checked_load

from targets import LOAD_CORE, Target

COLUMNS = {
    "what": "what", "connections": "connections", "program": "program", "rate|,.0f": "requests/s",
    "spread": "spread", "ratio|.2f": "ratio", "p50|.2f": "p50 ms", "p99|.2f": "p99 ms",
    "p99_ratio|.2f": "p99 ratio", "cpu|.0f": "CPU µs", "refused": "409", "failed": "failed",
}  # fmt: skip


@dataclass(frozen=True)
class Contender:
    """A program, the store it writes to, and what is asked of it."""

    program: str
    target: Target
    store: Store
    kind: Kind


@dataclass(frozen=True)
class Rounds:
    """How many rounds each contender has, of how many seconds, with wrk on which cores."""

    count: int
    seconds: int
    cores: str = LOAD_CORE


def compare(
    what: str, contenders: Sequence[Contender], world: World, connections: int, rounds: Rounds
) -> list[Row]:
    """Each answers right before and after, and each round's answers are in its store."""
    found: dict[str, list[Round]] = {each.program: [] for each in contenders}
    _check(contenders, world)
    for _ in range(rounds.count):
        for each in contenders:
            done = checked_load(
                each.target,
                each.store,
                world,
                each.kind,
                connections=connections,
                seconds=rounds.seconds,
                cores=rounds.cores,
            )
            found[each.program].append(done)
    _check(contenders, world)
    base = found[contenders[0].program]
    rows = [_row(what, connections, program, runs, base) for program, runs in found.items()]
    for row in rows:
        print(line(COLUMNS, row), flush=True)
    return rows


def _check(contenders: Sequence[Contender], world: World) -> None:
    for each in contenders:
        answers_are_right(each.target, world, graphql=each.target.name == "ours")


def _row(
    what: str, connections: int, program: str, runs: Sequence[Round], base: Sequence[Round]
) -> Row:
    rates = sorted(each.rate for each in runs)
    p99 = median(each.p99 for each in runs)
    return {
        "what": what,
        "connections": connections,
        "program": program,
        "rate": median(rates),
        "spread": f"{rates[0]:,.0f} to {rates[-1]:,.0f}",
        "ratio": median(rates) / median(each.rate for each in base),
        "p50": median(each.p50 for each in runs),
        "p99": p99,
        "p99_ratio": p99 / median(each.p99 for each in base),
        "cpu": median(each.cpu for each in runs),
        "refused": sum(each.refused for each in runs) or None,
        "failed": sum(each.failed for each in runs) or None,
    }
