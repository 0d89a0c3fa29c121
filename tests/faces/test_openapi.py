"""Requests generated from the OpenAPI document, and responses validated by it."""

import json
import time

import httpx2
import pytest
import schemathesis
from hypothesis import settings
from hypothesis import strategies as st
from jsonschema_rs import validator_for

from profile_api import reference
from profile_api.app import create_app
from profile_api.rest import openapi
from profile_api.rest.errors import STATUS
from profile_api.settings import Settings
from profile_domain.errors import Code
from profile_domain.profile import EDITABLE
from profile_infra.tokens.jose import sign
from profile_testing.images import data_uri, photo, png
from running import ME, SIGNER, TENANT, served

# What a schema cannot say: what makes a picture, and that an entity tag still holds (412).
schemathesis.openapi.format("image-data-uri", st.just(data_uri(png(photo(8, 8)))))
ACCEPTED = ["2xx", "3xx", "401", "403", "404", "409", "412", "429", "5xx"]

TOKEN = sign(SIGNER, {"sub": "ada", "tenant_id": TENANT, "exp": int(time.time()) + 3600})
DOCUMENT = reference.document(create_app(Settings(_env_file=None)))
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


def statuses(method):
    return set(PATHS[ME][method]["responses"])


def test_every_status_of_an_update_is_listed():
    below = {"400", "405", "408", "431", "500", "503"}
    of_the_caller = {"401", "403", "404"}
    assert statuses("put") == below | of_the_caller | {
        "200",
        "204",
        "409",
        "412",
        "413",
        "415",
        "429",
    }
    assert statuses("get") == below | of_the_caller | {"200", "304"}


def answers():
    """Each operation's answers: where, status, answer."""
    for path, methods in PATHS.items():
        for method, operation in methods.items():
            for status, answer in operation["responses"].items():
                yield f"{method} {path}", status, answer


def test_every_operation_tells_what_is_refused_below_it():
    told = {}
    for where, status, answer in answers():
        for code in answer.get("content", {}).get("application/json", {}).get("examples", {}):
            told.setdefault(where, {})[code] = status
    below = {
        Code.INVALID_HTTP,
        Code.METHOD_NOT_ALLOWED,
        Code.REQUEST_TIMEOUT,
        Code.HEADERS_TOO_LARGE,
    }
    for codes in told.values():
        assert {code: codes[code] for code in below} == {code: str(STATUS[code]) for code in below}


def test_every_code_of_an_update_has_a_true_example():
    shown = {}
    for status, response in PATHS[ME]["put"]["responses"].items():
        content = response.get("content", {}).get("application/json", {})
        for code, example in content.get("examples", {}).items():
            if code == "example":
                continue
            shown[code] = example["value"]
            assert STATUS[Code(code)] == int(status)
            assert example["value"]["code"] == code
            (limits, *_) = example["value"].get("details", {}).get("violations", [{}])
            assert example["value"]["message"] == Code(code).message.format_map(limits)
    assert set(shown) == set(Code) - {Code.INVALID_QUERY, Code.INVALID_ARGUMENT}


def resolved(found):
    while "$ref" in found:
        reference, found = found["$ref"], DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
    return found


def validated(schema, value):
    """Whether a value is as a schema of the document has it."""
    return validator_for({"components": DOCUMENT["components"], **schema}).is_valid(value)


def test_each_answer_and_body_has_an_example_that_is_as_its_schema_says():
    bodies = [(where, status, answer) for where, status, answer in answers() if "content" in answer]
    bodies.append(("put", "body", PATHS[ME]["put"]["requestBody"]))
    for where, status, body in bodies:
        for media_type, content in body["content"].items():
            shown = [resolved(each)["value"] for each in content.get("examples", {}).values()]
            shown += [content["example"]] if "example" in content else []
            assert shown, (where, status, media_type)
            for value in shown:
                assert validated(content.get("schema", {}), value), (where, status, value)


def test_each_parameter_has_a_description_and_an_example_that_can_be_sent():
    for path, methods in PATHS.items():
        for operation in methods.values():
            for parameter in operation.get("parameters", []):
                assert parameter["description"].endswith("."), (path, parameter)
                assert validated(parameter["schema"], parameter["example"]), (path, parameter)


def schemas(found):
    """Each schema in a part of the document, with its name where it has one."""
    if isinstance(found, dict):
        if "type" in found or "properties" in found:
            yield found
        for each in found.values():
            yield from schemas(each)
    elif isinstance(found, list):
        for each in found:
            yield from schemas(each)


def test_what_is_answered_is_open_to_new_keys():
    received = dict(DOCUMENT["components"]["schemas"])
    assert received.pop("ProfileUpdate")["additionalProperties"] is False
    for each in schemas([received, [answer for _, _, answer in answers()]]):
        assert "additionalProperties" not in each, each
    assert "New codes and keys may come" in DOCUMENT["info"]["description"]


def test_an_error_is_typed_and_what_is_not_said_is_absent_and_never_null():
    models = DOCUMENT["components"]["schemas"]
    assert models["ErrorBody"]["required"] == ["code", "message"]
    assert models["Violation"]["required"] == ["field", "code", "message"]
    assert models["ErrorCode"]["enum"] == [code for code in Code if code != "invalid_query"]
    assert len(models["ErrorCode"]["x-enum-descriptions"]) == len(models["ErrorCode"]["enum"])
    for name in ("ErrorBody", "ErrorDetails", "Violation"):
        assert "null" not in json.dumps(models[name]).replace("null where", "")
        assert all("anyOf" not in each for each in models[name]["properties"].values())
    assert set(models["Violation"]["properties"]) == {
        "field", "code", "message", "max", "max_bytes", "max_side",
    }  # fmt: skip


def test_what_null_does_is_said_of_every_name_that_takes_or_gives_it():
    models = DOCUMENT["components"]["schemas"]
    for field in EDITABLE:
        for model in ("ProfileBody", "ProfileUpdate"):
            assert "null" in models[model]["properties"][field]["description"].lower()


def test_the_document_is_written_for_people_who_know_no_python():
    text = json.dumps(DOCUMENT)
    assert "``" not in text.replace("```", "")
    assert "Raises" not in text


@pytest.mark.parametrize(
    ("public_url", "server"), [(None, "."), ("https://acme.example/me", "https://acme.example/me")]
)
def test_the_server_is_where_people_reach_it(public_url, server):
    app = create_app(Settings(_env_file=None, public_url=public_url))
    assert [each["url"] for each in reference.document(app)["servers"]] == [server]


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
