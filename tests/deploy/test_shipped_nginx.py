"""deploy/nginx in front of replicas that are well, dead, or hang: no write is sent twice, and every
error has the service's format and an id.
"""

import json
import re
import shutil
import socket
import time
from contextlib import ExitStack, contextmanager

import httpx2
import pytest

from profile_api.settings import Settings
from profile_domain.errors import Code, DomainError
from profile_graphql.errors import entry
from profile_testing import nginx, ports
from programs import needs
from replicas import ANSWERS, ENDS, HANGS, Replica
from running import ME, served

pytestmark = needs("nginx")
DEAD = "dead"
UNAVAILABLE = DomainError(Code.UNAVAILABLE, retry_after=1)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with served(tmp_path_factory.mktemp("served"), graphiql=False) as server:
        yield server


@contextmanager
def in_front_of(folder, repository, *addresses, **changed):
    """The address of the proxy of compose.yaml, in front of these."""
    there = folder / "profile"
    shutil.copytree(repository / "deploy/nginx", there)
    server = (there / "server.conf").read_text()
    for name, value in changed.items():
        server, count = re.subn(rf"{name} \w+;", f"{name} {value};", server)
        assert count == 1
    (there / "server.conf").write_text(server)
    site = (there / "compose.conf").read_text()
    site = re.sub(r"resolver .*;", "", site).replace("/dev/stdout", f"{folder}/access.log")
    (line,) = re.findall(r"  server service:8000 resolve .*\n", site)
    each = [line.replace("service:8000 resolve", address) for address in addresses]
    with ports.reserved() as held:
        port = held.getsockname()[1]
        site = site.replace(line, "".join(each)).replace("listen 8080", f"listen 127.0.0.1:{port}")
        with nginx.serving(folder, site, port):
            yield f"http://127.0.0.1:{port}"


@pytest.fixture
def proxied(server, tmp_path, repository):
    address = server.address.removeprefix("http://")
    with in_front_of(tmp_path, repository, address) as address:
        yield address


@contextmanager
def between(folder, repository, *doing):
    """A client of a proxy in front of replicas that do so, and those that are not dead.

    It waits shorter than shipped for one that hangs, where none answers.
    """
    waits = {"proxy_read_timeout": "200ms"} if HANGS in doing else {}
    with ExitStack() as stack:
        alive, addresses = [], []
        for does in doing:
            if does == DEAD:
                port = stack.enter_context(ports.reserved()).getsockname()[1]
                addresses.append(f"127.0.0.1:{port}")
            else:
                alive.append(stack.enter_context(Replica(does)))
                addresses.append(alive[-1].address)
        address = stack.enter_context(in_front_of(folder, repository, *addresses, **waits))
        yield stack.enter_context(httpx2.Client(base_url=address, timeout=60)), alive


@pytest.mark.parametrize("does", [ENDS, HANGS])
@pytest.mark.parametrize(("method", "path"), [("PUT", ME), ("POST", "/graphql")])
def test_a_write_that_reached_a_replica_is_sent_to_no_other(
    does, method, path, tmp_path, repository
):
    with between(tmp_path, repository, does, does) as (client, replicas):
        answer = client.request(method, path, json={})
        assert asked_of(replicas) == [method]
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    refusal = {"errors": [entry(UNAVAILABLE)]} if path == "/graphql" else UNAVAILABLE.as_dict()
    assert answer.json() == refusal


def asked_of(replicas):
    """What they were asked; one that hangs may come to count it later than the proxy gives up."""
    deadline = time.monotonic() + 60
    while not (asked := [each for replica in replicas for each in replica.asked]):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return asked


@pytest.mark.parametrize(("method", "path"), [("PUT", ME), ("POST", "/graphql"), ("GET", ME)])
def test_what_never_left_for_a_dead_replica_is_answered_by_another(
    method, path, tmp_path, repository
):
    with between(tmp_path, repository, DEAD, ANSWERS) as (client, (alive,)):
        for _ in range(4):
            assert client.request(method, path, json={}).json() == {}
        assert alive.asked == [method] * 4


def test_a_read_is_asked_again_elsewhere(tmp_path, repository):
    with between(tmp_path, repository, ENDS, ANSWERS) as (client, replicas):
        assert client.get(ME).headers["X-Request-ID"] == "of-the-service"
        assert [each.asked for each in replicas] == [["GET"], ["GET"]]


def test_no_replica_is_tried_twice_by_a_write(tmp_path, repository):
    with between(tmp_path, repository, DEAD, DEAD) as (client, _):
        for method, path in [("PUT", ME), ("POST", ME), ("GET", ME)]:
            answer = client.request(method, path)
            assert answer.json() == UNAVAILABLE.as_dict()
            assert answer.headers.get_list("X-Request-ID") == [answer.headers["X-Request-ID"]]


LINE = b"GET %s HTTP/1.1\r\n"
HOST = b"Host: profile.example\r\n"
LONG = b"x" * 40_000


