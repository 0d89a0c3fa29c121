"""The rules: a body parsed, a name cleaned, a change held against what is stored."""

from __future__ import annotations

from typing import Any

import pytest

from profile_domain.names import clean_name
from profile_domain.profile import Profile, ProfileUpdate
from profile_domain.requests.bodies import parse_json_object

BODY = b'{"first_name":"Ada","last_name":"Byron","display_name":"Countess of Lovelace"}'


def test_body_parsed(benchmark: Any) -> None:
    assert len(benchmark(parse_json_object, BODY)) == 3


@pytest.mark.parametrize(
    "name", ["Countess of Lovelace", "  Zo\u0065\u0308 \u738b\u5c0f\u660e "], ids=["ascii", "other"]
)
def test_name_cleaned(benchmark: Any, name: str) -> None:
    assert benchmark(clean_name, name)


def test_change_judged(benchmark: Any, profile: Profile) -> None:
    body = parse_json_object(BODY)
    assert benchmark(lambda: ProfileUpdate(body).changes_to(profile)) == {
        "display_name": "Countess of Lovelace"
    }
