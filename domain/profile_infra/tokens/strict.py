"""Strict parsing of the JSON and base64url in tokens and key sets."""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from typing import Any, Final

from profile_domain.errors import DomainError
from profile_domain.requests.bodies import parse_json_object

_TO_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")
_TO_STANDARD: Final = bytes.maketrans(b"-_", b"+/")


def read_base64url(text: str) -> bytes:
    """Base64url without padding, white space or spare bits (RFC 7515 section 2).

    Raises ValueError.
    """
    sent = text.encode("ascii")
    data = a2b_base64(sent.translate(_TO_STANDARD) + b"=" * (-len(sent) % 4))
    # The decoder ignores invalid characters, so the canonical form is compared.
    if b2a_base64(data, newline=False).rstrip(b"=").translate(_TO_URL_SAFE) != sent:
        raise ValueError("not canonical base64url")
    return data


def described(document: bytes) -> str:
    """What a document is that should be a JSON object; quotes none of its values."""
    try:
        names = list(read_json_object(document))
    except ValueError:
        if not document.strip():
            return "nothing"
        kind = "HTML or XML" if document.lstrip()[:1] == b"<" else "no JSON object"
        return f"{kind} of {len(document):,} bytes"
    shown = ", ".join(ascii(name[:40]) for name in names[:5])
    return (
        f"an object with {shown}{', …' if len(names) > 5 else ''}" if names else "an empty object"
    )


def read_json_object(data: bytes) -> dict[str, Any]:
    """One JSON object, see ``parse_json_object``. Raises ValueError."""
    try:
        return parse_json_object(data, exact_integers=True)
    except DomainError:
        raise ValueError("not one unambiguous JSON object") from None
