"""The demo answers to its own names alone: its pages hold tokens."""

import asyncio

import pytest
from starlette.testclient import TestClient

from profile_api.cli import demo
from profile_api.rest.documented import ME


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    settings = demo.settings_in(tmp_path_factory.mktemp("demo"))
    settings = settings.model_copy(update={"public_url": "https://demo.example:8443/profile"})
    people = asyncio.run(demo.fill(settings))
    with TestClient(demo.application(settings, people)) as client:
        yield client


@pytest.mark.parametrize("host", [
    "127.0.0.1", "127.0.0.1:8000", "localhost:8000", "LOCALHOST", "[::1]:8000", "[::1]", "demo.example:8443", "demo.example",
])  # fmt: skip
def test_it_answers_to_its_own_names(client, host):
    assert client.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", [
    "evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example", "evil.example:127.0.0.1",
    "[::1].evil.example", "[::1", "", ".", "127.0.0.2",
])  # fmt: skip
@pytest.mark.parametrize("path", ["/", "/graphql", "/docs", ME, "/healthz"])
def test_it_tells_nothing_to_any_other(client, host, path):
    answer = client.get(path, headers={"Host": host, "Accept": "text/html"})
    assert answer.status_code == 421
    error = answer.json()
    error = error["errors"][0]["extensions"] if "errors" in error else error
    assert error["code"] == "not_found"
    assert "localhost" in error["details"]["names"]
    assert answer.headers["x-request-id"]
