"""A line of the log never fails whoever writes it."""

import io
import json
import logging

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
    logging.getLogger("profile").warning("%s cannot be read", name)
    assert json.loads(stream.getvalue())["event"] == f"{name} cannot be read"
