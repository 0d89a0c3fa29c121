"""The keys of an issuer: from a secret, a file, or fetched."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Protocol

from jose import jwk
from jose.backends.base import Key
from jose.exceptions import JOSEError

from profile_infra.bounded_files import read_file
from profile_infra.reloading import Reloaded
from profile_infra.tokens.fetched_keys import MAX_STALE_SECONDS, FetchedKeys
from profile_infra.tokens.issuers import Issuer, UnusableKeys
from profile_infra.tokens.jwks import KeySet, read_key_set


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


class KeysInFile:
    """The key set in the issuer's ``jwks_file``, as ``file`` keeps it.

    ``on_removal`` is called when a key that was good before is not any more.
    """

    def __init__(self, issuer: Issuer, path: Path) -> None:
        self.on_removal: Callable[[], None] = lambda: None
        self.file = Reloaded(
            "signing_keys",
            files=lambda: [path],
            read=lambda: _read_file(issuer, path),
            refusal=UnusableKeys,
            on_replaced=self._replaced,
        )

    async def keys_for(
        self, kid: str | None, algorithm: str, /, tried: Collection[Key] = ()
    ) -> Sequence[Key]:
        return await self.file.current.keys_for(kid, algorithm, tried)

    def kids(self, algorithm: str, /) -> Sequence[str | None]:
        return self.file.current.kids(algorithm)

    def _replaced(self, before: KeySet, now: KeySet) -> None:
        if not now.has_all_of(before):
            self.on_removal()


def _read_file(issuer: Issuer, path: Path) -> KeySet:
    try:
        document = read_file(path)
    except OSError as error:
        raise UnusableKeys(
            issuer,
            f"jwks_file {path} cannot be read: {error.strerror}; put the issuer's key set (a JSON"
            " object with keys) there, or set jwks_url instead",
        ) from None
    return read_key_set(document, issuer, source=f"jwks_file {path}")


def keys_of(issuer: Issuer, *, kept: float = MAX_STALE_SECONDS) -> Keys:
    """``kept``: for how many seconds fetched keys are used in an outage. Raises UnusableKeys."""
    if issuer.secret is not None:
        return SharedSecret(issuer)
    if issuer.jwks_file is not None:
        return KeysInFile(issuer, issuer.jwks_file)
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