@pytest.mark.parametrize(
    ("sent", "path", "status", "code"),
    [
        (LINE + HOST + b"A: " + LONG + b"\r\n\r\n", ME, 431, Code.HEADERS_TOO_LARGE),
        (LINE + HOST + b"A: " + LONG + b"\r\n\r\n", "/graphql", 431, Code.HEADERS_TOO_LARGE),
        (LINE + HOST + b"\r\n", f"{ME}?{LONG.decode()}", 431, Code.HEADERS_TOO_LARGE),
        (LINE + b"\r\n", ME, 400, Code.INVALID_HTTP),
        (LINE + b"\r\n", "/graphql", 400, Code.INVALID_HTTP),
        (LINE + HOST + b"\r\n", "/%zz", 400, Code.INVALID_HTTP),
        (b"\x16\x03\x01 %s\r\n\r\n", ME, 400, Code.INVALID_HTTP),
        (b"GET %s HTTP/3.1\r\n" + HOST + b"\r\n", ME, 400, Code.INVALID_HTTP),
        (
            b"PUT %s HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip\r\n\r\n",
            *(ME, 400, Code.INVALID_HTTP),
        ),
        (b"TRACE %s HTTP/1.1\r\n" + HOST + b"\r\n", ME, 405, Code.METHOD_NOT_ALLOWED),
        (
            b"PUT %s HTTP/1.1\r\n" + HOST + b"Content-Length: 9000000\r\n\r\n",
            *(ME, 413, Code.PAYLOAD_TOO_LARGE),
        ),
        (
            b"POST %s HTTP/1.1\r\n" + HOST + b"Content-Length: 9000000\r\n\r\n",
            *("/graphql", 413, Code.PAYLOAD_TOO_LARGE),
        ),
        (LINE + HOST + b"\r\n", "/metrics", 404, Code.NOT_FOUND),
        (LINE + HOST + b"\r\n", "/readyz", 404, Code.NOT_FOUND),
        (LINE + HOST + b"\r\n", "/no/such/thing", 404, Code.NOT_FOUND),
    ],
)
def test_what_is_refused_before_the_service_has_its_format(proxied, sent, path, status, code):
    first, headers, body = asked(proxied, sent.replace(b"%s", path.encode()))
    assert first == status
    refused = DomainError(code)
    of_graphql = path == "/graphql"
    assert json.loads(body) == ({"errors": [entry(refused)]} if of_graphql else refused.as_dict())
    assert headers["content-type"] == ["application/json"]
    assert len(headers["x-request-id"]) == 1
    assert headers["x-content-type-options"] == ["nosniff"]
    assert headers["cache-control"] == ["no-store"]
    assert ("allow" in headers) == (status == 405)


def asked(address, sent):
    """Status, headers and body of the answer to these bytes; nginx closes after an error."""
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(sent)
        answered = b""
        while b"\r\n\r\n" not in answered:
            answered += connection.recv(65_536)
        head, _, body = answered.partition(b"\r\n\r\n")
        line, *fields = head.decode().split("\r\n")
        headers = {}
        for field in fields:
            name, _, value = field.partition(": ")
            headers.setdefault(name.lower(), []).append(value)
        while len(body) < int(headers["content-length"][0]):
            body += connection.recv(65_536)
    return int(line.split(" ")[1]), headers, body


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("mine-1", True), ("A.b_c-" + "9" * 122, True), ("x" * 129, False), ("a;b", False)],
)
def test_a_request_has_one_id_here_and_there(server, tmp_path, repository, sent, kept):
    with in_front_of(tmp_path, repository, server.address.removeprefix("http://")) as address:
        answer = httpx2.get(address + ME, headers=server.headers | {"X-Request-ID": sent})
    (answered,) = answer.headers.get_list("X-Request-ID")
    assert (answered == sent) is kept
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,128}", answered)
    (line,) = (tmp_path / "access.log").read_text().splitlines()
    logged = json.loads(line)
    assert (logged["request_id"], logged["status"], logged["path"]) == (answered, 200, ME)
    assert logged["client"] == "127.0.0.1"


def test_the_log_holds_no_document_and_no_address_of_a_picture(server, tmp_path, repository):
    asked = ("/graphql?query={me}", "/v1/avatars/t/u/secret", "/x/v1/avatars/t/u/secret")
    with in_front_of(tmp_path, repository, server.address.removeprefix("http://")) as address:
        for path in asked:
            httpx2.get(address + path)
    log = (tmp_path / "access.log").read_text()
    paths = [json.loads(line)["path"] for line in log.splitlines()]
    assert paths == ["/graphql", "/v1/avatars/...", "/x/v1/avatars/..."]
    assert "secret" not in log
    assert "query" not in log


def test_its_limits_are_above_the_services_own(repository):
    server = (repository / "deploy/nginx/server.conf").read_text()
    limits = dict(re.findall(r"^(\w+) (.+?);", server, re.MULTILINE))
    default = Settings.model_construct()
    assert int(limits["client_max_body_size"].removesuffix("m")) << 20 > default.max_body_bytes
    assert limits["large_client_header_buffers"] == f"4 {default.max_header_bytes >> 10}k"
    for limit, own in {
        "client_header_timeout": default.header_seconds,
        "proxy_send_timeout": default.body_seconds,
        "proxy_read_timeout": default.request_seconds,
    }.items():
        assert int(limits[limit].removesuffix("s")) > own
    for site in ("profile", "compose"):
        text = (repository / f"deploy/nginx/{site}.conf").read_text()
        (kept,) = re.findall(r"keepalive_timeout (\d+)s;", text)
        assert int(kept) < default.keep_alive_seconds


def test_the_site_of_the_compose_file_passes_on_and_compresses(server, proxied):
    with httpx2.Client(base_url=proxied, headers=server.headers) as client:
        read = client.get(ME)
        assert read.json()["email"]
        assert client.put(ME, json={}, headers={"If-Match": read.headers["ETag"]}).json()
        assert client.get(ME, headers={"If-None-Match": read.headers["ETag"]}).status_code == 304
