"""Where the keys come from that one issuer's tokens are verified with."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from jose import jwk
from jose.backends.base import Key
from jose.exceptions import JOSEError

from profile_infra.tokens.fetched_keys import MAX_STALE_SECONDS, FetchedKeys
from profile_infra.tokens.issuers import Issuer, UnusableKeys
from profile_infra.tokens.jwks import read_key_set


class Keys(Protocol):
    """The keys of one issuer."""

    async def keys_for(
        self, kid: str | None, algorithm: str, /, tried: Collection[Key] = ()
    ) -> Sequence[Key]:
        """Those that may have signed a token, the likeliest first, eight at most.

        ``tried`` are those that have not; others may be fetched then. Raises only ``unavailable``,
        when there are none.
        """

    def kids(self, algorithm: str, /) -> Sequence[str | None]:
        """The names of the keys at hand that serve an algorithm; None is one without a name."""


class SharedSecret:
    """The issuer's secrets; they have no names, so a token's ``kid`` says nothing."""

    def __init__(self, issuer: Issuer) -> None:
        self._keys: dict[str, list[Key]] = {
            each: secret_keys(issuer, each) for each in issuer.algorithms
        }

    async def keys_for(
        self, _kid: str | None, algorithm: str, /, tried: Collection[Key] = ()
    ) -> Sequence[Key]:
        return [key for key in self._keys.get(algorithm, ()) if key not in tried]

    def kids(self, algorithm: str, /) -> Sequence[str | None]:
        return [None for _ in self._keys.get(algorithm, ())]


def keys_of(issuer: Issuer, *, kept: float = MAX_STALE_SECONDS) -> Keys:
    """``kept`` is how long fetched keys outlive an outage, in seconds. Raises UnusableKeys."""
    if issuer.secret is not None:
        return SharedSecret(issuer)
    if issuer.jwks_file is not None:
        try:
            document = issuer.jwks_file.read_bytes()
        except OSError as error:
            raise UnusableKeys(issuer, f"jwks_file cannot be read: {error.strerror}") from None
        return read_key_set(document, issuer, source=f"jwks_file {issuer.jwks_file}")
    return FetchedKeys(issuer, kept=kept)


def secret_keys(issuer: Issuer, algorithm: str) -> list[Key]:
    """The first signs. Raises UnusableKeys for an issuer without a secret or with a public key as
    its secret.
    """
    if issuer.secret is None:
        raise UnusableKeys(issuer, "it has no secret to sign with")
    try:
        return [jwk.construct(each.get_secret_value(), algorithm) for each in issuer.secret]
    except (JOSEError, ValueError):
        reason = "its secret is a public key, or no text; make a random one"
        raise UnusableKeys(issuer, reason) from None
