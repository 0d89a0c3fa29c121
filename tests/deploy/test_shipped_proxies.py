"""The proxies of deploy/, run as they stand there, on other ports."""

import base64
import re
import shutil
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
from programs import skip_without
from running import ME, served

HOST = "profile.example.com"
PROXIES = {"nginx": (nginx, "nginx/profile.conf"), "caddy": (caddy, "Caddyfile")}
# What serves a whole host, and what serves below a prefix instead.
WHOLE_AND_BELOW = {
    "nginx": ("location / {", "location /profile/ {"),
    "caddy": ("\thandle {", "\thandle_path /profile/* {"),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with served(tmp_path_factory.mktemp("served"), docs=True) as server:
        yield server


@contextmanager
def shipped(proxy, prefix, folder, service, repository):
    """A client of the proxy, whose certificate it trusts; only ports and paths are other."""
    skip_without(proxy)
    program, site = PROXIES[proxy]
    text = (repository / "deploy" / site).read_text()
    if prefix:
        whole, below = WHOLE_AND_BELOW[proxy]
        assert whole in text
        text = text.replace(whole, below)
    shutil.copytree(repository / "deploy/nginx", folder / "profile")
    with ports.reserved() as held:
        port = held.getsockname()[1]
        text = (
            text.replace("127.0.0.1:8000", service)
            .replace("listen 443", f"listen 127.0.0.1:{port}")
            .replace("/var/log/nginx", str(folder))
        )
        trusted = certificate(folder if proxy == "caddy" else folder / "profile")
        with (
            program.serving(folder, text, port),
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
    with shipped(proxy, request.param, folder, service, repository) as client:
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
        assert answer.status_code == 404, path
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.json() == DomainError(Code.NOT_FOUND).as_dict()
        assert answer.headers["X-Request-ID"]


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


@pytest.mark.parametrize("prefix", ["", "/profile"])
def test_an_unreachable_service_is_reported_in_the_services_format(
    proxy, prefix, tmp_path, repository
):
    with ports.reserved() as nobody:
        service = f"127.0.0.1:{nobody.getsockname()[1]}"
        with shipped(proxy, prefix, tmp_path, service, repository) as client:
            answer = client.get(ME)
    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["X-Request-ID"]
    gone = DomainError(Code.UNAVAILABLE, retry_after=1)
    assert answer.json() == gone.as_dict()
