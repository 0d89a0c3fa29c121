"""The keys of an issuer: from a secret, a file, or fetched."""

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
        """At most eight keys that may have signed a token, the most likely first.

        ``tried`` have failed already; the set may be fetched again then. Raises only
        ``unavailable``, if there are no keys.
        """

    def kids(self, algorithm: str, /) -> Sequence[str | None]:
        """The ``kid`` of each loaded key for an algorithm; None for a key without one."""


class SharedSecret:
    """The issuer's secrets. They have no ``kid``, so the token's is ignored."""

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
    """``kept``: for how many seconds fetched keys are used in an outage. Raises UnusableKeys."""
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
    """One key per secret; the first signs. Raises UnusableKeys if there is no secret, or if it is a
    public key.
    """
    if issuer.secret is None:
        raise UnusableKeys(issuer, "it has no secret to sign with")
    try:
        return [jwk.construct(each.get_secret_value(), algorithm) for each in issuer.secret]
    except (JOSEError, ValueError):
        reason = "its secret is a public key, or no text; make a random one"
        raise UnusableKeys(issuer, reason) from None
