"""Keys from the network: when they are fetched, and what a rotation does."""

import asyncio

import pytest

from key_provider import ISSUER, Provider, finds, refused, settle
from key_server import key_set, response, serving
from profile_infra.tokens import fetched_keys
from profile_infra.tokens.fetched_keys import (
    MAX_FRESH_SECONDS,
    MAX_STALE_SECONDS,
    MIN_FETCH_SECONDS,
    FetchedKeys,
)
from profile_infra.tokens.jose import JoseTokens
from profile_infra.tokens.jwks import KeySet
from profile_infra.tokens.jwks_over_http import Fetched
from profile_infra.tokens.keys import keys_of
from profile_testing.signing import claims, issuer, outcome, public_jwk, rsa_key, token


async def test_many_who_come_at_once_wait_for_one_fetch():
    provider = Provider("a")
    provider.gate.clear()
    keys = provider.keys()
    waiting = [asyncio.create_task(finds(keys, "a")) for _ in range(50)]
    await settle()
    provider.gate.set()
    assert await asyncio.gather(*waiting) == [True] * 50
    assert provider.fetches == 1


async def test_a_caller_who_leaves_takes_no_fetch_along():
    provider = Provider("a")
    provider.gate.clear()
    keys = provider.keys()
    leaving, staying = (asyncio.create_task(finds(keys, "a")) for _ in range(2))
    await settle()
    leaving.cancel()
    provider.gate.set()
    assert await staying
    assert provider.fetches == 1


@pytest.mark.parametrize(
    ("max_age", "fresh"),
    [
        (None, MAX_FRESH_SECONDS),
        (60, 60),
        (0, MIN_FETCH_SECONDS),
        (1, MIN_FETCH_SECONDS),
        (301, MAX_FRESH_SECONDS),
        (10**9 - 1, MAX_FRESH_SECONDS),
    ],
)
async def test_keys_are_fresh_as_long_as_the_provider_says_within_bounds(max_age, fresh):
    provider = Provider("a")
    provider.max_age = max_age
    keys = provider.keys()
    await finds(keys, "a")
    provider.now += fresh - 0.1
    await finds(keys, "a")
    assert provider.fetches == 1
    provider.now += 0.1
    await finds(keys, "a")
    assert provider.fetches == 2


async def test_a_key_that_disappears_stops_working_when_the_set_is_stale():
    provider = Provider("a", "b")
    keys = provider.keys()
    assert await finds(keys, "a")
    provider.names = ("b",)
    provider.now += MAX_FRESH_SECONDS
    assert not await finds(keys, "a")
    assert await finds(keys, "b")


async def test_a_new_key_is_found_at_once():
    provider = Provider("a")
    keys = provider.keys()
    await finds(keys, "a")
    provider.names = ("b",)
    provider.now += MIN_FETCH_SECONDS
    assert await finds(keys, "b")


async def test_a_thousand_unknown_keys_cause_one_fetch_in_ten_seconds():
    provider = Provider("a")
    keys = provider.keys()
    for number in range(1000):
        assert not await finds(keys, f"bad-{number}")
    assert provider.fetches == 1
    provider.now += MIN_FETCH_SECONDS
    found = await asyncio.gather(*(finds(keys, f"bad-{number}") for number in range(1000)))
    assert not any(found)
    assert provider.fetches == 2


async def test_a_fetch_that_takes_long_is_still_the_only_one():
    provider = Provider("a")
    provider.gate.clear()
    keys = provider.keys()
    waiting = asyncio.create_task(finds(keys, "a"))
    await settle()
    provider.now += 2 * MIN_FETCH_SECONDS
    too = asyncio.create_task(finds(keys, "a"))
    await settle()
    assert provider.fetches == 1
    provider.gate.set()
    assert await asyncio.gather(waiting, too) == [True, True]


async def test_a_first_set_without_a_usable_key_is_none():
    provider = Provider()
    keys = provider.keys()
    await refused(keys)
    assert not keys.there


async def test_a_provider_that_withdraws_all_keys_is_believed():
    provider = Provider("a")
    keys = provider.keys()
    await finds(keys, "a")
    provider.names = ()
    provider.now += MAX_FRESH_SECONDS
    assert not await finds(keys, "a")


async def test_what_a_removed_key_signed_is_forgotten_and_nothing_else():
    provider = Provider("a", "b")
    keys = provider.keys()
    forgotten = []
    async with keys.kept_fresh(lambda: forgotten.append(provider.now)):
        await finds(keys, "a")
        for names in (("a", "b", "c"), ("b", "a", "c")):
            provider.names = names
            provider.now += MAX_FRESH_SECONDS
            await finds(keys, "a")
        assert forgotten == []
        provider.names = ("b", "c")
        provider.now += MAX_FRESH_SECONDS
        await finds(keys, "b")
        assert forgotten == [provider.now]
        provider.down = True
        provider.now += MAX_STALE_SECONDS
        await refused(keys)
        assert forgotten[1:] == [provider.now]


