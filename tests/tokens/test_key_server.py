"""Fetching a key set from servers of every kind; each is given up in bounded time and memory."""

import asyncio
import gzip
import json
import ssl
from codecs import BOM_UTF8
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from key_server import key_set, response, serving
from profile_domain.errors import DomainError
from profile_infra.tokens import jwks_over_http as key_server
from profile_infra.tokens.fetched_keys import FetchedKeys
from profile_infra.tokens.issuers import UnusableKeys
from profile_infra.tokens.jwks import MAX_KEYS, read_key_set
from profile_infra.tokens.jwks_over_http import DISCOVERY, MAX_BYTES, fetch_key_set
from profile_testing.signing import ec_key, issuer, private_jwk, public_jwk, rsa_key

GOOD = key_set("a")


def by_url(server, path="/keys", **changes):
    made = {"secret": None, "algorithms": ["RS256", "ES256"], "jwks_url": server.url + path}
    return issuer(**made | changes)


def by_discovery(server, name=""):
    return by_url(server, jwks_url=None, discovery=True, issuer=server.url + name)


async def refusal(made) -> str:
    with pytest.raises(UnusableKeys) as refused:
        await fetch_key_set(made)
    return str(refused.value)


async def endless(writer):
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
        await writer.drain()


async def trickle(writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


async def silence(writer):
    await asyncio.sleep(2)


BAD = {
    "huge": (response(b" " * (MAX_BYTES + 1)), "over 262,144 bytes"),
    "endless": (endless, "over 262,144 bytes"),
    "a zip bomb": (response(gzip.compress(bytes(10**7)), Content_Encoding="gzip"), "coding"),
    "trickling": (trickle, "no answer within"),
    "silent": (silence, "no answer within"),
    "redirecting": (response(status="302 Found", Location="/good"), "redirects are not followed"),
    "moved": (response(status="308 Gone", Location="http://127.0.0.1:1/"), "not followed"),
    "failing": (response(b"oops", status="500 Oops"), "answered 500"),
    "empty-handed": (response(status="204 No Content"), "answered 204"),
    "partial": (response(b"{}", status="206 Partial Content"), "answered 206"),
    "cut off": (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "RemoteProtocolError"),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.9\r\n", "RemoteProtocolError"),
    "gone": (b"", "RemoteProtocolError"),
    "huge in its head": (response(**{f"X{n}": "x" * 1000 for n in range(300)}), "Protocol"),
}


@pytest.mark.parametrize("kind", BAD)
async def test_a_bad_server_is_given_up(kind, monkeypatch):
    answer, said = BAD[kind]
    # Only those who never end are given up for their slowness, however busy the machine is.
    monkeypatch.setattr(key_server, "MAX_SECONDS", 0.3 if answer in {trickle, silence} else 60)
    async with serving({"/keys": answer, "/good": GOOD}) as server:
        assert said in await refusal(by_url(server))
        assert server.asked == ["/keys"]


@pytest.mark.parametrize("kind", ["failing", "redirecting", "a zip bomb", "huge", "silent"])
async def test_what_is_said_of_a_bad_server_shows_no_secret_of_its_address(kind, monkeypatch):
    monkeypatch.setattr(key_server, "MAX_SECONDS", 0.3 if kind == "silent" else 60)
    address = "/keys?token=hunter2"
    async with serving({address: BAD[kind][0]}) as server:
        assert "hunter2" not in await refusal(by_url(server, address))
        assert server.asked == [address]


async def test_a_server_that_is_not_there_is_given_up():
    async with serving() as server:
        made = by_url(server)
    said = await refusal(made)
    assert f"{made.jwks_url} is out of reach: ConnectError, Connect call failed" in said
    nowhere = issuer(secret=None, algorithms=["RS256"], jwks_url="https://nowhere.invalid/keys")
    said = await refusal(nowhere)
    assert "https://nowhere.invalid/keys is out of reach: ConnectError, " in said


async def test_what_failed_of_tls_is_said(monkeypatch, tmp_path):
    """A certificate that nobody trusts, one that a caller trusts for another name, and no TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    file = certificate(tmp_path, "localhost")
    context.load_cert_chain(file)
    async with serving({"/keys": GOOD}, tls=context) as server:
        said = await refusal(by_url(server))
        assert f"{server.url}/keys is out of reach: ConnectError, its certificate is not" in said
        assert "self-signed certificate" in said
        trusting = ssl.create_default_context(cafile=file)
        monkeypatch.setattr(key_server, "_trusted", lambda: trusting)
        assert "IP address mismatch" in await refusal(by_url(server))
        by_name = server.url.replace("127.0.0.1", "localhost")
        fetched = await fetch_key_set(issuer_at(by_name + "/keys"))
        assert fetched.source == by_name + "/keys"
    plain = await asyncio.start_server(speaks_no_tls, "127.0.0.1", 0)
    async with plain:
        port = plain.sockets[0].getsockname()[1]
        said = await refusal(issuer_at(f"https://127.0.0.1:{port}/keys"))
        assert "ConnectError, TLS failed: " in said


async def speaks_no_tls(_, writer):
    writer.write(GOOD)
    writer.close()


def issuer_at(url):
    return issuer(secret=None, algorithms=["RS256"], jwks_url=url)


def certificate(folder, name):
    """A self-signed one for this name, with its key, in one file."""
    key = ec_key(name="tls")
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + made.public_bytes(Encoding.PEM))
    return file


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "is nothing; a JSON object with a list"),
        (b"<!doctype html>", "is HTML or XML of 15 bytes; a JSON object with a list"),
        (b"[]", "is no JSON object of 2 bytes"),
        (b"{}", "is an empty object"),
        (b'{"error": "hunter2", "code": 5}', "is an object with 'error', 'code'; a JSON"),
        (b'{"keys": "hunter2"}', "is an object with 'keys'; a JSON"),
        (b'{"keys": []}', "no key in its set serves RS256, ES256: it is empty"),
        (
            b'{"keys": [5]}',
            "no key in its set serves RS256, ES256: key 0 not used: it is no object",
        ),
    ],
)
async def test_what_came_instead_of_keys_is_said_with_its_address(body, said, caplog):
    async with serving({"/keys?token=hunter2": response(body)}) as server:
        keys = FetchedKeys(by_url(server, "/keys?token=hunter2"))
        with pytest.raises(DomainError):
            await keys.keys_for("a", "RS256")
        (line,) = [each for each in caplog.messages if "fetching again" in each]
        assert f"{server.url}/keys?token=***" in line
        assert said in line
        assert "hunter2" not in line


async def test_a_set_of_just_the_limit_is_taken():
    body = GOOD.partition(b"\r\n\r\n")[2]
    async with serving({"/keys": response(body.ljust(MAX_BYTES))}) as server:
        assert len((await fetch_key_set(by_url(server))).document) == MAX_BYTES


@pytest.mark.parametrize(
    ("headers", "max_age"),
    [
        ({}, None),
        ({"Cache-Control": "max-age=60"}, 60),
        ({"Cache-Control": 'public, MAX-AGE="60", must-revalidate'}, 60),
        ({"Cache-Control": "max-age=60", "Age": "45"}, 15),
        ({"Cache-Control": "max-age=60", "Age": "61"}, 0),
        ({"Cache-Control": "max-age=60", "Age": "old"}, 60),
        ({"Cache-Control": "max-age=60, no-cache"}, 0),
        ({"Cache-Control": "no-store"}, 0),
        ({"Cache-Control": "max-age=-1"}, None),
        ({"Cache-Control": "s-maxage=60"}, None),
        ({"Cache-Control": "max-age=" + "9" * 400}, None),
    ],
)
async def test_the_headers_say_how_long_a_set_is_fresh(headers, max_age):
    async with serving({"/keys": response(b"{}", **headers)}) as server:
        assert (await fetch_key_set(by_url(server))).max_age == max_age


async def test_the_key_set_is_found_by_discovery():
    async with serving() as server:
        document = {"issuer": server.url + "/tenant/", "jwks_uri": server.url + "/keys"}
        server.answers = {"/tenant" + DISCOVERY: response(document), "/keys": GOOD}
        fetched = await fetch_key_set(by_discovery(server, "/tenant/"))
        assert "a" in fetched.document.decode()
        assert server.asked == ["/tenant" + DISCOVERY, "/keys"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"issuer": "https://evil.example"}, "names another issuer"),
        ({"issuer": None}, "names another issuer"),
        ({"issuer": "{url}/"}, "names another issuer"),
        ({"jwks_uri": None}, "no jwks_uri by https"),
        ({"jwks_uri": 5}, "no jwks_uri by https"),
        ({"jwks_uri": "/keys"}, "no jwks_uri by https"),
        ({"jwks_uri": "http://idp.example/keys"}, "no jwks_uri by https"),
        ({"jwks_uri": "file:///etc/passwd"}, "no jwks_uri by https"),
        ({"jwks_uri": "https://[idp.example/keys"}, "no jwks_uri by https"),
        ({"jwks_uri": "http://localhost:99999/"}, "no jwks_uri by https"),
    ],
)
async def test_a_discovery_document_must_be_the_issuers_own_and_safe(changes, said):
    async with serving({"/keys": GOOD}) as server:
        document = {"issuer": server.url, "jwks_uri": server.url + "/keys"} | changes
        if isinstance(document["issuer"], str):
            document["issuer"] = document["issuer"].replace("{url}", server.url)
        server.answers[DISCOVERY] = response(document)
        assert said in await refusal(by_discovery(server))
        assert server.asked == [DISCOVERY]


async def test_an_issuer_by_https_never_leads_to_a_key_set_by_http(monkeypatch):
    document = {"issuer": "https://idp.example", "jwks_uri": "http://127.0.0.1:1/keys"}

    async def get(*_):
        return key_server.Fetched(json.dumps(document).encode(), None)

    monkeypatch.setattr(key_server, "_get", get)
    made = issuer(secret=None, algorithms=["RS256"], discovery=True, issuer="https://idp.example")
    assert "no jwks_uri by https" in await refusal(made)
    document["jwks_uri"] = "https://keys.example/"
    await fetch_key_set(made)


async def test_documents_may_begin_with_a_byte_order_mark():
    async with serving() as server:
        document = {"issuer": server.url, "jwks_uri": server.url + "/keys"}
        server.answers = {
            DISCOVERY: response(BOM_UTF8 + json.dumps(document).encode()),
            "/keys": response(BOM_UTF8 + GOOD.partition(b"\r\n\r\n")[2]),
        }
        made = by_discovery(server)
        keys = read_key_set((await fetch_key_set(made)).document, made)
        assert await keys.keys_for("a", "RS256")


async def test_where_http_is_allowed_it_leads_to_a_key_set_by_http(monkeypatch):
    document = {"issuer": "http://idp.example", "jwks_uri": "http://keys.example/"}

    async def get(*_):
        return key_server.Fetched(json.dumps(document).encode(), None)

    monkeypatch.setattr(key_server, "_get", get)
    known = {"secret": None, "algorithms": ["RS256"], "discovery": True, "allow_http": True}
    await fetch_key_set(issuer(issuer="http://idp.example", **known))
    document["issuer"] = "https://idp.example"
    assert "no jwks_uri by https" in await refusal(issuer(issuer="https://idp.example", **known))


async def test_what_a_discovery_document_says_instead_is_said_with_its_address():
    async with serving() as server:
        document = {"issuer": "https://evil.example/?token=hunter2", "jwks_uri": "/keys"}
        server.answers = {DISCOVERY: response(document)}
        said = await refusal(by_discovery(server))
        assert f"{server.url}{DISCOVERY} names another issuer: 'https://evil.example/" in said
        assert "hunter2" not in said
        server.answers = {DISCOVERY: response(document | {"issuer": server.url})}
        assert "has no jwks_uri by https: '/keys'" in await refusal(by_discovery(server))


async def test_a_discovery_document_that_is_no_json_is_refused():
    async with serving({DISCOVERY: response(b"<html>")}) as server:
        said = await refusal(by_discovery(server))
        assert f"{server.url}{DISCOVERY} is HTML or XML of 6 bytes; a JSON object" in said


async def test_the_good_keys_of_a_bad_set_are_kept(caplog):
    caplog.set_level("INFO")
    good, other = public_jwk(rsa_key("a"), kid="a"), public_jwk(ec_key(), kid="e")
    members = [
        good,
        public_jwk(rsa_key("b"), kid="a"),
        public_jwk(rsa_key("small", 1024), kid="small"),
        private_jwk(rsa_key("c"), kid="c"),
        {"kty": "oct", "k": "AAAA", "kid": "o"},
        {"kty": "OKP", "crv": "Ed25519", "x": "AAAA", "kid": "ed"},
        "text",
        None,
        {"kty": ["RSA"], "kid": {}},
        other,
    ]
    made = issuer(secret=None, algorithms=["RS256", "ES256"], jwks_url="https://idp.example/k")
    keys = read_key_set(json.dumps({"keys": members}).encode(), made)
    assert await keys.keys_for("a", "RS256")
    assert await keys.keys_for("e", "ES256")
    for kid in ("small", "c", "o", "ed"):
        assert not await keys.keys_for(kid, "RS256")
    assert caplog.text.count("not used") == len(members) - 2


async def test_of_a_set_without_end_the_first_keys_are_read(caplog):
    keys = [public_jwk(ec_key(), kid=str(number)) for number in range(MAX_KEYS + 1)]
    made = issuer(secret=None, algorithms=["ES256"], jwks_url="https://idp.example/k")
    found = read_key_set(json.dumps({"keys": keys}).encode(), made)
    assert await found.keys_for(str(MAX_KEYS - 1), "ES256")
    assert not await found.keys_for(str(MAX_KEYS), "ES256")
    assert "after the first 100" in caplog.text
