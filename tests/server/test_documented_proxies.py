"""The proxies that docs/operations.md shows, run as they stand there, on other ports."""

import base64
import re
import ssl
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import caddy
from profile_api.server.protocol import GuardedProtocol
from profile_domain.errors import Code, DomainError
from profile_testing import nginx, ports
from profile_testing.images import noise, png
from programs import needs, skip_without
from running import ME, served

HOST = "profile.example.com"
PROXIES = {"nginx": (nginx, "nginx"), "caddy": (caddy, "caddyfile")}
# What the example below a prefix stands for.
WHOLE = {
    "nginx": re.compile(r"  location / \{.*\}\n"),
    "caddy": re.compile(r"\treverse_proxy .*?\n\t\}\n", re.DOTALL),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with served(tmp_path_factory.mktemp("served"), docs=True) as server:
        yield server


@contextmanager
def documented(proxy, prefix, folder, service, repository):
    """A client of the example, whose certificate it trusts; only ports are other than there."""
    skip_without(proxy)
    program, language = PROXIES[proxy]
    text = (repository / "docs/operations.md").read_text()
    example, below = re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    if prefix:
        example, count = WHOLE[proxy].subn(lambda _: below, example)
        assert count == 1
    with ports.reserved() as held:
        port = held.getsockname()[1]
        example = example.replace("127.0.0.1:8000", service).replace(
            "listen 443", f"listen 127.0.0.1:{port}"
        )
        trusted = certificate(folder)
        with (
            program.serving(folder, example, port),
            httpx2.Client(
                base_url=f"https://127.0.0.1:{port}{prefix}", verify=trusted, timeout=60
            ) as client,
        ):
            client.headers["Host"] = HOST
            client.event_hooks["request"].append(
                lambda request: request.extensions.update(sni_hostname=HOST)
            )
            yield client


def certificate(folder):
    """Makes ``profile.pem`` and ``profile.key`` there; gives what trusts them."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = signed.public_bytes(serialization.Encoding.PEM)
    (folder / "profile.pem").write_bytes(pem)
    (folder / "profile.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return ssl.create_default_context(cadata=pem.decode())


@pytest.fixture(scope="module", params=PROXIES)
def proxy(request):
    return request.param


@pytest.fixture(scope="module", params=["", "/profile"], ids=["host", "prefix"])
def client(request, proxy, server, tmp_path_factory, repository):
    folder = tmp_path_factory.mktemp("proxy")
    service = server.address.removeprefix("http://")
    with documented(proxy, request.param, folder, service, repository) as client:
        client.headers |= server.headers
        yield client


def test_the_tag_that_comes_is_the_tag_to_send(client):
    picture = base64.b64encode(png(noise(64, 64))).decode()
    body = {"avatar_base64": f"data:image/png;base64,{picture}"}
    assert client.put(ME, json=body).status_code == 200
    for coding in ("gzip", "identity"):
        read = client.get(ME, headers={"Accept-Encoding": coding})
        assert read.headers.get("Content-Encoding", "identity") == coding
        etag = read.headers["ETag"]
        assert client.get(ME, headers={"If-None-Match": etag}).status_code == 304
        statuses = [
            client.put(ME, json={"display_name": name}, headers={"If-Match": etag}).status_code
            for name in (f"Countess, {coding}", f"Enchantress, {coding}")
        ]
        assert statuses == [200, 412]


def test_the_largest_picture_passes_and_a_larger_body_is_refused_as_by_the_service(client):
    picture = png(noise(290, 290))
    assert 200_000 < len(picture) <= 262_144
    uri = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
    assert client.put(ME, json={"avatar_base64": uri}).status_code == 200
    assert client.get(ME).json()["avatar_base64"] == uri
    for length in (2_200_000, 4_000_000, 16_000_000):
        body, typed = b" " * length, {"Content-Type": "application/json"}
        refused = client.put(ME, content=body, headers=typed)
        assert refused.status_code == 413
        assert refused.headers["Content-Type"] == "application/json"
        assert refused.json() == DomainError(Code.PAYLOAD_TOO_LARGE).as_dict()


def test_a_long_token_reaches_the_service(client):
    refused = client.get(ME, headers={"Authorization": "Bearer " + "x" * 20_000})
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")


def test_metrics_and_readiness_stay_inside(client):
    address = str(client.base_url).rstrip("/")
    assert client.get(f"{address}/healthz").status_code == 200
    for path in ("/metrics", "/readyz", "//metrics", "/%6detrics", "/a/%2e%2e/metrics"):
        answer = client.get(address + path)
        assert (answer.status_code, answer.headers.get("X-Request-ID")) == (404, None), path


def test_pages_find_their_files(client):
    page = client.get("/docs")
    assert page.status_code == 200
    files = re.findall(r'(?:src|href)="(.+?)"', page.text)
    assert len(files) == 5
    for each in files:
        found = client.get(each)
        assert found.status_code == 200
        assert found.headers["Content-Encoding"] == "gzip"


def test_connections_to_the_service_are_kept(client, monkeypatch):
    made = []
    connection_made = GuardedProtocol.connection_made

    def counted(protocol, transport):
        made.append(protocol)
        connection_made(protocol, transport)

    monkeypatch.setattr(GuardedProtocol, "connection_made", counted)
    for _ in range(20):
        assert client.get("/healthz").status_code == 200
    assert len(made) < 5  # one, and those that look at its health


@needs("nginx")
def test_the_proxy_of_the_compose_file_passes_on_and_compresses(server, tmp_path, repository):
    text = (repository / "deploy/proxy.conf").read_text()
    with ports.reserved() as held:
        port = held.getsockname()[1]
        text = text.replace("service:8000", server.address.removeprefix("http://"))
        text = text.replace("listen 8080", f"listen 127.0.0.1:{port}")
        with (
            nginx.serving(tmp_path, text, port),
            httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=server.headers) as client,
        ):
            assert client.get(ME).json()["email"]
            assert client.get("/openapi.json").headers["Content-Encoding"] == "gzip"
            assert client.get("/metrics").status_code == 404


@pytest.mark.parametrize("prefix", ["", "/profile"])
def test_an_unreachable_service_is_reported_in_the_services_format(
    proxy, prefix, tmp_path, repository
):
    with ports.reserved() as nobody:
        service = f"127.0.0.1:{nobody.getsockname()[1]}"
        with documented(proxy, prefix, tmp_path, service, repository) as client:
            answer = client.get(ME)
    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Retry-After"] == "1"
    gone = DomainError(Code.UNAVAILABLE, retry_after=1)
    assert answer.json() == gone.as_dict()
    assert answer.json()["message"] == Code.UNAVAILABLE.message
