"""The avatar as uploaded (a data URI) and as stored; the rules for its form."""

from __future__ import annotations

import binascii
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from profile_domain.errors import Code, FieldRefused

MAX_BYTES = 256 * 1024
MAX_SIDE = 4096
STORED_SIDE = 512

# A parameter's value is percent-encoded (RFC 2397 section 3) or a quoted string (RFC 2045 section
# 5.1). Only the ";base64" right before the data is the marker.
_DATA_URI = re.compile(
    r"data:(image/[a-z0-9][a-z0-9.+-]{0,99})"
    r"""(?:;(?!base64,)[^\s;,="]++(?:=(?:"(?:[^"\\]|\\.)*+"|[^\s;,"]++))?)*+"""
    r";base64,",
    re.IGNORECASE,
)
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
# The last characters before the padding whose pad bits are zero (RFC 4648 section 3.5).
_BEFORE_PADDING = {0: frozenset(_ALPHABET), 1: frozenset(_ALPHABET[::4]), 2: frozenset(b"AQgw")}


@dataclass(frozen=True)
class Avatar:
    """A stored picture; ``image`` is None if it was loaded without its bytes."""

    media_type: str
    digest: bytes
    image: bytes | None = None

    @classmethod
    def of(cls, media_type: str, image: bytes) -> Avatar:
        return cls(media_type, sha256(image).digest(), image)

    @property
    def address_digest(self) -> str:
        """The digest as it stands in the picture's address: base64url without padding."""
        return urlsafe_b64encode(self.digest).rstrip(b"=").decode("ascii")

    @cached_property
    def data_uri(self) -> str:
        """``data:<type>;base64,<data>`` (RFC 2397); needs the image to be loaded."""
        if self.image is None:
            raise ValueError("this avatar was loaded without its image")
        data = binascii.b2a_base64(self.image, newline=False).decode("ascii")
        return f"data:{self.media_type};base64,{data}"


@dataclass(frozen=True)
class Upload:
    """An uploaded picture: its declared type in lower case, and 1 to 262,144 bytes in base64."""

    declared_type: str
    base64: bytes

    @classmethod
    def of(cls, declared_type: str, image: bytes) -> Upload:
        return cls(declared_type, binascii.b2a_base64(image, newline=False))

    @cached_property
    def image(self) -> bytes:
        return binascii.a2b_base64(self.base64)

    @cached_property
    def digest(self) -> bytes:
        return sha256(self.image).digest()

    def is_stored_as(self, avatar: Avatar | None) -> bool:
        """Whether type and bytes are the same as the stored ones."""
        return (
            avatar is not None
            and self.declared_type == avatar.media_type
            and self.digest == avatar.digest
        )


def read_data_uri(text: str) -> Upload:
    """The picture in ``data:image/…;base64,…`` (RFC 2397), in strict base64 (RFC 4648 section 4).

    Raises FieldRefused with ``avatar_malformed`` or ``avatar_too_large``.
    """
    head = _DATA_URI.match(text)
    if head is None or not text.isascii():
        raise FieldRefused(Code.AVATAR_MALFORMED)
    data = text[head.end() :].encode("ascii")
    digits = data.rstrip(b"=")
    padding = len(data) - len(digits)
    if (
        not digits
        or len(data) % 4
        or padding > 2
        or digits.translate(None, _ALPHABET)
        or digits[-1] not in _BEFORE_PADDING[padding]
    ):
        raise FieldRefused(Code.AVATAR_MALFORMED)
    if len(data) // 4 * 3 - padding > MAX_BYTES:
        raise FieldRefused(Code.AVATAR_TOO_LARGE, max_bytes=MAX_BYTES)
    declared = head[1].lower()
    return Upload("image/jpeg" if declared == "image/jpg" else declared, data)
