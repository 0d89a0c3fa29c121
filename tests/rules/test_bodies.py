"""Limits on request bodies, and strict JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profile_domain.errors import Code, DomainError
from profile_domain.requests.bodies import parse_json_object, read_json_object

JSON_TYPE = {"content-type": ["application/json"]}


async def chunks(*parts):
    for part in parts:
        yield part


async def code_of(headers, *parts, max_bytes=100):
    with pytest.raises(DomainError) as raised:
        await read_json_object(headers, chunks(*parts), max_bytes=max_bytes)
    return raised.value.code


@pytest.mark.parametrize(
    "headers",
    [
        JSON_TYPE,
        {"content-type": ["Application/JSON; charset=utf-8"]},
        {**JSON_TYPE, "content-encoding": ["identity"], "content-length": ["7"]},
        {**JSON_TYPE, "content-encoding": [""]},
    ],
)
async def test_a_json_object_is_read_in_however_many_chunks(headers):
    assert await read_json_object(headers, chunks(b'{"a', b'":1', b"}"), max_bytes=7) == {"a": 1}


async def test_a_body_declared_too_large_is_refused_before_anything_is_read():
    async def never():
        raise AssertionError("asked for a chunk")
        yield b""

    with pytest.raises(DomainError) as raised:
        await read_json_object({"content-length": ["101"]}, never(), max_bytes=100)
    assert raised.value.code is Code.PAYLOAD_TOO_LARGE


async def test_reading_stops_once_a_body_is_too_large():
    read = []

    async def endless():
        while True:
            read.append(1)
            yield b"x" * 60

    with pytest.raises(DomainError) as raised:
        await read_json_object(JSON_TYPE, endless(), max_bytes=100)
    assert raised.value.code is Code.PAYLOAD_TOO_LARGE
    assert len(read) == 2


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": ["text/plain"]},
        {"content-type": ["application/jsonx"]},
        {"content-type": ["application/merge-patch+json"]},
        {"content-type": ["application/json", "application/json"]},
        {**JSON_TYPE, "content-encoding": ["gzip"]},
    ],
)
async def test_a_body_of_another_type_or_encoded_is_unsupported(headers):
    assert await code_of(headers, b"{}") is Code.UNSUPPORTED_MEDIA_TYPE


async def test_size_is_judged_before_type_and_type_before_form():
    assert await code_of({}, b"x" * 101) is Code.PAYLOAD_TOO_LARGE
    assert await code_of({}, b"nonsense") is Code.UNSUPPORTED_MEDIA_TYPE


async def test_a_length_of_many_digits_is_too_large_and_one_of_none_is_ignored():
    long = {**JSON_TYPE, "content-length": ["9" * 5000]}
    assert await code_of(long, b"{}") is Code.PAYLOAD_TOO_LARGE
    odd = {**JSON_TYPE, "content-length": ["²"]}
    assert await read_json_object(odd, chunks(b"{}"), max_bytes=9) == {}


def nested(depth):
    return b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"null", b"5", b'"x"', b"[]", b"{", b"{}{}", b"{'a':1}", b'{"a":1,}',
        b'{"a":NaN}', b'{"a":Infinity}', b'{"a":-Infinity}', b'{"a":1,"a":1}', b'{"a":{"b":1,"b":2}}',
        b'[{"b":1,"b":2}]', b'{"a":[{"b":1,"b":2}]}', b'{"a":"\xff"}', b"\xef\xbb\xbf{}",
        '{"a":1}'.encode("utf-16"), '{"a":1}'.encode("utf-32"), b'{"a":"\xed\xa0\x80"}',
        nested(33), nested(5_000), b"[" * 100_000, b'{"a":01}', b'{"a":"\x01"}',
        b'{"\\u0061":1,"a":2}',
    ],
)  # fmt: skip
def test_what_is_not_one_unambiguous_json_object_is_malformed(body):
    with pytest.raises(DomainError) as raised:
        parse_json_object(body)
    assert raised.value.code is Code.MALFORMED_JSON


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b" {} ", {}),
        (b'{"a":"\\ud83d\\ude00"}', {"a": "😀"}),
        (b'{"a":"\\ud800"}', {"a": "\ud800"}),
        (b'{"a":1,"b":1}', {"a": 1, "b": 1}),
        (b'{"a":' + b"1" * 5_000 + b"}", {"a": float("inf")}),
    ],
)
def test_odd_but_valid_json_is_read(body, value):
    assert parse_json_object(body) == value


def test_a_whole_number_stays_one():
    assert str(parse_json_object(b'{"a":[7,-123456789012345678]}')) == (
        "{'a': [7, -123456789012345678]}"
    )


def test_an_object_nests_at_most_32_deep():
    assert list(parse_json_object(nested(32))) == ["a"]


def test_an_object_has_at_most_a_hundred_thousand_values():
    def of(commas):
        return b'{"a":[' + b"1," * commas + b"1]}"

    assert len(parse_json_object(of(99_998))["a"]) == 99_999
    with pytest.raises(DomainError, match=Code.MALFORMED_JSON):
        parse_json_object(of(99_999))


@given(st.binary(max_size=60) | st.text(alphabet='{}[]":,0a\\u', max_size=60).map(str.encode))
def test_any_bytes_are_an_object_or_malformed(body):
    try:
        value = parse_json_object(body)
    except DomainError as error:
        assert error.code is Code.MALFORMED_JSON
    else:
        assert value == json.loads(body)
