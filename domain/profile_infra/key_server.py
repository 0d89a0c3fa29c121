"""A key set from its provider's address: bounded in size and time, redirected nowhere."""

from __future__ import annotations

import asyncio
import re
from codecs import BOM_UTF8
from functools import cache
from ssl import SSLContext
from typing import NamedTuple

import httpx2
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from profile_infra.issuers import Issuer, UnusableKeys, safe_url
from profile_infra.secret_urls import masked
from profile_infra.strict import read_json_object

MAX_BYTES = 256 * 1024
MAX_SECONDS = 5.0
DISCOVERY = "/.well-known/openid-configuration"

# Not what else a caller may have sent along, its baggage.
_trace = TraceContextTextMapPropagator()

_MAX_AGE = re.compile(r'(?:^|,)\s*max-age\s*=\s*"?(\d{1,9})"?\s*(?=,|$)', re.IGNORECASE)
_NOT_FRESH = re.compile(r"(?:^|,)\s*no-(?:store|cache)\s*(?=[,=]|$)", re.IGNORECASE)


class Fetched(NamedTuple):
    """A document, and how many seconds it is fresh as its headers say; None: they say nothing."""

    document: bytes
    max_age: int | None


async def fetch_key_set(issuer: Issuer) -> Fetched:
    """The issuer's key set, looked up by OpenID Connect Discovery 1.0 if it is set to.

    Takes at most 5 s for all of it, and 256 KiB a document. Raises UnusableKeys.
    """
    try:
        async with (
            asyncio.timeout(MAX_SECONDS),
            httpx2.AsyncClient(
                verify=_trusted(), timeout=MAX_SECONDS, follow_redirects=False
            ) as client,
        ):
            url = issuer.jwks_url or await _discover(client, issuer)
            return await _get(client, url, issuer)
    except TimeoutError:
        raise UnusableKeys(issuer, f"no answer within {MAX_SECONDS:g} s") from None
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise UnusableKeys(issuer, f"out of reach: {type(error).__name__}") from None


async def _discover(client: httpx2.AsyncClient, issuer: Issuer) -> str:
    """Sections 4.1 and 4.3: the document must name the very issuer that it was asked of."""
    fetched = await _get(client, issuer.issuer.removesuffix("/") + DISCOVERY, issuer)
    try:
        document = read_json_object(fetched.document.removeprefix(BOM_UTF8))
    except ValueError:
        raise UnusableKeys(issuer, "its discovery document is no JSON object") from None
    if document.get("issuer") != issuer.issuer:
        raise UnusableKeys(issuer, "its discovery document names another issuer")
    url = document.get("jwks_uri")
    try:
        if not isinstance(url, str) or (
            issuer.issuer.startswith("https:") and not url.startswith("https:")
        ):
            raise ValueError  # noqa: TRY301  # one refusal, below
        return safe_url(url, allow_http=issuer.allow_http)
    except ValueError:
        raise UnusableKeys(issuer, "its discovery document has no jwks_uri by https") from None


async def _get(client: httpx2.AsyncClient, url: str, issuer: Issuer) -> Fetched:
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    _trace.inject(headers)
    async with client.stream("GET", url, headers=headers) as answer:
        url = masked(url)
        if answer.status_code != 200:
            redirected = ", and redirects are not followed" if answer.has_redirect_location else ""
            raise UnusableKeys(issuer, f"{url} answered {answer.status_code}{redirected}")
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise UnusableKeys(issuer, f"{url} answered in a coding that was not asked for")
        document = bytearray()
        async for part in answer.aiter_raw():
            document += part
            if len(document) > MAX_BYTES:
                raise UnusableKeys(issuer, f"{url} answered with over {MAX_BYTES:,} bytes")
        return Fetched(bytes(document), _max_age(answer.headers))


def _max_age(headers: httpx2.Headers) -> int | None:
    """What is left of ``max-age`` (RFC 9111 sections 4.2.1 and 5.2.2)."""
    control = headers.get("cache-control", "")
    if _NOT_FRESH.search(control):
        return 0
    told = _MAX_AGE.search(control)
    if told is None:
        return None
    age = headers.get("age", "")
    spent = int(age) if age.isascii() and age.isdigit() and len(age) < 10 else 0
    return max(0, int(told[1]) - spent)


@cache
def _trusted() -> SSLContext:
    """Read once: the system's certificates take longer to load than a key set."""
    return httpx2.create_ssl_context()
