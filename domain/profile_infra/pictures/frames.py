"""The frames on the pipes of a worker process: a kind, then bytes; and the time for each."""

from __future__ import annotations

import json
from struct import Struct
from typing import Final

from profile_domain.errors import Code, FieldRefused

HEAD: Final = Struct("<HI")  # the lengths of the two
REFUSED: Final = "refused"
MAX_SECONDS: Final = 10  # for a picture


def frame(kind: str, data: bytes) -> bytes:
    """``kind`` is a media type or REFUSED; both lengths come first, see HEAD.

    In a request for a size, the side in pixels and a space precede the media type.
    """
    name = kind.encode()
    return HEAD.pack(len(name), len(data)) + name + data


def of_refusal(refused: FieldRefused) -> bytes:
    return frame(REFUSED, json.dumps([refused.code, refused.limits]).encode())


def refusal(data: bytes) -> FieldRefused:
    code, limits = json.loads(data)
    return FieldRefused(Code(code), **limits)
