"""Verification of bearer tokens: JWTs (RFC 7519, RFC 8725, RFC 9068)."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import lru_cache, partial
from hashlib import sha256
from typing import Any, NamedTuple

from jose import jwt
from jose.backends.base import Key

from profile_domain.caller import Identity
from profile_domain.errors import DomainError, unauthenticated, unavailable
from profile_infra.reloading import Reloaded
from profile_infra.tokens.cache import TokenCache
from profile_infra.tokens.claims import identity_of
from profile_infra.tokens.fetched_keys import FetchedKeys
from profile_infra.tokens.issuers import Issuer, refuse_duplicates
from profile_infra.tokens.jwks import KeySet
from profile_infra.tokens.keys import Keys, KeysInFile, secret_keys
from profile_infra.tokens.strict import read_base64url, read_json_object

_log = logging.getLogger(__name__)

MAX_LENGTH = 16 * 1024
MAX_CACHED_HEADERS = 128
MAX_CACHED_HEADER = 512  # characters
_TYPES = frozenset({"jwt", "at+jwt"})


class JoseTokens:
    """Verifies tokens of the given issuers, each with its own keys.

    Keys in a token (``jwk``, ``jku``, ``x5c``, ``x5u``) are ignored. ``now`` is in seconds since
    the epoch.
    """

    def __init__(
        self, issuers: Mapping[Issuer, Keys], *, now: Callable[[], float] = time.time
    ) -> None:
        refuse_duplicates(issuers)
        self._issuers = {issuer.issuer: (issuer, keys) for issuer, keys in issuers.items()}
        self._now = now
        self.verified = TokenCache()
        for issuer, keys in issuers.items():
            if isinstance(keys, KeysInFile):
                keys.on_removal = partial(self.forget, issuer.issuer)

    @property
    def files(self) -> list[Reloaded[KeySet]]:
        """The key sets that stand in files."""
        return [keys.file for _, keys in self._issuers.values() if isinstance(keys, KeysInFile)]

    async def verify(self, token: str) -> Identity:
        """Raises ``unauthenticated`` (``invalid`` or ``expired``), or ``unavailable``."""
        try:
            digest = sha256(token.encode("ascii")).digest()
            return self.verified.get(digest, self._now()) or await self._verify(token, digest)
        except DomainError:
            raise
        except ValueError:
            raise unauthenticated("invalid", "form") from None
        except OSError as error:  # the machine's, for example no file left to open
            _log.warning("a token could not be verified: %s", error.strerror)
            raise unavailable() from None
        except Exception as error:  # noqa: BLE001  # no token may cause a 500
            _log.warning("a token broke its verification: %s", type(error).__name__)
            raise unauthenticated("invalid", "form") from None

    @asynccontextmanager
    async def with_fresh_keys(self) -> AsyncIterator[None]:
        """Refreshes keys in the background; drops cached tokens when a key is removed."""
        async with AsyncExitStack() as stack:
            for issuer, keys in self._issuers.values():
                if isinstance(keys, FetchedKeys):
                    forget = partial(self.forget, issuer.issuer)
                    await stack.enter_async_context(keys.kept_fresh(forget))
            yield

    @property
    def failing(self) -> int:
        """The number of issuers whose keys could not be fetched the last time."""
        return sum(
            isinstance(keys, FetchedKeys) and keys.failing for _, keys in self._issuers.values()
        )

    async def missing(self) -> str | None:
        """``signing_keys`` while no issuer has usable keys."""
        sources = [keys for _, keys in self._issuers.values()]
        there = not sources or any(
            not isinstance(each, FetchedKeys) or each.there for each in sources
        )
        return None if there else "signing_keys"

    def forget(self, issuer: str) -> None:
        """Drops the issuer's cached tokens, after its keys have changed."""
        self.verified.forget(issuer)

    async def _verify(self, token: str, digest: bytes) -> Identity:
        read = read_token(token)
        issuer, keys = self._issuers_of(read.claims)
        if fault_of_header(read.header, issuer):
            raise unauthenticated("invalid", "header")
        await check_signature(keys, read)
        now = self._now()
        identity = identity_of(issuer, read.claims, now)
        self.verified.put(digest, identity, now=now, expires=read.claims["exp"])
        return identity

    def _issuers_of(self, payload: Mapping[str, Any]) -> tuple[Issuer, Keys]:
        """Chosen by the unverified ``iss``; the signature is checked with this issuer's keys."""
        name = payload.get("iss")
        if not isinstance(name, str) or name not in self._issuers:
            raise unauthenticated("invalid", "issuer")
        return self._issuers[name]


class ReadToken(NamedTuple):
    """A compact JWS (RFC 7515 section 3.1), parsed but not verified."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signed: bytes
    signature: bytes


def read_token(token: str) -> ReadToken:
    """Raises ValueError for a malformed token, or one over 16 KiB."""
    if len(token) > MAX_LENGTH:
        raise ValueError("too long")
    signed, _, signature = token.rpartition(".")
    header, claims = signed.split(".")
    read_header = _read_cached if len(header) <= MAX_CACHED_HEADER else _read
    return ReadToken(
        read_header(header), _read(claims), signed.encode("ascii"), read_base64url(signature)
    )


def _read(part: str) -> Mapping[str, Any]:
    return read_json_object(read_base64url(part))


# An issuer's tokens have the same header for as long as it signs with the same key.
_read_cached = lru_cache(MAX_CACHED_HEADERS)(_read)


def fault_of_header(header: Mapping[str, Any], issuer: Issuer) -> str | None:
    """What is wrong with a JOSE header (RFC 7515 section 4.1); ``crit`` is always refused."""
    kind = header.get("typ", "JWT")
    if "crit" in header or "b64" in header:
        return "it has crit or b64, and no extension is understood"
    if header.get("alg") not in issuer.algorithms:
        return "its alg is not among the issuer's algorithms"
    if not isinstance(header.get("kid", ""), str):
        return "its kid is no text"
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in _TYPES:
        return "its typ is neither JWT nor at+jwt"
    return None


async def check_signature(keys: Keys, read: ReadToken) -> None:
    """Tries all matching keys, and if none fits, those of another fetch.

    Raises ``unauthenticated``, or the keys' ``unavailable``.
    """
    tried: list[Key] = []
    for _ in range(2):
        fitting = await keys.keys_for(read.header.get("kid"), read.header["alg"], tried)
        if any(key.verify(read.signed, read.signature) for key in fitting):
            return
        tried += fitting
    raise unauthenticated("invalid", "signature" if tried else "key")


def sign(issuer: Issuer, claims: Mapping[str, Any]) -> str:
    """A token signed with the issuer's first secret and first algorithm.

    ``iss`` and ``aud`` default to the issuer's; the caller sets ``exp`` and ``iat``. Raises
    UnusableKeys if the issuer has no secret.
    """
    algorithm = issuer.algorithms[0]
    own = {"iss": issuer.issuer, "aud": issuer.audience[0]}
    return jwt.encode(own | dict(claims), secret_keys(issuer, algorithm)[0], algorithm=algorithm)
