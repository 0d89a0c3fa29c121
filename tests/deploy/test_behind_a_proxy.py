"""Behind a real nginx: with one connection for everybody each is answered what is theirs, and with
gzip the tag that came is the tag to send.
"""

import json
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from profile_testing import nginx
from programs import needs
from running import ME, UPDATE, served

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
COMPRESSING = """
    gzip on; gzip_types application/json;
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


@needs("nginx")
def test_the_tag_that_came_compressed_is_the_tag_to_send(server, tmp_path):
    with (
        nginx.proxied(tmp_path, server.address, COMPRESSING) as address,
        httpx2.Client(base_url=address, headers=server.headers) as client,
    ):
        read = client.get(ME, headers={"Accept-Encoding": "gzip"})
        etag = read.headers["ETag"]
        assert read.headers["Content-Encoding"] == "gzip"
        assert etag.startswith("W/")
        assert client.get(ME, headers={"If-None-Match": etag}).status_code == 304
        statuses = [
            client.put(ME, json={"display_name": name}, headers={"If-Match": etag}).status_code
            for name in ("Countess", "Enchantress")
        ]
        assert statuses == [200, 412]
        assert client.get(ME, headers={"If-None-Match": etag}).json()["display_name"] == "Countess"


@needs("nginx")
def test_a_tag_of_a_compressed_answer_holds_by_graphql_too(server, tmp_path):
    with (
        nginx.proxied(tmp_path, server.address, COMPRESSING) as address,
        httpx2.Client(base_url=address, headers=server.headers) as client,
    ):
        etag = client.get(ME, headers={"Accept-Encoding": "gzip"}).headers["ETag"]
        results = [
            client.post(
                "/graphql",
                json={
                    "query": UPDATE,
                    "variables": {"input": {"displayName": name}, "ifMatch": etag},
                },
            ).json()["data"]["updateMyProfile"]
            for name in ("Augusta", "Byron")
        ]
        assert results[0]["displayName"] == "Augusta"
        assert results[1]["code"] == "precondition_failed"
