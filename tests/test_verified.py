from uuid import UUID

import pytest

from profile_domain.caller import Identity
from profile_infra.keys import keys_of
from profile_infra.tokens import JoseTokens
from profile_infra.verified import ENTRIES, SECONDS, VerifiedTokens
from signing import ISSUER, TENANT, claims, issuer, outcome, token

NOW = 1_800_000_000


class Clock:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


class CountedKeys:
    """Real keys that know how often they were asked for."""

    def __init__(self, made):
        self.keys = keys_of(made)
        self.asked = 0

    async def key_for(self, kid, algorithm):
        self.asked += 1
        return await self.keys.key_for(kid, algorithm)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def keys():
    return CountedKeys(issuer())


@pytest.fixture
def tokens(keys, clock):
    return JoseTokens({issuer(): keys}, now=clock)


async def test_a_token_is_verified_once_a_minute(tokens, keys, clock):
    sent = token(claims(NOW))
    first = await tokens.verify(sent)
    clock.now += SECONDS - 0.1
    assert await tokens.verify(sent) == first
    assert keys.asked == 1
    clock.now += 0.1
    assert await tokens.verify(sent) == first
    assert keys.asked == 2


async def test_a_token_that_expires_meanwhile_is_expired(tokens, keys, clock):
    sent = token(claims(NOW, exp=NOW + 10))
    await tokens.verify(sent)
    clock.now += 9
    await tokens.verify(sent)
    assert keys.asked == 1
    clock.now += 1
    await tokens.verify(sent)
    assert keys.asked == 2
    clock.now += 29
    await tokens.verify(sent)
    assert keys.asked == 3
    clock.now += 1
    assert await outcome(tokens, sent) == "expired"
    assert await outcome(tokens, sent) == "expired"


async def test_a_clock_set_back_lengthens_nothing(tokens, clock):
    sent = token(claims(NOW))
    await tokens.verify(sent)
    clock.now -= 3600
    assert await outcome(tokens, sent) == "invalid"


async def test_a_refusal_is_never_kept(tokens, keys, clock):
    sent = token(claims(NOW, nbf=NOW + 60))
    assert await outcome(tokens, sent) == "invalid"
    clock.now += 60
    await tokens.verify(sent)
    assert keys.asked == 2


async def test_a_known_token_vouches_for_no_other(tokens):
    sent = token(claims(NOW))
    await tokens.verify(sent)
    assert await outcome(tokens, sent[:-3] + "AAA") == "invalid"
    assert await outcome(tokens, sent + "=") == "invalid"


async def test_an_issuers_tokens_can_be_forgotten(tokens, keys):
    sent = token(claims(NOW))
    await tokens.verify(sent)
    tokens.forget("https://other.example")
    await tokens.verify(sent)
    assert keys.asked == 1
    tokens.forget(issuer().issuer)
    await tokens.verify(sent)
    assert keys.asked == 2


ADA = Identity(UUID(TENANT), ISSUER, "ada")


def test_the_oldest_makes_room():
    kept = VerifiedTokens(2)
    for digest in (b"a", b"b", b"c"):
        kept.put(digest, ADA, now=NOW, expires=NOW + 60)
    assert [kept.get(digest, NOW) for digest in (b"a", b"b", b"c")] == [None, ADA, ADA]


def test_the_number_of_entries_is_bounded():
    kept = VerifiedTokens()
    for number in range(ENTRIES + 100):
        kept.put(number.to_bytes(32, "big"), ADA, now=NOW, expires=NOW + 60)
    assert len(kept._entries) == ENTRIES
