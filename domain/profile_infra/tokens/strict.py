"""Strict parsing of the JSON and base64url in tokens and key sets."""

from __future__ import annotations

import base64
from typing import Any

from profile_domain.errors import DomainError
from profile_domain.requests.bodies import parse_json_object


def read_base64url(text: str) -> bytes:
    """Base64url without padding, white space or spare bits (RFC 7515 section 2).

    Raises ValueError.
    """
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    # The decoder ignores invalid characters, so the canonical form is compared.
    if base64.urlsafe_b64encode(data).rstrip(b"=") != text.encode("ascii"):
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
