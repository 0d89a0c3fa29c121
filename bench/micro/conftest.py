"""What the timings of single layers share. They are measured, not tested: ``make bench-micro``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar
from uuid import UUID, uuid4

import pytest
from reports.results import RESULTS, environment, keep

from profile_domain.caller import Caller, Identity
from profile_domain.people import new_profile, read_record
from profile_domain.profile import Profile
from profile_testing.signing import ISSUER, TENANT

T = TypeVar("T")
Finish = Callable[[Coroutine[Any, Any, T]], T]


def pytest_report_header() -> str:
    now = environment()
    return f"{now['date']}, {now['machine']}, {now['versions']}"


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Keeps the figures of a whole run, in microseconds."""
    found = session.config._benchmarksession.benchmarks  # type: ignore[attr-defined]  # what the plugin has
    if exitstatus == 0 and found and session.config.args == ["bench/micro"]:
        rows = [
            {
                "what": each.name.removeprefix("test_")
                .replace("_", " ")
                .replace("[", ", ")
                .rstrip("]"),
                "min": each.stats.min * 1e6,
                "median": each.stats.median * 1e6,
            }
            for each in found
        ]
        keep(RESULTS, "micro", rows, command="make bench-micro")


@pytest.fixture
def finish() -> Finish[Any]:
    """Runs what is written as a coroutine but waits for nothing, without an event loop."""

    def run(work: Coroutine[Any, Any, Any]) -> Any:
        try:
            work.send(None)
        except StopIteration as done:
            return done.value
        raise AssertionError("it waits for something: time it in an event loop")

    return run


@pytest.fixture
def loop_run() -> Iterator[Finish[Any]]:
    """Runs in an event loop; its own cost is some 20 µs."""
    with asyncio.Runner() as runner:
        yield runner.run


@pytest.fixture
def profile() -> Profile:
    record = read_record("ada@example.com", "local", {"first_name": "Ada", "last_name": "Byron"})
    return new_profile(UUID(TENANT), uuid4(), record)


@pytest.fixture
def caller(profile: Profile) -> Caller:
    return Caller(Identity(profile.tenant_id, ISSUER, str(profile.id)), "rest", "request")
