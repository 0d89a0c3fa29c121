"""Cleaning a picture on the real Pillow, with what must hold for every result."""

from __future__ import annotations

import pytest
from PIL import Image

from profile_domain.errors import Code, FieldRefused
from profile_domain.pictures.avatar import MAX_BYTES, Avatar
from profile_domain.pictures.examine import examine
from profile_infra.pictures.cleaning import clean
from profile_testing.images import (
    opened,
    upload,
)


def cleaned(image: bytes) -> Avatar:
    """The result, which must be clean, small, and the same when it is sent in again."""
    avatar = clean(upload(image))
    assert avatar.image is not None
    found = examine(upload(avatar.image))
    assert found.media_type == avatar.media_type != "image/gif"
    assert found.clean
    assert len(avatar.image) <= MAX_BYTES
    assert clean(upload(avatar.image)) == avatar
    return avatar


def shown(avatar: Avatar) -> Image.Image:
    assert avatar.image is not None
    return opened(avatar.image)


def alike(one: Image.Image, other: Image.Image, *, within: int) -> bool:
    """Whether all pixels of two pictures are, in each channel."""
    pairs = zip(one.convert("RGBA").tobytes(), other.convert("RGBA").tobytes(), strict=True)
    return one.size == other.size and all(abs(a - b) <= within for a, b in pairs)


def refusal(image: bytes) -> Code:
    with pytest.raises(FieldRefused) as refused:
        cleaned(image)
    return refused.value.code
