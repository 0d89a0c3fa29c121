import errno
import hashlib
import hmac

import pytest

from profile_infra.tokens.jose import MAX_LENGTH, JoseTokens
from profile_infra.tokens.keys import SharedSecret
from profile_testing.signing import SECRET, b64, claims, issuer, outcome, token, tokens_of


@pytest.mark.parametrize("kind", ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", ...])
async def test_the_types_of_a_token(kind):
    await tokens_of().verify(token(header={"typ": kind}))


@pytest.mark.parametrize(
    "header",
    [
        {"typ": ""},
        {"typ": None},
        {"typ": 5},
        {"typ": ["JWT"]},
        {"typ": "JWE"},
        {"typ": "logout+jwt"},
        {"typ": "application/application/jwt"},
        {"typ": "jwt\0"},
        {"crit": []},
        {"crit": None},
        {"crit": ["exp"], "exp": 1},
        {"crit": ["b64"], "b64": False},
        {"b64": False},
        {"b64": True},
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"5",
        b'{"alg":"HS256"} x',
        b'{"alg":"none","alg":"HS256"}',
        b'{"alg":"HS256","x":{"a":1,"a":1}}',
        b'{"alg":"HS256","x":NaN}',
        b'{"alg":"HS256","x":-Infinity}',
        b'\xef\xbb\xbf{"alg":"HS256"}',
        '{"alg":"HS256"}'.encode("utf-16"),
        b'{"alg":"HS256","x":"\xff"}',
        b'{"alg":"HS256","x":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"alg":"HS256","x":' + b'{"a":' * 1500,
        b'{"alg":"HS256","x":' + b"9" * 5000 + b"}",
    ],
)
async def test_a_strange_header_is_refused(header, caplog):
    assert await outcome(tokens_of(), token(header=header)) == "invalid"
    assert not caplog.messages


async def test_a_header_without_a_type_is_read():
    await tokens_of().verify(token(header=b' {"alg" : "HS256"} '))


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"{}",
        b'{"iss":[]}',
        b"\x80",
        b"[" * 9000,
        b'{"iss":"https://idp.example","iss":"https://idp.example"}',
    ],
)
async def test_a_strange_payload_is_refused(payload, caplog):
    assert await outcome(tokens_of(), token(payload)) == "invalid"
    assert not caplog.messages


@pytest.mark.parametrize(
    "sent",
    ["", ".", "..", "...", "a.b", "a.b.c", "a.b.c.d.e", "é.é.é", "\ud800", "\0", "." * MAX_LENGTH],
)
async def test_what_is_no_token_is_refused(sent):
    assert await outcome(tokens_of(), sent) == "invalid"


async def test_a_token_has_at_most_16_kib():
    def of_length(length):
        return next(
            sent
            for more in range(11_900, 12_100)
            for spaces in range(3)
            if len(sent := token(claims(x="x" * more), header=b'{"alg":"HS256"}' + b" " * spaces))
            == length
        )

    await tokens_of().verify(of_length(MAX_LENGTH))
    assert await outcome(tokens_of(), of_length(MAX_LENGTH + 1)) == "invalid"


async def test_white_space_padding_and_a_fourth_part_are_refused():
    good = token()
    head, payload, signature = good.split(".")
    for sent in (
        good + "=",
        good + " ",
        "\n" + good,
        f"{head}=.{payload}.{signature}",
        f"{head}. {payload}.{signature}",
        f"{head}.{payload[:9]}\n{payload[9:]}.{signature}",
        f"{head}.{payload}.{signature}.{signature}",
        f"{head}.{payload}.",
        f"{head}.{payload}",
        f".{payload}.{signature}",
        f"{head}..{signature}",
    ):
        assert await outcome(tokens_of(), sent) == "invalid"


async def test_junk_within_base64_is_refused_though_the_signature_covers_it():
    head, payload, _ = token().split(".")
    for signed in (f"{head}!.{payload}", f"{head}.*{payload}", f"{head}.{payload}=", f"{head}.~"):
        mac = hmac.digest(SECRET.encode(), signed.encode(), hashlib.sha256)
        assert await outcome(tokens_of(), f"{signed}.{b64(mac)}") == "invalid"


async def test_a_machine_without_a_file_to_open_calls_no_token_invalid():
    class Crowded(SharedSecret):
        async def keys_for(self, *_):
            raise OSError(errno.EMFILE, "Too many open files")

    tokens = JoseTokens({issuer(): Crowded(issuer())})
    assert await outcome(tokens, token()) == "unavailable"
