"""JWK sets (RFC 7517), parsed once into public keys, one for each key and algorithm."""

from __future__ import annotations

import logging
from codecs import BOM_UTF8
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from jose import jwk
from jose.backends.base import Key

from profile_infra.tokens.algorithms import EDWARDS_ALGORITHMS
from profile_infra.tokens.issuers import Issuer, UnusableKeys
from profile_infra.tokens.strict import described, read_base64url, read_json_object

_log = logging.getLogger(__name__)

MAX_KEYS = 100
MAX_TRIED = 8
RSA_BITS = range(2048, 8192 + 1)
_RSA = ("RSA", None, ("n", "e"))
_EDWARDS = ("OKP", "Ed25519", ("x",))
# kty, crv and members of the keys for an algorithm (RFC 7518 sections 3.3 to 3.5 and 6, RFC 8037
# section 2).
_KINDS = {
    "RS256": _RSA,
    "RS384": _RSA,
    "RS512": _RSA,
    "PS256": _RSA,
    "PS384": _RSA,
    "PS512": _RSA,
    "ES256": ("EC", "P-256", ("x", "y")),
    "ES384": ("EC", "P-384", ("x", "y")),
    "ES512": ("EC", "P-521", ("x", "y")),
    "EdDSA": _EDWARDS,
    "Ed25519": _EDWARDS,
}
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class NamedKey(NamedTuple):
    """A public key for one algorithm; ``numbers`` are its JWK members, to compare keys."""

    kid: str | None
    algorithm: str
    key: Key
    numbers: tuple[str, ...]


class KeySet:
    """A fixed set of public keys."""

    def __init__(self, keys: Iterable[NamedKey]) -> None:
        self._keys = tuple(keys)

    async def keys_for(
        self, kid: str | None, algorithm: str, /, tried: Collection[Key] = ()
    ) -> Sequence[Key]:
        """Keys with this ``kid``, then those without one; without ``kid`` all that fit."""
        fitting = [
            each
            for each in self._keys
            if each.algorithm == algorithm and (kid is None or each.kid in {kid, None})
        ]
        fitting.sort(key=lambda each: each.kid != kid)
        return [each.key for each in fitting[:MAX_TRIED] if each.key not in tried]

    def kids(self, algorithm: str, /) -> Sequence[str | None]:
        return [each.kid for each in self._keys if each.algorithm == algorithm]

    def has(self, kid: str | None, algorithm: str) -> bool:
        """Whether a key has this ``kid``."""
        return kid is not None and (kid, algorithm) in (each[:2] for each in self._keys)

    def has_all_of(self, other: KeySet) -> bool:
        """Whether it has each key of the other, with the same ``kid`` and algorithm."""
        ours, theirs = (
            {(each.kid, each.algorithm, each.numbers) for each in keys._keys}  # noqa: SLF001  # its own kind
            for keys in (self, other)
        )
        return theirs <= ours


class NoUsableKeys(UnusableKeys):
    """A valid key set that has no key for the issuer's algorithms."""


def read_key_set(document: bytes, issuer: Issuer, *, source: str = "its key set") -> KeySet:
    """The usable keys of a JWK set (RFC 7517 section 5).

    Unusable keys are skipped: logged as a warning, or as information if they are for another
    purpose. Null members count as absent, a byte order mark is skipped, keys after the first 100
    are ignored. ``source`` names the document in errors. Raises UnusableKeys if the document is not
    a key set, and NoUsableKeys if no key is usable.
    """
    document = document.removeprefix(BOM_UTF8)
    try:
        listed = read_json_object(document).get("keys")
    except ValueError:
        listed = None
    if not isinstance(listed, list):
        expected = 'a JSON object with a list "keys" was expected'
        raise UnusableKeys(issuer, f"{source} is {described(document)}; {expected}")
    usable: dict[tuple[object, ...], NamedKey] = {}
    if len(listed) > MAX_KEYS:
        _log.warning("issuer %r: keys after the first %d not used", issuer.issuer, MAX_KEYS)
    passed_over: list[str] = []
    for position, member in enumerate(listed[:MAX_KEYS]):
        try:
            for each in _build(member, issuer):
                name = (each.algorithm, position if each.kid is None else each.kid)
                if usable.setdefault(name, each) is not each:
                    raise _Unusable("an earlier key has its kid")  # noqa: TRY301  one log line below
        except _Unusable as reason:
            passed_over.append(f"key {position} not used: {reason}")
            level = logging.INFO if isinstance(reason, _ForOthers) else logging.WARNING
            _log.log(level, "issuer %r: %s", issuer.issuer, passed_over[-1])
    if not usable:
        algorithms = ", ".join(issuer.algorithms)
        why = "; ".join(passed_over[:3]) or "it is empty"
        raise NoUsableKeys(issuer, f"{source}: no key in its set serves {algorithms}: {why}")
    return KeySet(usable.values())


class _Unusable(Exception):
    """Why a key is skipped; the text quotes nothing of the key."""


class _ForOthers(_Unusable):
    """A key for another purpose or algorithm."""


def _build(member: object, issuer: Issuer) -> Iterator[NamedKey]:
    if not isinstance(member, Mapping):
        raise _Unusable("it is no object")
    member = {name: value for name, value in member.items() if value is not None}
    _check_purpose(member)
    algorithms = [each for each in issuer.algorithms if _serves(member, each)]
    if not algorithms:
        raise _ForOthers("it is for none of the issuer's algorithms")
    kty, crv, names = _KINDS[algorithms[0]]
    numbers = {name: _number(member, name) for name in names}
    if kty == "RSA" and _bits(numbers["n"]) not in RSA_BITS:
        raise _Unusable("an RSA key needs 2048 to 8192 bits")
    for algorithm in algorithms:
        try:
            key = jwk.construct({"kty": kty, "crv": crv, **numbers}, algorithm)
        except Exception:  # noqa: BLE001  # an invalid key must not cost the whole set
            raise _Unusable("its numbers are no key") from None
        yield NamedKey(member.get("kid"), algorithm, key, tuple(numbers.values()))


def _check_purpose(member: Mapping[str, Any]) -> None:
    """RFC 7517 section 4. A published private key is compromised, so it is refused."""
    if member.get("kty") == "oct":
        raise _Unusable("it is symmetric")
    if member.keys() & _PRIVATE:
        raise _Unusable("it is a private key; only public keys belong in a key set")
    if not isinstance(member.get("kid", ""), str):
        raise _Unusable("its kid is no string")
    if member.get("use", "sig") != "sig":
        raise _ForOthers("its use is not sig")
    operations = member.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        raise _Unusable("its key_ops do not have verify")


def _serves(member: Mapping[str, Any], algorithm: str) -> bool:
    kty, crv, _ = _KINDS[algorithm]
    meant = member.get("alg", algorithm)
    if meant in EDWARDS_ALGORITHMS and algorithm in EDWARDS_ALGORITHMS:
        meant = algorithm  # two names of one (RFC 9864 section 2.2)
    return member.get("kty") == kty and crv in (None, member.get("crv")) and meant == algorithm


def _number(member: Mapping[str, Any], name: str) -> str:
    """The number in base64url; padding, which some providers add, is removed."""
    value = member.get(name)
    try:
        if isinstance(value, str):
            number = value.rstrip("=")
            padded = number + "=" * (-len(number) % 4)
            if value in (number, padded) and read_base64url(number):
                return number
    except ValueError:
        pass
    raise _Unusable(f"its {name} is no base64url number")


def _bits(number: str) -> int:
    return int.from_bytes(read_base64url(number), "big").bit_length()
