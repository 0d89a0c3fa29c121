"""An early refusal of a large body reaches every client, and its next request is answered."""

import subprocess

import pytest

from profile_testing import nginx
from profile_testing.sending import HOWS, NEEDS, command_of, statuses
from programs import found, needs, skip_without
from running import ME, served

pytestmark = pytest.mark.journey

TIMES = 3
REFUSED = [
    (("POST", "/graphql", 3_000_000), "413"),
    (("PUT", ME, 1_500_000), "401"),
    (("PUT", "/nowhere", 1_500_000), "404"),
    (("PUT", "/healthz", 1_500_000), "405"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with served(tmp_path_factory.mktemp("served")) as server:
        yield server


@pytest.fixture(scope="module")
def behind(server, tmp_path_factory):
    """An nginx with its defaults, and one that keeps its connections."""
    skip_without("nginx")
    by_default, keeping = (tmp_path_factory.mktemp(name) for name in ("nginx", "keeping"))
    with (
        nginx.proxied(by_default, server.address) as one,
        nginx.proxied(keeping, server.address, nginx.KEEPING_ALIVE, kept=4) as other,
    ):
        yield one, other


@pytest.fixture(scope="module")
def commands(tmp_path_factory):
    """How to start each client that is there."""
    folder = tmp_path_factory.mktemp("compiled")
    return {
        client: command_of(client, folder)
        for client in HOWS
        if client not in NEEDS or found(NEEDS[client])
    }


def of_every_client(test):
    cases = [
        pytest.param((client, how), marks=[needs(NEEDS[client])] if client in NEEDS else [])
        for client, hows in HOWS.items()
        for how in hows
    ]
    return pytest.mark.parametrize("sender", cases, ids=str)(test)


@of_every_client
@pytest.mark.parametrize(("large", "status"), REFUSED)
def test_every_client_reads_why(server, commands, sender, large, status):
    client, how = sender
    answered = statuses(commands[client], server.address, large, how, TIMES)
    assert answered == [status, "200"] * TIMES


@pytest.mark.parametrize(("large", "status"), REFUSED)
@pytest.mark.parametrize("client", ["urllib", pytest.param("ruby", marks=needs("ruby"))])
def test_nginx_passes_the_refusal_on(behind, commands, client, large, status):
    how = "keep" if client == "ruby" else "close"
    for address in behind:
        answered = statuses(commands[client], address, large, how, TIMES)
        assert answered == [status, "200"] * TIMES


@needs("curl")
@pytest.mark.parametrize("path", ["/graphql", "/nowhere"])
def test_curl_offers_http_2_with_a_body_and_reads_every_answer(server, tmp_path, path):
    (tmp_path / "body").write_bytes(b'{"query": "{ __typename }"}')
    one = ["-d@body", "-HContent-Type: application/json", "-w%{http_code}|", "-o/dev/null"]
    command = ["curl", "-sS", "--http2", *one, server.address + path, "--next", "-sS", *one]
    done = subprocess.run(
        [*command, server.address + path], cwd=tmp_path, capture_output=True, check=True, text=True
    )
    assert done.stdout == ("200|200|" if path == "/graphql" else "404|404|")
