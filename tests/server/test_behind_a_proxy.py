"""Behind a real nginx that has one connection for everybody, each is answered what is theirs."""

import json
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

import nginx
from programs import needs
from running import ME, served

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
JSON = {"Content-Type": "application/json"}
OFFER = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABk"}
# Passes an offer on, as proxies do that are set up for WebSockets.
OFFERING = """
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $http_connection;
    location / { proxy_pass http://service; }
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with served(tmp_path_factory.mktemp("served")) as server:
        yield server


def of_a_stranger(address, number):
    body = b"\nUpgrade: x" * (40 + number) + SMUGGLED
    with httpx2.Client() as client:
        answer = client.post(address + "/graphql", content=body, headers=JSON | OFFER)
    return answer.status_code, answer.json()["errors"][0]["extensions"]["code"]


def of_ada(server, address, number):
    with httpx2.Client(headers=server.headers | OFFER) as client:
        if number % 2:
            return client.get(address + ME).json()["first_name"]
        body = json.dumps({"last_name": f"L{number}"}).encode()
        return client.put(address + ME, content=body, headers=JSON).json()["last_name"]


@needs("nginx")
@pytest.mark.parametrize("locations", [nginx.KEEPING_ALIVE, OFFERING])
def test_strangers_and_people_share_a_connection_and_no_answer(server, tmp_path, locations):
    with (
        nginx.proxied(tmp_path, server.address, locations, kept=1) as address,
        ThreadPoolExecutor(2) as clients,
    ):
        for number in range(20):
            stranger = clients.submit(of_a_stranger, address, number)
            assert of_ada(server, address, number) == ("Ada" if number % 2 else f"L{number}")
            assert stranger.result() == (400, "malformed_json")
