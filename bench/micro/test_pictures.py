"""A picture of some 100 KiB read: one that is clean already, and one to make smaller."""

from __future__ import annotations

from typing import Any

import pytest

from profile_domain.pictures.avatar import read_data_uri
from profile_infra.pictures.cleaning import clean
from profile_testing.images import data_uri, jpeg, noise, photo, png, upload

PICTURES = {
    "png": png(noise(184, 184)),
    "jpeg": jpeg(noise(338, 338), quality=90),
}
LARGE = jpeg(photo(3_000, 2_000), quality=95)


@pytest.mark.parametrize("form", PICTURES)
def test_picture_clean_already(benchmark: Any, form: str) -> None:
    image = PICTURES[form]
    assert 90 < len(image) / 1024 < 110
    kept = benchmark(clean, upload(image))
    assert kept.image == image


def test_picture_made_smaller(benchmark: Any) -> None:
    """From six million pixels."""
    kept = benchmark(clean, upload(LARGE))
    assert len(kept.image) < len(LARGE)


def test_picture_text_read(benchmark: Any) -> None:
    """The data URI to bytes."""
    text = data_uri(PICTURES["png"])
    assert benchmark(read_data_uri, text).image == PICTURES["png"]
