"""A fake of the network for key sets: a clock, the keys, and a count of fetches."""

import asyncio

import pytest

from key_server import key_set
from profile_domain.errors import Code, DomainError
from profile_infra.tokens.fetched_keys import FetchedKeys
from profile_infra.tokens.issuers import UnusableKeys
from profile_infra.tokens.jwks_over_http import Fetched
from profile_testing.signing import issuer

ISSUER = issuer(secret=None, algorithms=["RS256"], jwks_url="https://idp.example/keys")


class Provider:
    """The network's place: a clock, the key set there is, and how often it was asked for."""

    def __init__(self, *names):
        self.names = names
        self.max_age = None
        self.down = False
        self.now = 1000.0
        self.fetches = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def fetch(self, _issuer):
        self.fetches += 1
        await self.gate.wait()
        if self.down:
            raise UnusableKeys(ISSUER, "down")
        document = key_set(*self.names).partition(b"\r\n\r\n")[2]
        return Fetched(document, self.max_age)

    def keys(self, **options):
        return FetchedKeys(ISSUER, fetch=self.fetch, now=lambda: self.now, **options)


async def finds(keys, kid):
    return bool(await keys.keys_for(kid, "RS256"))


async def refused(keys, kid="a"):
    with pytest.raises(DomainError) as error:
        await keys.keys_for(kid, "RS256")
    assert error.value.code is Code.UNAVAILABLE
    return error.value.retry_after


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)
