"""What strangers' bytes reach first. A target raises only for a defect."""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any
from uuid import UUID

from framing import SEEDS, request_framing
from profile_domain.errors import Code, DomainError, FieldRefused
from profile_domain.pictures.avatar import Upload
from profile_domain.profile import AuthProvider, Profile, ProfileUpdate
from profile_domain.requests.bodies import read_json_object
from profile_graphql.errors import MAX_EXPLANATION, RequestRefused
from profile_graphql.execution.documents import MAX_CACHED_BYTES, Documents
from profile_graphql.execution.limits import MAX_ERRORS
from profile_graphql.schema import schema
from profile_infra.pictures.cleaning import clean
from profile_infra.tokens.issuers import Issuer
from profile_infra.tokens.jose import JoseTokens, sign
from profile_infra.tokens.keys import keys_of

SECRET = "no-real-secret-but-long-enough-for-fuzzing"
TENANT = "7f1b3c5e-2d4a-4c6b-8e9f-0a1b2c3d4e5f"
_ISSUER = Issuer(
    issuer="https://fuzz.invalid", audience=("fuzz",), algorithms=("HS256",), secret=SECRET
)
_TYPES = ("image/png", "image/jpeg", "image/webp", "image/gif")
_tokens = JoseTokens({_ISSUER: keys_of(_ISSUER)})
_documents = Documents(schema._schema, introspection=True)  # noqa: SLF001  # as app.py has it


def avatar(data: bytes) -> None:
    """A picture of any bytes is refused by a code, or stored small, clean and stable."""
    upload = Upload.of(_TYPES[data[0] % 4] if data else _TYPES[0], data[1:])
    try:
        stored = clean(upload)
    except FieldRefused as refused:
        assert refused.code.startswith("avatar_")
        return
    assert stored.image is not None
    assert len(stored.image) <= 256 * 1024
    again = clean(Upload.of(stored.media_type, stored.image))
    assert again == stored


def rest_body(data: bytes) -> None:
    """A body of any bytes is refused by a code, or is a change that the rules can judge."""
    stored = Profile(UUID(TENANT), UUID(TENANT), "a@example.org", AuthProvider.LOCAL)
    try:
        body = _run(_read(data))
        wanted = ProfileUpdate(body).changes_to(stored)
    except DomainError as refused:
        assert refused.code in Code
        return
    stored.with_changes({k: v for k, v in wanted.items() if not isinstance(v, Upload)})


def graphql_document(data: bytes) -> None:
    """A document of any text is read or refused, in time that its length bounds.

    Refuses what graphql-core refuses, or what exceeds a limit; at most ten errors are listed.
    """
    started = time.process_time()
    try:
        _documents.read(data.decode("utf-8", "surrogatepass"))
    except UnicodeDecodeError:
        return
    except RequestRefused as refused:
        assert 1 <= len(refused.errors) <= MAX_ERRORS
        for error in refused.errors:
            assert error["extensions"]["code"] is Code.INVALID_QUERY
            assert len(error["extensions"]["details"]["explanation"]) <= MAX_EXPLANATION
    assert _documents.cached_bytes <= MAX_CACHED_BYTES
    assert time.process_time() - started < 1 + len(data) / 10_000


def token(data: bytes) -> None:
    """Any text is refused, unless it was signed here; a signed part changes nothing of that."""
    text = data.decode("latin-1")
    try:
        identity = _run(_tokens.verify(text))
    except DomainError as refused:
        assert refused.code is Code.UNAUTHENTICATED
        return
    assert identity.issuer == _ISSUER.issuer
    assert text == signed_token()


def signed_token() -> str:
    """The one honest token, for the corpus."""
    claims = {"sub": "ada", "tenant_id": TENANT, "exp": 4_000_000_000}
    return sign(_ISSUER, claims)


TARGETS: dict[str, Callable[[bytes], None]] = {
    each.__name__: each for each in (avatar, rest_body, graphql_document, token, request_framing)
}


def seeds(name: str) -> list[bytes]:
    """What a fuzzer starts from."""
    pixel = base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
    )
    gif = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///ywAAAAAAQABAAACAUwAOw==")
    return {
        "avatar": [b"\0" + pixel, b"\3" + gif],
        "rest_body": [b'{"first_name": "Ada", "avatar_base64": null}', b"{}"],
        "graphql_document": [
            b"{ me { id name } }",
            b"query Q($a: Int) { ...F } fragment F on Query { __typename }",
        ],
        "token": [signed_token().encode()],
        "request_framing": SEEDS,
    }[name]


async def _read(data: bytes) -> dict[str, Any]:
    async def chunks() -> AsyncIterator[bytes]:
        yield data

    headers = {"content-type": ["application/json"]}
    return await read_json_object(headers, chunks(), max_bytes=2**20)


def _run(work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401  # whatever the work gives
    try:
        work.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("nothing here waits")
