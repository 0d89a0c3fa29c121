"""The fuzzers' targets hold for their seeds, and for changes of them."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def targets():
    """``fuzz/targets.py``, which is no package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FUZZ))
        import targets  # noqa: PLC0415  # after its folder can be found

        yield targets


FUZZ = Path(__file__).parents[2] / "fuzz"
NAMES = ["avatar", "graphql_document", "request_framing", "rest_body", "token"]


def test_each_target_is_tested(targets):
    assert sorted(targets.TARGETS) == NAMES


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=150)
@given(data=st.data())
def test_no_bytes_break_it(targets, name, data):
    seed = data.draw(st.sampled_from([b"", *targets.seeds(name)]))
    start = data.draw(st.integers(0, len(seed)))
    end = data.draw(st.integers(start, len(seed)))
    targets.TARGETS[name](seed[:start] + data.draw(st.binary(max_size=40)) + seed[end:])
