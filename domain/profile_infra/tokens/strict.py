"""JSON and base64url as tokens and key sets carry them, read in one way or not at all."""

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
    # The decoder passes over what it does not know; only the canonical form comes back the same.
    if base64.urlsafe_b64encode(data).rstrip(b"=") != text.encode("ascii"):
        raise ValueError("not canonical base64url")
    return data


def read_json_object(data: bytes) -> dict[str, Any]:
    """One JSON object as in a request's body, with exact integers. Raises ValueError."""
    try:
        return parse_json_object(data, exact_integers=True)
    except DomainError:
        raise ValueError("not one unambiguous JSON object") from None
