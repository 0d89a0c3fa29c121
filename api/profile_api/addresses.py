"""Addresses that an operator writes: origins of pages, and where people reach the service."""

from __future__ import annotations

from pydantic_core import Url, ValidationError

# The default ports that browsers leave out of an origin.
_DEFAULT_PORTS = {"http": 80, "https": 443}


def check_origin(text: str) -> str:
    """The text, if a browser can send it as an ``Origin`` (RFC 6454 section 6.2), which is compared
    byte by byte; ``*`` is every origin and ``null`` that of pages without one.

    Raises ValueError that says what to write instead.
    """
    if text in {"*", "null"}:
        return text
    try:
        url = Url(text if "://" in text else "https://" + text.lstrip("/"))
    except ValidationError:
        url = None
    # Behind an @ may stand what is left of a password, which is not quoted.
    if url is None or not url.host or set("*,") & set(url.host) or "@" in text:
        raise ValueError(
            'an origin is a scheme, a host and, if need be, a port, such as "https://app.example";'
            " name each in full"
        )
    port = "" if url.port in {None, _DEFAULT_PORTS.get(url.scheme)} else f":{url.port}"
    origin = f"{url.scheme}://{url.host}{port}"
    if text != origin:
        raise ValueError(f'browsers never send it so; write "{origin}"')
    return text


def public_url(text: str) -> str:
    """The text without a slash at its end, so that paths can follow. Raises ValueError."""
    try:
        url = Url(text)
    except ValidationError:
        url = None
    if (
        url is None
        or url.scheme not in _DEFAULT_PORTS
        or {url.username, url.password, url.query, url.fragment} != {None}
    ):
        raise ValueError(
            "write where people reach the service, with the prefix if there is one and nothing"
            ' behind it, such as "https://app.example/profile"'
        )
    return str(url).rstrip("/")
