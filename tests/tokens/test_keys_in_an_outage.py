"""Fetched keys while their provider is down: how long they are used."""

import asyncio

from key_provider import ISSUER, Provider, finds, refused, settle
from key_server import serving
from profile_infra.tokens.fetched_keys import (
    MAX_FRESH_SECONDS,
    MAX_STALE_SECONDS,
    MIN_FETCH_SECONDS,
    FetchedKeys,
)
from profile_infra.tokens.jose import JoseTokens
from profile_infra.tokens.keys import keys_of
from profile_testing.signing import claims, issuer, outcome, rsa_key, token


async def test_without_keys_there_is_no_answer_yet():
    provider = Provider("a")
    provider.down = True
    keys = provider.keys()
    assert await refused(keys) == MIN_FETCH_SECONDS
    provider.now += 3.5
    assert await refused(keys) == 7
    assert (provider.fetches, keys.there) == (1, False)
    provider.down = False
    provider.now += MIN_FETCH_SECONDS
    assert await finds(keys, "a")
    assert keys.there


async def test_known_keys_outlive_an_outage_for_an_hour():
    provider = Provider("a")
    keys = provider.keys()
    await finds(keys, "a")
    provider.down = True
    provider.now += MAX_STALE_SECONDS - 1
    assert await finds(keys, "a")
    assert not await finds(keys, "b")
    provider.now += 1
    await refused(keys)
    assert not keys.there
    provider.down = False
    provider.now += MIN_FETCH_SECONDS
    assert await finds(keys, "a")


async def test_how_long_is_a_setting_but_fresh_keys_always_work():
    provider = Provider("a")
    provider.max_age = 60
    keys = provider.keys(kept=0)
    await finds(keys, "a")
    provider.down = True
    provider.now += 59
    assert await finds(keys, "a")
    provider.now += 1
    await refused(keys)


async def test_in_an_outage_nobody_waits_for_a_provider_that_hangs():
    provider = Provider("a")
    keys = provider.keys()
    await finds(keys, "a")
    provider.down = True
    provider.now += MAX_FRESH_SECONDS
    assert await finds(keys, "a")
    provider.gate.clear()
    provider.now += MIN_FETCH_SECONDS
    assert await asyncio.wait_for(finds(keys, "a"), 60)
    await settle()
    assert provider.fetches == 3
    provider.gate.set()


async def test_after_an_outage_removed_keys_stop_working_in_time_again():
    provider = Provider("a", "b")
    keys = provider.keys()
    await finds(keys, "a")
    for down in (True, False):
        provider.down = down
        provider.now += MAX_FRESH_SECONDS
        assert await finds(keys, "a")
        await settle()
    provider.names = ("b",)
    provider.now += MAX_FRESH_SECONDS
    assert not await finds(keys, "a")


async def test_what_nobody_foresaw_is_an_outage_too(caplog):
    async def fetch(_):
        raise RuntimeError("surprise")

    keys = FetchedKeys(ISSUER, fetch=fetch)
    await refused(keys)
    assert "could not be fetched" in caplog.text


async def test_one_issuer_without_keys_leaves_the_others_at_work():
    async with serving() as server:
        made = issuer(secret=None, algorithms=["RS256"], jwks_url=f"{server.url}/keys")
        other = issuer(issuer="https://other.example")
        tokens = JoseTokens({each: keys_of(each) for each in (made, other)})
        sent = token(algorithm="RS256", key=rsa_key("a"), header={"kid": "a"})
        assert await outcome(tokens, sent) == "unavailable"
        assert await outcome(tokens, token(claims(iss=other.issuer))) == "accepted"
        assert await tokens.missing() is None
