"""A stream of requests has the same responses however it is fragmented, and as h11 parses it."""

import json
import re

import pytest

from framing import Echo, Request, config_of, judged, sent
from running import ME, running

HEAD = b" HTTP/1.1\r\nHost: x\r\n"
OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
WEBSOCKET = b"connection: upgrade\r\nUPGRADE: websocket\r\nSec-WebSocket-Key: YQ==\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


def request(method, target, body=None, more=b""):
    length = b"" if body is None else b"Content-Length: %d\r\n" % len(body)
    return method + b" " + target + HEAD + more + length + b"\r\n" + (body or b"")


def chunked(method, target, *chunks, more=b"", trailers=b""):
    body = b"".join(b"%x;e=1\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    head = method + b" " + target + HEAD + more + b"Transfer-Encoding: chunked\r\n\r\n"
    return head + body + b"0\r\n" + trailers + b"\r\n"


LOOKS_LIKE_HEADERS = b"\r\n\r\n\nUpgrade: x\r\nHost: y\r\n\r\n" + SMUGGLED
END = request(b"GET", b"/end")
SOUND = {
    "each method": b"".join(
        request(method, b"/" + method) for method in (b"GET", b"HEAD", b"DELETE", b"OPTIONS")
    ),
    "bodies": b"".join(
        request(method, b"/" + method, b"hello") for method in (b"PUT", b"POST", b"GET", b"PATCH")
    ),
    "an empty body": request(b"PUT", b"/a", b"") + END,
    "chunks": chunked(b"PUT", b"/a", b"he", b"l", b"lo") + END,
    "trailers": chunked(b"PUT", b"/a", b"x", trailers=b"Host: y\r\nUpgrade: z\r\n") + END,
    "no chunk": chunked(b"POST", b"/a") + END,
    "an offer": request(b"PUT", b"/a", b"hello", OFFER) + END,
    "an offer after another": request(b"PUT", b"/a", b"hi") + request(b"PUT", b"/b", b"ho", OFFER),
    "an offer beside chunks": chunked(b"PUT", b"/a", b"he", b"llo", more=OFFER) + END,
    "offers without bodies": request(b"GET", b"/a", None, WEBSOCKET) * 3 + END,
    "an offer and the last": request(b"PUT", b"/a", b"x", OFFER.replace(b"e,", b"e, close,")) + END,
    "lines in a body": request(b"POST", b"/a", LOOKS_LIKE_HEADERS) + END,
    "lines in the body of an offer": request(b"POST", b"/a", LOOKS_LIKE_HEADERS, OFFER) + END,
    "lines in chunks": chunked(b"POST", b"/a", LOOKS_LIKE_HEADERS, b"\r\n", more=WEBSOCKET) + END,
    "blank lines before": b"\r\n\r\n" + request(b"PUT", b"/a", b"\r\n") + b"\r\n" + END,
    "the last": request(b"GET", b"/a", None, b"Connection: close\r\n") + SMUGGLED,
    "an old version": b"PUT /a HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi" + SMUGGLED,
    "a whole address": request(b"GET", b"http://x/a?b=c") + END,
    "expected": request(b"PUT", b"/a", b"hello", b"Expect: 100-continue\r\n") + END,
}
BROKEN = {
    "no host": END + b"GET /a HTTP/1.1\r\n\r\n" + SMUGGLED,
    "two hosts": END + request(b"GET", b"/a", None, b"Host: x\r\n") + SMUGGLED,
    "a host that is none": END + b"GET /a HTTP/1.1\r\nHost: x y\r\n\r\n" + SMUGGLED,
    "two hosts and an offer": request(b"GET", b"/a", None, b"Host: y\r\n" + OFFER) + SMUGGLED,
    "another coding": END + request(b"PUT", b"/a", None, b"Transfer-Encoding: gzip, chunked\r\n"),
    "a coding in two lines": END
    + chunked(b"PUT", b"/a", b"x", more=b"Transfer-Encoding: gzip\r\n")
    + SMUGGLED,
    "a coding of an old version": b"PUT /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a length and a coding": chunked(b"PUT", b"/a", b"x", more=b"Content-Length: 3\r\n") + END,
    "two lengths": request(b"PUT", b"/a", b"hello", b"Content-Length: 4\r\n") + END,
    "a length of many digits": b"PUT /a"
    + HEAD
    + b"Content-Length: "
    + b"0" * 30
    + b"5\r\n\r\nhello",
    "a chunk of no length": END + chunked(b"PUT", b"/a", b"x").replace(b"1;", b"z;"),
    "no version": b"GET /a\r\n\r\n" + SMUGGLED,
    "another version": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a tunnel": END + b"CONNECT x:1" + HEAD + b"\r\n" + SMUGGLED,
    "a fragment": request(b"GET", b"/a#b") + SMUGGLED,
    "a folded line": END + request(b"GET", b"/a", None, b"X: a\r\n b\r\n") + SMUGGLED,
    "white space before a colon": END + request(b"GET", b"/a", None, b"X : a\r\n") + SMUGGLED,
    "bare line feeds": b"GET /a HTTP/1.1\nHost: x\n\n" + SMUGGLED,
}


def cuts(stream):
    """In two at every byte, in three around the end of each head, and into single bytes."""
    for at in range(1, len(stream)):
        yield stream[:at], stream[at:]
    for end in re.finditer(rb"\r\n\r\n", stream):
        for first in range(end.start(), end.end() + 1):
            for second in range(first + 1, end.end() + 2):
                yield stream[:first], stream[first:second], stream[second:]
    yield tuple(stream[at : at + 1] for at in range(len(stream)))


async def answers_to(echo, config, pieces, *, hasty=False):
    echo.asked, echo.refused = [], []
    return (
        await sent(config, [each for each in pieces if each], hasty=hasty),
        echo.asked,
        echo.refused,
    )


@pytest.mark.parametrize("stream", [*SOUND.values(), *BROKEN.values()], ids=[*SOUND, *BROKEN])
async def test_a_stream_is_answered_the_same_however_it_is_cut(stream):
    echo = Echo()
    config = config_of(echo)
    whole = await answers_to(echo, config, [stream])
    for pieces in cuts(stream):
        for hasty in (False, True):
            assert await answers_to(echo, config, pieces, hasty=hasty) == whole, pieces


@pytest.mark.parametrize("name", SOUND)
async def test_the_requests_of_a_sound_stream_are_those_that_h11_finds(name):
    echo = Echo()
    _, asked, refused = await answers_to(echo, config_of(echo), [SOUND[name]])
    assert (asked, refused) == (judged(SOUND[name])[0], [])
    assert Request("GET", b"/smuggled", b"") not in asked


@pytest.mark.parametrize("name", BROKEN)
async def test_what_is_no_sound_http_is_refused_and_ends_the_stream(name):
    echo = Echo()
    answered, asked, refused = await answers_to(echo, config_of(echo), [BROKEN[name]])
    assert refused == ["invalid_http"]
    assert {request.target for request in asked} <= {b"/end"}
    assert answered.count(b"HTTP/1.1 ") == len(asked) + 1
    assert b"connection: close" in answered.rpartition(b"HTTP/1.1 ")[2]


async def test_a_body_that_looks_like_headers_is_no_request_when_its_head_is_cut():
    """It once grew while its head was edited, and its end was taken for another person's answer."""
    echo = Echo()
    config = config_of(echo)
    body = b"\nUpgrade: x" * 40 + SMUGGLED
    stream = request(b"POST", b"/graphql", body) + request(b"GET", b"/nothing")
    head = stream.index(b"\r\n\r\n") + 4
    for at in range(head - 5, head + 2):
        _, asked, _ = await answers_to(echo, config, [stream[:at], stream[at:]])
        assert asked == [
            Request("POST", b"/graphql", body),
            Request("GET", b"/nothing", b""),
        ]


@pytest.fixture(scope="module")
async def whole_service(tmp_path_factory):
    limits = {"max_body_bytes": 1024, "max_header_bytes": 2048, "max_headers": 20}
    async with running(tmp_path_factory.mktemp("framed"), **limits) as service:
        yield service


def json_of(value):
    return json.dumps(value).encode()


async def streams_of(service):
    """What the real service is asked, by a person and by strangers."""
    me, graphql, typed = ME.encode(), b"/graphql", b"Content-Type: application/json\r\n"
    ada = await service.person(first_name="Ada")
    own = "".join(f"{name}: {value}\r\n" for name, value in service.headers(ada).items()).encode()
    named = json_of({"display_name": "Countess"})
    query = json_of({"query": "{ __typename nothing }"})
    healthy = request(b"GET", b"/healthz")
    return {
        "an update": request(b"PUT", me, named, own + typed) + request(b"GET", me, None, own),
        "an update with an offer": request(b"PUT", me, named, own + typed + OFFER) + healthy,
        "no token": request(b"PUT", me, named, typed) + healthy,
        "no token, chunks": chunked(b"PUT", me, named, more=typed) + healthy,
        "no token, expected": request(b"PUT", me, named, typed + b"Expect: 100-continue\r\n")
        + healthy,
        "expected": request(b"POST", graphql, query, typed + b"Expect: 100-continue\r\n") + healthy,
        "too large": request(b"POST", graphql, b" " * 1025, typed) + healthy,
        "too large, chunks": chunked(b"POST", graphql, b" " * 600, b" " * 600, more=typed)
        + healthy,
        "too large for nobody": request(b"PUT", b"/nowhere", b" " * 1025, typed) + healthy,
        "queries": (request(b"POST", graphql, query, typed) + healthy) * 2,
        "no such thing": request(b"DELETE", graphql, b"x") + request(b"POST", b"/x%0a", b"y"),
        "without a body": request(b"HEAD", b"/healthz") + request(b"HEAD", me) + healthy,
        "a head too large": healthy + request(b"GET", b"/", None, b"X: " + b"a" * 2100 + b"\r\n"),
        "too many headers": healthy + request(b"GET", b"/", None, b"X: a\r\n" * 20) + healthy,
        "nonsense": healthy + request(b"POST", graphql, query, typed) + b"NONSENSE\r\n\r\n",
        "nonsense in a body": chunked(b"POST", graphql, query, more=typed).replace(b"\r\n0", b"0"),
    }


NAMES = [
    *("an update", "an update with an offer", "no token", "no token, chunks", "no token, expected"),
    *("expected", "too large", "too large, chunks", "too large for nobody", "queries"),
    *("no such thing", "without a body", "a head too large", "too many headers", "nonsense"),
    "nonsense in a body",
]


@pytest.mark.parametrize("name", NAMES)
async def test_the_whole_service_answers_the_same_however_a_stream_is_cut(whole_service, name):
    streams = await streams_of(whole_service)
    assert list(streams) == NAMES
    stream = streams[name]
    config = config_of(whole_service.app)
    await sent(config, [stream])  # from here on the update changes nothing
    whole = steady(await sent(config, [stream]))
    assert b"internal_error" not in whole
    for number, pieces in enumerate(cuts(stream)):
        answered = await sent(config, filter(None, pieces), hasty=number % 2 == 1)
        assert steady(answered) == whole, pieces


def steady(answered):
    return re.sub(rb"x-request-id: [0-9a-f]{32}", b"x-request-id: -", answered)
