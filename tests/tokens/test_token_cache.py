import tracemalloc
from dataclasses import replace
from hashlib import sha256
from uuid import UUID

import pytest

from profile_domain.caller import Identity
from profile_domain.people import Record
from profile_domain.profile import AuthProvider
from profile_infra.tokens.cache import MAX_AGE, TokenCache, _size
from profile_infra.tokens.jose import JoseTokens
from profile_infra.tokens.keys import keys_of
from profile_testing.signing import ISSUER, TENANT, claims, issuer, outcome, token

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

    async def keys_for(self, kid, algorithm, tried=()):
        self.asked += 1
        return await self.keys.keys_for(kid, algorithm, tried)


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
    clock.now += MAX_AGE - 0.1
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


async def test_a_clock_set_back_extends_no_entry(tokens, clock):
    sent = token(claims(NOW))
    await tokens.verify(sent)
    clock.now -= 3600
    assert await outcome(tokens, sent) == "invalid"


async def test_a_refusal_is_never_cached(tokens, keys, clock):
    sent = token(claims(NOW, nbf=NOW + 60))
    assert await outcome(tokens, sent) == "invalid"
    clock.now += 60
    await tokens.verify(sent)
    assert keys.asked == 2


async def test_a_cached_token_authenticates_no_other(tokens):
    sent = token(claims(NOW))
    await tokens.verify(sent)
    assert await outcome(tokens, sent[:-3] + "AAA") == "invalid"
    assert await outcome(tokens, sent + "=") == "invalid"


@pytest.mark.parametrize(
    "scopes", [{}, {"scope": "openid profile"}, {"scp": ["profile", "openid"]}]
)
async def test_tokens_share_their_tenant_and_their_scopes(tokens, scopes):
    first, second = [
        await tokens.verify(token(claims(NOW, sub=subject, **scopes))) for subject in ("ada", "bob")
    ]
    assert first.subject != second.subject
    assert first.tenant_id is second.tenant_id
    assert first.scopes is second.scopes


async def test_tokens_of_many_scopes_share_none(tokens):
    scope = " ".join(map(str, range(17)))
    first, second = [
        await tokens.verify(token(claims(NOW, sub=subject, scope=scope)))
        for subject in ("ada", "bob")
    ]
    assert first.scopes == second.scopes
    assert first.scopes is not second.scopes


async def test_an_issuers_tokens_can_be_dropped(tokens, keys):
    sent = token(claims(NOW))
    await tokens.verify(sent)
    tokens.forget("https://other.example")
    await tokens.verify(sent)
    assert keys.asked == 1
    tokens.forget(issuer().issuer)
    await tokens.verify(sent)
    assert keys.asked == 2


ADA = Identity(UUID(TENANT), ISSUER, "ada")


def test_the_oldest_is_evicted():
    kept = TokenCache(2 * _size(ADA))
    for digest in (b"a", b"b", b"c", b"d"):
        kept.put(digest, ADA, now=NOW, expires=NOW + 60)
    assert [kept.get(digest, NOW) for digest in (b"a", b"b", b"c", b"d")] == [None, None, ADA, ADA]


def test_an_identity_over_the_bound_is_not_cached():
    kept = TokenCache(2 * _size(ADA))
    kept.put(b"a", ADA, now=NOW, expires=NOW + 60)
    many = replace(ADA, scopes=frozenset(map(str, range(100))))
    kept.put(b"b", many, now=NOW, expires=NOW + 60)
    assert [kept.get(digest, NOW) for digest in (b"a", b"b")] == [ADA, None]


def test_it_can_be_switched_off():
    kept = TokenCache(0)
    kept.put(b"a", ADA, now=NOW, expires=NOW + 60)
    assert kept.get(b"a", NOW) is None


def test_the_same_token_verified_twice_at_once_is_kept_once():
    kept = TokenCache()
    for _ in range(1000):
        kept.put(b"a", ADA, now=NOW, expires=NOW + 60)
    assert kept._bytes == _size(ADA)


def test_expired_entries_are_dropped_as_others_are_added():
    kept = TokenCache()
    for number in range(1000):
        kept.put(number.to_bytes(2, "big"), ADA, now=NOW, expires=NOW + 60)
    for number in range(600):
        kept.put(number.to_bytes(3, "big"), ADA, now=NOW + MAX_AGE, expires=NOW + 300)
    assert len(kept._entries) == 600
    for each in list(kept._entries.values()):
        kept.forget(each.identity.issuer)
    assert (kept._entries, kept._bytes) == ({}, 0)


RECORD = Record("a@example.org", AuthProvider.OIDC, {"first_name": "Ada", "last_name": None})
KINDS = {
    "plain": lambda n: replace(ADA, subject=f"{n}"),
    "of a long name": lambda n: replace(ADA, subject=f"{n}\U0001f469" * 30),
    "of many scopes": lambda n: replace(ADA, scopes=frozenset(f"{n}-{s}" for s in range(200))),
    "of few scopes": lambda n: replace(ADA, scopes=frozenset({f"{n}", "openid"})),
    "of a long scope": lambda n: replace(ADA, scopes=frozenset({f"{n}\u0416" * 400})),
    "with a record": lambda n: replace(ADA, subject=f"{n}", record=replace(RECORD, email=f"{n}@example.org")),
    "with long names": lambda n: replace(
        ADA, record=replace(RECORD, names={"first_name": f"{n}\u0416" * 15, "last_name": f"{n}\u0416" * 15})
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_the_cache_stays_within_its_bytes_whatever_the_tokens_are(kind):
    kept = TokenCache(1024 * 1024)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(1400, 3000):
            tenant = UUID(int=1 << 120 | number)
            identity = replace(KINDS[kind](number), tenant_id=tenant)
            kept.put(
                sha256(str(number).encode()).digest(), identity, now=NOW + 0.5, expires=NOW + 60.5
            )
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert 0.5 * kept._bytes < taken < 1.2 * 1024 * 1024
