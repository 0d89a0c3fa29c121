"""The form rules of an avatar: the data URI, its base64 and its size."""

from __future__ import annotations

import base64
import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profile_domain.errors import Code, FieldRefused
from profile_domain.pictures.avatar import MAX_BYTES, Avatar, Upload, read_data_uri
from profile_testing.images import data_uri, png


@pytest.mark.parametrize("head", ["data:image/png", "DATA:Image/PNG", "data:IMAGE/png"])
def test_scheme_and_type_are_read_in_any_letter_case(head: str):
    assert read_data_uri(f"{head};base64,aGk=") == Upload.of("image/png", b"hi")


@pytest.mark.parametrize(
    "parameters",
    [
        "name=me.png",
        "NAME=Me.PNG",
        "name=my%20picture%20(1).png",
        "name=%D1%84%D0%BE%D1%82%D0%BE.png;size=12",
        'name="me.png"',
        'name="one, two; three=3.png"',
        r'name="a \"quoted\" name.png"',
        'name=";base64,AAAA"',
        "charset=utf-8;name=me.png",
        "name=base64",
        "base64=no",
        "base64",
        "name=a=b",
        ";".join(f"p{number}={number}" for number in range(10_000)),
    ],
)
def test_parameters_are_read_over(parameters: str):
    sent = read_data_uri(f"data:image/png;{parameters};base64,aGk=")
    assert sent == Upload.of("image/png", b"hi")
    assert sent == read_data_uri(f"DATA:Image/PNG;{parameters};BASE64,aGk=")


@pytest.mark.parametrize("repeated", [";", '"', ';a="', ";base64", ';a="b";', ";=", "\\", ';a="\\'])
def test_parameters_without_end_are_refused_in_linear_time(repeated: str):
    with pytest.raises(FieldRefused, match=Code.AVATAR_MALFORMED):
        read_data_uri("data:image/png;a=" + repeated * 200_000)


def test_image_jpg_is_taken_for_image_jpeg():
    assert read_data_uri("data:image/JPG;base64,aGk=").declared_type == "image/jpeg"


def test_a_type_that_is_no_picture_of_ours_has_the_form_all_the_same():
    assert read_data_uri("data:image/svg+xml;base64,aGk=").declared_type == "image/svg+xml"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "data:image/png;base64,",
        "data:image/png;base64,=",
        "data:image/png;base64,====",
        "data:image/png,aGk=",
        "data:image/png;;base64,aGk=",
        "data:image/png;name=;base64,aGk=",
        "data:image/png;=me.png;base64,aGk=",
        "data:image/png;name=my picture.png;base64,aGk=",
        "data:image/png;name=a,b;base64,aGk=",
        'data:image/png;name="me.png;base64,aGk=',
        'data:image/png;name="me"x;base64,aGk=',
        "data:image/png;base64;name=me.png,aGk=",
        "data:image/png;base64=,aGk=",
        "data:image/png; name=me.png;base64,aGk=",
        "data:image/png;name=\N{LATIN SMALL LETTER E WITH ACUTE}.png;base64,aGk=",
        "data:text/plain;base64,aGk=",
        "data:;base64,aGk=",
        "data:image/;base64,aGk=",
        "data: image/png;base64,aGk=",
        " data:image/png;base64,aGk=",
        "data:image/png;base64,aGk= ",
        "data:image/png;base64,aGk=\n",
        "data:image/png;base64,aG\nk=",
        "data:image/png;base64, aGk=",
        "data:image/png;base64,aGk",
        "data:image/png;base64,aGk==",
        "data:image/png;base64,aG=k",
        "data:image/png;base64,a===",
        "data:image/png;base64,aaaaa===",
        "data:image/png;base64,aGl=",
        "data:image/png;base64,aR==",
        "data:image/png;base64,_-8=",
        "data:image/png;base64,aGk%3D",
        "data:image/png;base64,aGk\N{FULLWIDTH EQUALS SIGN}",
        "data:image/\N{LATIN SMALL LETTER LONG S};base64,aGk=",
        "data:image/\N{KELVIN SIGN};base64,aGk=",
        "data:image/png;base64,aGk=\ud800",
        "data:image/png;base64,aGk=aGk=",
        "data:image/" + "x" * 200 + ";base64,aGk=",
        "https://example.org/me.png",
    ],
)
def test_what_is_no_base64_data_uri_of_an_image_is_malformed(text: str):
    with pytest.raises(FieldRefused) as refused:
        read_data_uri(text)
    assert (refused.value.code, refused.value.limits) == (Code.AVATAR_MALFORMED, {})


@pytest.mark.parametrize("last", "AXZaz09+/")
def test_unpadded_base64_may_end_with_any_letter(last: str):
    assert len(read_data_uri(f"data:image/png;base64,AAB{last}").image) == 3


@pytest.mark.parametrize("short", [0, 1, 2])
def test_256_kib_pass(short: int):
    image = b"x" * (MAX_BYTES - short)
    assert read_data_uri(data_uri(image, "image/png")).image == image


@pytest.mark.parametrize("over", [1, 2, 3, 100_000])
def test_one_byte_more_is_too_large(over: int):
    with pytest.raises(FieldRefused) as refused:
        read_data_uri(data_uri(b"x" * (MAX_BYTES + over), "image/png"))
    assert refused.value.code == Code.AVATAR_TOO_LARGE
    assert refused.value.limits == {"max_bytes": 262_144}


def test_what_is_both_malformed_and_too_large_is_malformed():
    with pytest.raises(FieldRefused, match=Code.AVATAR_MALFORMED):
        read_data_uri(data_uri(b"x" * (MAX_BYTES + 3), "image/png") + "=")


@given(st.binary(min_size=1, max_size=200))
def test_what_is_given_out_reads_back_as_it_was(image: bytes):
    avatar = Avatar.of("image/webp", image)
    sent = read_data_uri(avatar.data_uri)
    assert sent == Upload.of("image/webp", image)
    assert sent.is_stored_as(avatar)


@given(st.text("AQgw/+9aZ=", max_size=24))
def test_base64_is_what_has_one_spelling_only(digits: str):
    try:
        decoded = base64.b64decode(digits, validate=True)
        canonical = decoded != b"" and base64.b64encode(decoded).decode() == digits
    except binascii.Error:
        canonical = False
    try:
        assert read_data_uri("data:image/png;base64," + digits).image == decoded
        assert canonical
    except FieldRefused:
        assert not canonical


def test_another_type_another_picture_or_none_is_not_what_is_stored():
    sent = Upload.of("image/png", png())
    assert not sent.is_stored_as(None)
    assert not sent.is_stored_as(Avatar.of("image/webp", png()))
    assert not sent.is_stored_as(Avatar.of("image/png", png() + b"x"))


def test_an_avatar_loaded_without_its_image_has_no_data_uri():
    known = Avatar("image/png", b"digest")
    with pytest.raises(ValueError, match="without its image"):
        _ = known.data_uri
