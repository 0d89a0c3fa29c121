"""What many tests share."""

import socket
from pathlib import Path

import pytest
from hypothesis import settings

from browsing import chromium, demonstrated
from running import running

settings.register_profile("tests", deadline=None, print_blob=True)
settings.load_profile("tests")


@pytest.fixture(scope="session")
async def service(tmp_path_factory):
    """One service for all tests; each makes people of its own."""
    async with running(tmp_path_factory.mktemp("service")) as service:
        yield service


@pytest.fixture
def repository():
    """The folder that holds the whole project."""
    return Path(__file__).parent.parent


@pytest.fixture
def free_port():
    """A port on the loopback interface that nobody has now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture(scope="session")
async def tab():
    """One tab of one browser for all tests."""
    async with chromium() as tab:
        yield tab


@pytest.fixture
async def demo(tmp_path):
    """A demo with fresh people, for one test."""
    async with demonstrated(tmp_path) as demo:
        yield demo
