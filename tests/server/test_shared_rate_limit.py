"""The rate limit in a real Redis, and what happens when Redis fails."""

import asyncio
import dataclasses
import logging
import sys
import time
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from pydantic import ValidationError

from profile_api.settings import Settings
from profile_domain.caller import Identity
from profile_domain.errors import Code, DomainError
from profile_infra.rate_limits import in_redis as shared_rate_limit
from profile_infra.rate_limits.in_process import InProcessRateLimit, parse_rate
from profile_infra.rate_limits.in_redis import RedisRateLimit, UnusableRateLimitStore
from profile_testing import ports
from programs import skip_without
from redis_server import RedisServer
from running import UPDATE, running

RATE = parse_rate("3/hour")
ADA = Identity(UUID(int=1), "https://idp.example", "ada@planted.example")
BEA = dataclasses.replace(ADA, subject="bea")


@pytest.fixture
def redis(tmp_path, monkeypatch):
    monkeypatch.setattr(shared_rate_limit, "TIMEOUT", 30)  # a busy machine is no outage
    skip_without("redis-server")
    with ports.reserved() as held:
        server = RedisServer(held.getsockname()[1], tmp_path)
        try:
            yield server
        finally:
            server.kill()


@asynccontextmanager
async def limit_at(url):
    limit = RedisRateLimit(RATE, url)
    try:
        yield limit
    finally:
        await limit.close()


async def refused(limit, identity=ADA):
    try:
        await limit.take(identity)
    except DomainError as error:
        assert error.code is Code.RATE_LIMITED
        return error.retry_after
    return None


async def test_all_processes_count_together_and_each_user_alone(redis):
    async with limit_at(redis.url) as one, limit_at(redis.url) as other:
        assert [await refused(each) for each in (one, other, one)] == [None] * 3
        for each in (other, one):
            assert 1100 < await refused(each) <= 1200
        assert await refused(other, BEA) is None
        assert one.failures == other.failures == 0


async def test_many_at_once_are_let_in_up_to_the_limit(redis):
    async with limit_at(redis.url) as one, limit_at(redis.url) as other:
        result = await asyncio.gather(*(refused(each) for each in [one, other] * 50))
        assert one.failures == other.failures == 0
    assert result.count(None) == 3


async def test_here_and_in_redis_a_rate_means_the_same(redis):
    async with limit_at(redis.url) as limit:
        alone = InProcessRateLimit(RATE)
        for hours in (0, 0.1, 0.5, 1, 0.3, 5):
            here, there = await told_after(hours, alone), await told_after(hours, limit, redis)
            assert [each is None for each in here] == [each is None for each in there]
            assert abs(here[-1] - there[-1]) <= 30, "the seconds that the test takes"


async def told_after(hours, limit, redis=None):
    """The results of six attempts after so many hours."""
    microseconds = int(hours * 3600 * 1_000_000)
    if redis is not None:
        redis.move(-microseconds)
    else:
        limit._tats = {key: tat - microseconds for key, tat in limit._tats.items()}
        limit._by_tat = [(tat, key) for key, tat in limit._tats.items()]
    return [await refused(limit) for _ in range(6)]


async def test_waiting_for_retry_after_is_enough_and_less_is_not(redis):
    async with limit_at(redis.url) as limit:
        while (result := await refused(limit)) is None:
            pass
        redis.move(-(result - 60) * 1_000_000)
        assert 0 < await refused(limit) <= 60
        redis.move(-60 * 1_000_000)
        assert await refused(limit) is None


async def test_who_has_paid_back_is_forgotten_in_redis(redis):
    async with limit_at(redis.url) as limit:
        for attempts in (1, 2, 3):
            await limit.take(ADA)
            (left,) = redis.milliseconds_left()
            assert attempts * 1_200_000 - 60_000 < left <= attempts * 1_200_000


async def test_a_clock_of_redis_that_is_set_back_keeps_nobody_waiting_for_it(redis):
    async with limit_at(redis.url) as limit:
        await limit.take(ADA)
        redis.move(24 * 3600 * 1_000_000)
        assert 0 < await refused(limit) <= 1200


async def test_nothing_in_redis_names_a_person(redis):
    async with limit_at(redis.url) as limit:
        await limit.take(ADA)
    (key,) = redis.keys()
    assert b"planted" not in key
    assert b"idp" not in key


