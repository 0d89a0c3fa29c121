"""Fetching a key set over HTTP, with limits on size and time and without redirects."""

from __future__ import annotations

import asyncio
import re
import ssl
from codecs import BOM_UTF8
from functools import cache
from ssl import SSLContext
from typing import NamedTuple

import httpx2
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from profile_infra.secret_urls import masked
from profile_infra.tokens.issuers import Issuer, UnusableKeys, safe_url
from profile_infra.tokens.strict import described, read_json_object

MAX_BYTES = 256 * 1024
MAX_SECONDS = 5.0
DISCOVERY = "/.well-known/openid-configuration"

# Only traceparent: the caller's baggage is not passed on.
_trace = TraceContextTextMapPropagator()

_MAX_AGE = re.compile(r'(?:^|,)\s*max-age\s*=\s*"?(\d{1,9})"?\s*(?=,|$)', re.IGNORECASE)
_NOT_FRESH = re.compile(r"(?:^|,)\s*no-(?:store|cache)\s*(?=[,=]|$)", re.IGNORECASE)


class Fetched(NamedTuple):
    """A document, its ``max_age`` in seconds (None without the header), and its masked URL."""

    document: bytes
    max_age: int | None
    source: str = "its key set"


async def fetch_key_set(issuer: Issuer) -> Fetched:
    """The issuer's key set, located by OpenID Connect Discovery 1.0 if ``discovery`` is set.

    At most 5 s in total, and 256 KiB per document. Raises UnusableKeys.
    """
    until = asyncio.get_running_loop().time() + MAX_SECONDS
    async with httpx2.AsyncClient(
        verify=_trusted(), timeout=MAX_SECONDS, follow_redirects=False
    ) as client:
        url = issuer.jwks_url or await _discover(client, issuer, until)
        return await _get(client, url, issuer, until)


async def _discover(client: httpx2.AsyncClient, issuer: Issuer, until: float) -> str:
    """``jwks_uri`` (sections 4.1 and 4.3). The document's ``issuer`` must be this issuer."""
    address = issuer.issuer.removesuffix("/") + DISCOVERY
    fetched = await _get(client, address, issuer, until)
    body, source = fetched.document.removeprefix(BOM_UTF8), fetched.source
    try:
        document = read_json_object(body)
    except ValueError:
        came = f"{source} is {described(body)}; a JSON object was expected"
        raise UnusableKeys(issuer, came) from None
    if document.get("issuer") != issuer.issuer:
        other = _shown(document.get("issuer"))
        raise UnusableKeys(issuer, f"{source} names another issuer: {other}")
    url = document.get("jwks_uri")
    try:
        if not isinstance(url, str) or (
            issuer.issuer.startswith("https:") and not url.startswith("https:")
        ):
            raise ValueError  # noqa: TRY301  # one refusal, below
        return safe_url(url, allow_http=issuer.allow_http)
    except ValueError:
        came = _shown(document.get("jwks_uri"))
        raise UnusableKeys(issuer, f"{source} has no jwks_uri by https: {came}") from None


async def _get(client: httpx2.AsyncClient, url: str, issuer: Issuer, until: float) -> Fetched:
    try:
        async with asyncio.timeout_at(until):
            return await _read(client, url, issuer)
    except (TimeoutError, httpx2.TimeoutException):
        late = f"{masked(url)}: no answer within {MAX_SECONDS:g} s"
        raise UnusableKeys(issuer, late) from None
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise UnusableKeys(issuer, f"{masked(url)} is out of reach: {_cause(error)}") from None


async def _read(client: httpx2.AsyncClient, url: str, issuer: Issuer) -> Fetched:
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
        return Fetched(bytes(document), _max_age(answer.headers), url)


def _cause(error: BaseException) -> str:
    """The root cause, in the words of the system or of OpenSSL, which contain no secret."""
    kind = type(error).__name__
    causes = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) and len(causes) < 8:
        causes.append(cause)
    for cause in reversed(causes):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"{kind}, its certificate is not trusted: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return f"{kind}, TLS failed: {cause.reason or cause.strerror}"
        if isinstance(cause, OSError) and cause.strerror:
            return f"{kind}, {cause.strerror}"
    return kind


def _shown(value: object) -> str:
    """A value of a discovery document, masked and shortened for the log."""
    return ascii(masked(value)[:200]) if isinstance(value, str) else "not a text"


def _max_age(headers: httpx2.Headers) -> int | None:
    """``max-age`` less ``Age`` (RFC 9111 sections 4.2.1 and 5.2.2)."""
    control = headers.get("cache-control", "")
    if _NOT_FRESH.search(control):
        return 0
    max_age = _MAX_AGE.search(control)
    if max_age is None:
        return None
    age = headers.get("age", "")
    spent = int(age) if age.isascii() and age.isdigit() and len(age) < 10 else 0
    return max(0, int(max_age[1]) - spent)


@cache
def _trusted() -> SSLContext:
    """Loaded once: the system's certificates take longer to load than a key set."""
    return httpx2.create_ssl_context()
