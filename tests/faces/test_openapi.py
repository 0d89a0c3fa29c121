"""Requests generated from the OpenAPI document, and responses validated by it."""

import json
import time

import httpx2
import pytest
import schemathesis
from hypothesis import settings
from hypothesis import strategies as st
from jsonschema_rs import validator_for

from profile_api.app import create_app
from profile_api.rest import openapi
from profile_api.rest.errors import STATUS
from profile_api.settings import Settings
from profile_domain.errors import Code
from profile_infra.tokens.jose import sign
from profile_testing.images import data_uri, photo, png
from running import ME, SIGNER, TENANT, served

# What a schema cannot say: what makes a picture, and that an entity tag still holds (412).
schemathesis.openapi.format("image-data-uri", st.just(data_uri(png(photo(8, 8)))))
ACCEPTED = ["2xx", "3xx", "401", "403", "404", "409", "412", "429", "5xx"]

TOKEN = sign(SIGNER, {"sub": "ada", "tenant_id": TENANT, "exp": int(time.time()) + 3600})
DOCUMENT = openapi.document(create_app(Settings(_env_file=None)))
api = schemathesis.openapi.from_dict(
    json.loads(json.dumps(DOCUMENT)),
    config=schemathesis.Config.from_dict(
        {
            "auth": {"openapi": {"bearer": {"bearer": TOKEN}}},
            "headers": {"X-Tenant-ID": TENANT},
            "checks": {"positive_data_acceptance": {"expected-statuses": ACCEPTED}},
        }
    ),
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with served(tmp_path_factory.mktemp("served")) as server:
        yield server


@api.parametrize()
@settings(max_examples=60, deadline=None)
def test_answers_keep_the_document_whatever_is_sent(case, server):
    case.call_and_validate(base_url=server.address)


PATHS = DOCUMENT["paths"]


def test_the_command_prints_the_document_that_is_served(server):
    answer = httpx2.get(f"{server.address}/openapi.json")
    assert answer.json() == json.loads(json.dumps(DOCUMENT))


def test_every_status_of_an_update_is_listed():
    listed = set(PATHS[ME]["put"]["responses"])
    assert listed == {
        "200",
        "204",
        "400",
        "401",
        "403",
        "404",
        "409",
        "412",
        "413",
        "415",
        "429",
        "500",
        "503",
    }
    assert set(PATHS[ME]["get"]["responses"]) == {
        "200",
        "304",
        "400",
        "401",
        "403",
        "404",
        "500",
        "503",
    }


def test_every_code_of_an_update_has_a_true_example():
    shown = {}
    for status, response in PATHS[ME]["put"]["responses"].items():
        if status == "204":
            continue
        for code, example in response["content"]["application/json"].get("examples", {}).items():
            shown[code] = example["value"]
            assert STATUS[Code(code)] == int(status)
            assert example["value"]["code"] == code
            (limits, *_) = example["value"].get("details", {}).get("violations", [{}])
            assert example["value"]["message"] == Code(code).message.format_map(limits)
    below_routes = {Code.INVALID_HTTP, Code.REQUEST_TIMEOUT, Code.HEADERS_TOO_LARGE}
    not_here = {Code.INVALID_QUERY, Code.INVALID_ARGUMENT, Code.METHOD_NOT_ALLOWED}
    assert set(shown) == set(Code) - not_here - below_routes


def test_every_document_that_is_answered_has_a_valid_example():
    shown = 0
    for path in PATHS.values():
        for operation in path.values():
            content = operation["responses"]["200"].get("content", {})
            if "example" in (body := content.get("application/json", {})):
                schema = {**body["schema"], "components": DOCUMENT["components"]}
                assert validator_for(json.loads(json.dumps(schema))).is_valid(body["example"])
                shown += 1
    assert shown == 5


def test_the_caller_is_described():
    assert DOCUMENT["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    for method in ("get", "put"):
        (tenant,) = [
            each for each in PATHS[ME][method]["parameters"] if each["name"] == "X-Tenant-ID"
        ]
        assert tenant["required"] is True
        assert PATHS[ME][method]["security"] == [{"bearer": []}]


@pytest.mark.parametrize(
    ("body", "valid"),
    [
        ({}, True), ({"first_name": "Ada"}, True), ({"first_name": "\tAda "}, True),
        ({"first_name": None}, False), ({"first_name": "a\x00"}, False), ({"first_name": "x" * 101}, False),
        ({"avatar_base64": None}, True), ({"avatar_base64": 5}, False), ({"email": "a@b.c"}, False),
    ],
)  # fmt: skip
def test_a_form_can_check_an_update_by_its_schema(body, valid):
    assert validator_for(openapi.PROFILE_UPDATE).is_valid(body) is valid
