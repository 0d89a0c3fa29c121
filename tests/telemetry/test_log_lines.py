"""A line of the log never fails whoever writes it."""

import io
import json

import pytest

from profile_api.telemetry import logs
from running import Nowhere


@pytest.fixture
def stream():
    stream = io.StringIO()
    logs.configure("json", stream)
    yield stream
    logs.configure("json", Nowhere())


def test_a_file_name_that_is_not_utf8_is_logged(stream):
    name = b"/policies/caf\xe9.cedar".decode("utf-8", "surrogateescape")
    logs.request_log()("a file cannot be read", name=name)
    assert json.loads(stream.getvalue())["name"] == name
