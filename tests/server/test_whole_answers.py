"""An answer of known length is written in one piece: the bytes are those that uvicorn would write."""

import asyncio
import logging
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from profile_api.server.exchange import Exchange

BY_DEFAULT = [(b"date", b"Fri, 27 Nov 2026 12:00:00 GMT")]
NAMES = st.from_regex(rb"[a-z]{1,8}-[a-z0-9]{1,8}", fullmatch=True)
VALUES = st.text(st.characters(exclude_characters="\r\n", max_codepoint=255), max_size=30)


def written(kind, *messages, method="GET", keep_alive=True):
    """The bytes and the number of writes; an error ends the connection."""
    pieces = []
    transport = SimpleNamespace(
        write=pieces.append,
        writelines=lambda parts: pieces.append(b"".join(parts)),
        is_closing=lambda: False,
        close=lambda: None,
    )

    async def send_all():
        cycle = kind(
            scope={"method": method, "http_version": "1.1"},
            transport=transport,
            flow=FlowControl(transport),
            logger=logging.getLogger(),
            access_logger=logging.getLogger(),
            access_log=False,
            default_headers=BY_DEFAULT,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=keep_alive,
            on_response=lambda: None,
        )
        cycle.drainable, cycle.written = True, lambda _: None
        for message in messages:
            await cycle.send(dict(message))
        assert cycle.response_complete

    asyncio.run(send_all())
    return b"".join(pieces), len(pieces)


def start(status, headers):
    return {"type": "http.response.start", "status": status, "headers": headers}


def part(body, **more):
    return {"type": "http.response.body", "body": body, **more}


@given(
    st.sampled_from([200, 201, 304, 400, 401, 404, 405, 409, 412, 422, 500, 503]),
    st.lists(st.tuples(NAMES, VALUES.map(lambda text: text.encode("latin-1"))), max_size=5),
    st.binary(max_size=200),
    st.sampled_from(["GET", "HEAD", "PUT"]),
    st.booleans(),
)
def test_one_write_has_the_bytes_of_uvicorns_two(status, headers, body, method, keep_alive):
    length = (b"content-length", str(len(body)).encode())
    sent = [start(status, [*headers, length]), part(body)]
    asked = {"method": method, "keep_alive": keep_alive}
    try:
        theirs, _ = written(RequestResponseCycle, *sent, **asked)
    except RuntimeError:  # a control character in a value
        with pytest.raises(RuntimeError):
            written(Exchange, *sent, **asked)
        return
    assert written(Exchange, *sent, **asked) == (theirs, 1)


@pytest.mark.parametrize(
    "parts",
    [
        [part(b"ab", more_body=True), part(b"cd", more_body=True), part(b"")],
        [part(b"", more_body=True), part(b"abcd")],
    ],
)
def test_parts_of_an_answer_with_a_length_are_written_as_they_come(parts):
    sent = [start(200, [(b"content-length", b"4")]), *parts]
    ours, pieces = written(Exchange, *sent)
    assert (ours, pieces > 1) == (written(RequestResponseCycle, *sent)[0], True)


@pytest.mark.parametrize("length", [0, 3, 5, 500])
def test_a_body_of_another_length_is_never_written(length):
    """What is too much would be read as the next answer (RFC 9112 section 11.2)."""
    headers = [(b"content-length", str(length).encode())]
    with pytest.raises(RuntimeError):
        written(Exchange, start(200, headers), part(b"abcd"))
