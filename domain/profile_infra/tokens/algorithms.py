"""Signature algorithms that python-jose lacks, added by ``jose.jwk.register_key``.

RSASSA-PSS (RFC 7518 section 3.5) and Ed25519 (RFC 8037 section 3.1, RFC 9864), for verification.
"""

from __future__ import annotations

from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from jose import jwk
from jose.backends.base import Key
from jose.backends.cryptography_backend import CryptographyRSAKey

from profile_infra.tokens.strict import read_base64url

PSS_ALGORITHMS: Final = ("PS256", "PS384", "PS512")
EDWARDS_ALGORITHMS: Final = ("EdDSA", "Ed25519")


class PssKey(CryptographyRSAKey):
    """An RSA key for RSASSA-PSS; the salt is as long as the hash (RFC 7518 section 3.5)."""

    def __init__(self, key: Any, algorithm: str) -> None:  # noqa: ANN401  # as python-jose has it
        super().__init__(key, algorithm.replace("PS", "RS"))

    def verify(self, msg: bytes, sig: bytes) -> bool:
        digest = self.hash_alg()
        padding = PSS(MGF1(digest), salt_length=digest.digest_size)
        try:
            self.prepared_key.verify(sig, msg, padding, digest)
        except InvalidSignature:
            return False
        return True


class Ed25519Key(Key):
    """``key`` is a JWK with the public key as its ``x``."""

    def __init__(self, key: dict[str, str], _algorithm: str) -> None:
        self._key = Ed25519PublicKey.from_public_bytes(read_base64url(key["x"]))

    def verify(self, msg: bytes, sig: bytes) -> bool:
        try:
            self._key.verify(sig, msg)
        except InvalidSignature:
            return False
        return True


for _algorithm in PSS_ALGORITHMS:
    jwk.register_key(_algorithm, PssKey)
for _algorithm in EDWARDS_ALGORITHMS:
    jwk.register_key(_algorithm, Ed25519Key)
