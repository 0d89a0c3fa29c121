"""Keys, key sets and tokens for tests: honest ones, and forged ones put together by hand."""

import base64
import functools
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from profile_domain.errors import DomainError
from profile_infra.tokens.issuers import Issuer
from profile_infra.tokens.jose import JoseTokens
from profile_infra.tokens.keys import keys_of

TENANT = "7f1b3c5e-2d4a-4c6b-8e9f-0a1b2c3d4e5f"
OTHER_TENANT = "00000000-0000-4000-8000-000000000002"
ISSUER = "https://idp.example"
AUDIENCE = "profile"
SECRET = "not-a-real-secret-but-long-enough-for-tests"

type_of_curve = {"P-256": ec.SECP256R1, "P-384": ec.SECP384R1, "P-521": ec.SECP521R1}
hash_of = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
Signer = Callable[[bytes], bytes]


def rsa_key(name: str = "first", bits: int = 2048) -> rsa.RSAPrivateKey:
    """The same key for the same name, since making one takes a while."""
    return _rsa_key(name, bits)


@functools.cache
def _rsa_key(name: str, bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def ec_key(curve: str = "P-256", name: str = "first") -> ec.EllipticCurvePrivateKey:
    return _ec_key(curve, name)


@functools.cache
def _ec_key(curve: str, name: str) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(type_of_curve[curve]())


def edwards_key(name: str = "first") -> ed25519.Ed25519PrivateKey:
    return _edwards_key(name)


@functools.cache
def _edwards_key(name: str) -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


def b64(data: bytes | int, length: int | None = None) -> str:
    """Base64url without padding, of bytes or of a number (in ``length`` bytes)."""
    if isinstance(data, int):
        data = data.to_bytes(length or (data.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def public_jwk(key: PrivateKey, **members: Any) -> dict[str, Any]:
    """The public half as a JWK, with members such as ``kid``, ``alg`` or ``use`` added."""
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.public_key().public_numbers()
        return {"kty": "RSA", "n": b64(numbers.n), "e": b64(numbers.e)} | members
    if isinstance(key, ed25519.Ed25519PrivateKey):
        x = b64(key.public_key().public_bytes_raw())
        return {"kty": "OKP", "crv": "Ed25519", "x": x} | members
    point = key.public_key().public_numbers()
    curve = next(name for name, kind in type_of_curve.items() if isinstance(key.curve, kind))
    size = (key.curve.key_size + 7) // 8
    return {"kty": "EC", "crv": curve, "x": b64(point.x, size), "y": b64(point.y, size)} | members


def private_jwk(key: PrivateKey, **members: Any) -> dict[str, Any]:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return public_jwk(key, d=b64(key.private_bytes_raw()), **members)
    numbers = key.private_numbers()
    secret = numbers.d if isinstance(key, rsa.RSAPrivateKey) else numbers.private_value
    return public_jwk(key, d=b64(secret), **members)


def pem(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def der(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def write_jwks(path: Path, *keys: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"keys": keys}))
    return path


def issuer(**changes: Any) -> Issuer:
    """An issuer with ``SECRET`` and HS256; a field changed to None is left out."""
    fields = {
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "algorithms": ["HS256"],
        "secret": SECRET,
    } | changes
    return Issuer.model_validate({k: v for k, v in fields.items() if v is not None})


def tokens_of(*issuers: Issuer, now: Callable[[], float] = time.time) -> JoseTokens:
    """Verification for these issuers, or for ``issuer()``, with the keys they name."""
    return JoseTokens({each: keys_of(each) for each in issuers or [issuer()]}, now=now)


async def outcome(tokens: JoseTokens, sent: str) -> str:
    """``accepted``, the reason of ``unauthenticated``, or another error's code."""
    try:
        await tokens.verify(sent)
    except DomainError as refused:
        return refused.details.get("reason", refused.code)
    return "accepted"


def claims(now: float | None = None, **changes: Any) -> dict[str, Any]:
    """Claims that ``issuer()`` would make, good for five minutes; ``...`` leaves one out."""
    now = int(time.time() if now is None else now)
    whole = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "ada",
        "tenant_id": TENANT,
        "iat": now,
        "exp": now + 300,
    } | changes
    return {name: value for name, value in whole.items() if value is not ...}


def signer(algorithm: str, key: PrivateKey | bytes | str) -> Signer:
    """What signs as JWA says (RFC 7518 section 3), without asking whether key and name agree."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign
    kind, digest = algorithm[:2], hash_of[algorithm[2:]]
    if isinstance(key, bytes | str):
        secret = key.encode() if isinstance(key, str) else key
        return lambda data: hmac.digest(secret, data, getattr(hashlib, f"sha{algorithm[2:]}"))
    if isinstance(key, rsa.RSAPrivateKey):
        salted = padding.PSS(padding.MGF1(digest()), padding.PSS.DIGEST_LENGTH)
        scheme = salted if kind == "PS" else padding.PKCS1v15()
        return lambda data: key.sign(data, scheme, digest())
    size = (key.curve.key_size + 7) // 8

    def sign(data: bytes) -> bytes:
        halves = decode_dss_signature(key.sign(data, ec.ECDSA(digest())))
        return b"".join(half.to_bytes(size, "big") for half in halves)

    return sign


def token(
    payload: dict[str, Any] | bytes | None = None,
    *,
    algorithm: str = "HS256",
    key: PrivateKey | bytes | str = SECRET,
    header: dict[str, Any] | bytes | None = None,
    sign: Signer | None = None,
) -> str:
    """A compact JWS; header and payload may be raw bytes, and ``sign`` any function.

    A header that is a dict is added to ``typ`` and ``alg``; ``...`` leaves a member out.
    """
    if not isinstance(header, bytes):
        members = {"typ": "JWT", "alg": algorithm} | (header or {})
        header = _json({name: value for name, value in members.items() if value is not ...})
    if not isinstance(payload, bytes):
        payload = _json(claims() if payload is None else payload)
    signed = f"{b64(header)}.{b64(payload)}"
    signature = (sign or signer(algorithm, key))(signed.encode())
    return f"{signed}.{b64(signature)}"


def sign_for(made: Issuer, **changes: Any) -> str:
    """A token of an issuer with ``SECRET``; see ``claims`` for the changes."""
    return token(claims(iss=made.issuer, **changes))


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