async def test_two_services_keep_one_limit_on_both_faces(redis, tmp_path):
    settings = {"rate_limit": "2/hour", "rate_limit_store": redis.url}
    (tmp_path / "other").mkdir()
    async with running(tmp_path, **settings) as one, running(tmp_path / "other", **settings) as two:
        ada, same = await one.person(subject="ada"), await two.person(subject="ada")
        assert (await one.put(ada, {"display_name": "A"})).status_code == 200
        variables = {"input": {"displayName": "B"}}
        assert "errors" not in (await two.graphql(same, UPDATE, variables)).json()
        answer = await one.put(ada, {"display_name": "C"})
        assert answer.json()["code"] == Code.RATE_LIMITED
        assert 0 < int(answer.headers["Retry-After"]) <= 3600
        error = (await two.graphql(same, UPDATE, variables)).json()["errors"][0]
        assert error["extensions"]["code"] == Code.RATE_LIMITED
        assert (
            "profile_rate_limit_store_failures_total 0.0" in (await one.client.get("/metrics")).text
        )


async def test_while_redis_is_down_each_counts_for_itself_and_then_together_again(
    redis, monkeypatch, caplog
):
    monkeypatch.setattr(shared_rate_limit, "RETRY_SECONDS", 0.05)
    async with limit_at(redis.url) as one, limit_at(redis.url) as other:
        await one.take(ADA)
        redis.kill()
        for each in (one, other):
            assert [await refused(each, BEA) for _ in range(3)] == [None] * 3
            assert await refused(each, BEA)
            assert each.failures > 0
        redis.start()
        deadline = time.monotonic() + 20
        while not redis.keys():
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
            await refused(one, BEA)
        await asyncio.sleep(0.05)  # the other's pause
        before = other.failures
        result = [await refused(each, ADA) for each in (other, one, other, one)]
        assert result[:3] == [None] * 3
        assert result[3]
        assert other.failures == before
    lines = [record for record in caplog.records if record.name == shared_rate_limit.__name__]
    assert [record.levelno for record in lines] == [logging.WARNING] * 2, "once a process"
    assert "ConnectionError" in lines[0].getMessage()


async def test_a_connection_that_was_closed_while_it_lay_idle_is_made_anew(redis):
    async with limit_at(redis.url) as limit:
        await limit.take(ADA)
        redis.kill()
        redis.start()
        await limit.take(ADA)
        assert limit.failures == 0
        assert len(redis.keys()) == 1


async def test_a_redis_that_hangs_is_waited_for_once_and_briefly(monkeypatch):
    monkeypatch.setattr(shared_rate_limit, "RETRY_SECONDS", 60)
    asked = 0

    async def hang(reader, writer):
        nonlocal asked
        asked += 1
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, limit_at(f"redis://127.0.0.1:{port}") as limit:
        async with asyncio.timeout(10):
            assert [await refused(limit) for _ in range(3)] == [None] * 3
            assert await refused(limit)
        assert (asked, limit.failures) == (1, 1)


@pytest.mark.parametrize(
    "url",
    [
        "memory://",
        "redis://",
        "localhost:6379",
        "http://localhost",
        "redis://host:port",
        "redis://host:99999",
        "redis://host/zero",
        "redis://host/0?socket_timeout=secret",
        "redis://[host/0",
        "",
    ],
)
def test_a_url_that_cannot_work_is_refused_and_not_quoted(url):
    with pytest.raises(ValidationError, match=r"redis://host:6379/0") as refused:
        Settings(_env_file=None, rate_limit_store=url)
    assert "secret" not in str(refused.value)


def test_without_the_package_the_start_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    settings = Settings(_env_file=None, rate_limit_store="redis://localhost")
    with pytest.raises(UnusableRateLimitStore, match=r"profile-service\[redis\]"):
        settings.limit()
    assert not isinstance(settings.model_copy(update={"rate_limit": "off"}).limit(), RedisRateLimit)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rediss://me:pass@word@host:1/0", "rediss://***@host:1/0"),
        ("redis://:secret@host", "redis://***@host"),
    ],
)
def test_its_password_is_never_shown(url, shown):
    settings = Settings(_env_file=None, rate_limit_store=url)
    assert settings.shown()["PROFILE_RATE_LIMIT_STORE"] == shown