async def test_a_key_with_other_numbers_under_the_same_name_is_another_key():
    one = await _read(public_jwk(rsa_key("a"), kid="same"))
    other = await _read(public_jwk(rsa_key("b"), kid="same"))
    assert one.has_all_of(one)
    assert not other.has_all_of(one)
    assert one.has_all_of(KeySet(()))


async def _read(*members):
    async def fetch(_):
        return Fetched(response({"keys": members}).partition(b"\r\n\r\n")[2], None)

    keys = FetchedKeys(ISSUER, fetch=fetch)
    await keys.keys_for("same", "RS256")
    return keys._keys


async def test_the_background_fetches_before_keys_go_stale(monkeypatch):
    monkeypatch.setattr(fetched_keys, "MIN_FETCH_SECONDS", 0.02)
    monkeypatch.setattr(fetched_keys, "MAX_FRESH_SECONDS", 600)
    monkeypatch.setattr(fetched_keys, "_EARLY", 0.03 / 600)
    provider = Provider("a")
    keys = FetchedKeys(ISSUER, fetch=provider.fetch)
    async with keys.kept_fresh(lambda: None):
        async with asyncio.timeout(60):
            while provider.fetches < 4:
                await asyncio.sleep(0.005)
                assert keys._now() < keys._fresh_until or provider.fetches == 1
    fetches = provider.fetches
    await asyncio.sleep(0.1)
    assert provider.fetches == fetches


async def test_an_end_in_the_middle_of_a_fetch_is_clean():
    provider = Provider("a")
    provider.gate.clear()
    keys = provider.keys()
    async with keys.kept_fresh(lambda: None):
        await settle()
        assert provider.fetches == 1
    assert keys._fetching is None


async def test_tokens_are_verified_with_keys_from_an_address(monkeypatch):
    monkeypatch.setattr(fetched_keys, "MIN_FETCH_SECONDS", 0.0)
    async with serving({"/keys": key_set("a", "b")}) as server:
        made = issuer(secret=None, algorithms=["RS256"], jwks_url=f"{server.url}/keys")
        tokens = JoseTokens({made: keys_of(made)})
        assert await tokens.missing() == "signing_keys"
        sent = {
            kid: token(algorithm="RS256", key=rsa_key(kid), header={"kid": kid}) for kid in "abc"
        }
        assert [await outcome(tokens, each) for each in sent.values()] == ["accepted"] * 2 + [
            "invalid"
        ]
        assert await tokens.missing() is None


async def test_a_token_without_a_kid_finds_the_key_that_a_rotation_brought():
    provider = Provider("a")
    keys = provider.keys()
    tokens = JoseTokens({ISSUER: keys})

    async def judged(name, **header):
        return await outcome(tokens, token(algorithm="RS256", key=rsa_key(name), header=header))

    assert await judged("a") == "accepted"
    provider.names = ("b",)
    assert await judged("b") == "invalid"
    provider.now += MIN_FETCH_SECONDS
    assert await judged("b") == "accepted"
    assert provider.fetches == 2
    for _ in range(50):
        assert await judged("c") == "invalid"
    assert provider.fetches == 2
    provider.now += MIN_FETCH_SECONDS
    for _ in range(50):
        assert await judged("c") == "invalid"
    assert provider.fetches == 3


async def test_a_forged_signature_under_a_known_kid_fetches_nothing():
    provider = Provider("a")
    tokens = JoseTokens({ISSUER: provider.keys()})
    forged = token(algorithm="RS256", key=rsa_key("c"), header={"kid": "a"})
    assert await outcome(tokens, forged) == "invalid"
    provider.now += MIN_FETCH_SECONDS
    assert await outcome(tokens, forged) == "invalid"
    assert provider.fetches == 1


async def test_a_removed_key_takes_its_verified_tokens_along(monkeypatch):
    monkeypatch.setattr(fetched_keys, "MIN_FETCH_SECONDS", 0.0)
    async with serving({"/keys": key_set("a", "b")}) as server:
        made = issuer(secret=None, algorithms=["RS256"], jwks_url=f"{server.url}/keys")
        tokens = JoseTokens({made: keys_of(made)})
        sent = token(claims(), algorithm="RS256", key=rsa_key("a"), header={"kid": "a"})
        other = token(claims(), algorithm="RS256", key=rsa_key("c"), header={"kid": "c"})
        async with tokens.with_fresh_keys():
            assert await outcome(tokens, sent) == "accepted"
            server.answers["/keys"] = key_set("b")
            assert await outcome(tokens, other) == "invalid"
            assert await outcome(tokens, sent) == "invalid"
