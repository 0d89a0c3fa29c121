"""JSON and base64url as tokens and key sets carry them, read in one way or not at all."""

from __future__ import annotations

import base64
import json
from typing import Any, NoReturn


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
    """One JSON object in UTF-8, with no key twice at any depth, no NaN and no Infinity.

    Raises ValueError.
    """
    try:
        value = _decoder.decode(data.decode("utf-8"))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004  callers know one refusal: ValueError
    return value


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key stands twice")
    return members


def _no_constant(_name: str) -> NoReturn:
    raise ValueError("not a JSON number")


_decoder = json.JSONDecoder(object_pairs_hook=_distinct, parse_constant=_no_constant)
