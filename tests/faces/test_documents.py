"""The committed OpenAPI document and GraphQL schema are current; breaking changes are detected."""

import copy
import json

import pytest

from breaking_changes import breaks, is_announced
from profile_api import reference
from profile_api.app import create_app
from profile_api.settings import Settings
from profile_graphql.schema import schema

REMEDY = "run `make documents`, and commit what it writes"


@pytest.fixture
def documents(repository):
    return (
        (repository / "schema.graphql").read_text("utf-8"),
        json.loads((repository / "openapi.json").read_text("utf-8")),
    )


def test_the_committed_schema_is_the_graphql_faces(documents):
    assert documents[0] == schema.as_str() + "\n", REMEDY


def test_the_committed_openapi_document_is_the_rest_faces(documents):
    app = create_app(Settings(_env_file=None, issuers=[], policy_dir=None))
    assert documents[1] == json.loads(json.dumps(reference.document(app))), REMEDY


# Breaking changes


def test_nothing_breaks_without_a_change(documents):
    assert breaks(documents, documents) == []


def changed(documents, path, value=None, *, remove=None):
    """The documents with a value at a path of the OpenAPI document, or with one key less."""
    sdl, document = documents[0], copy.deepcopy(documents[1])
    found = document
    for key in path[:-1]:
        found = found[key]
    if remove is None:
        found[path[-1]] = value
    elif isinstance(found[path[-1]], list):
        found[path[-1]] = [each for each in found[path[-1]] if each != remove]
    else:
        del found[path[-1]][remove]
    return sdl, document


ME = ("paths", "/v1/users/me/profile")
SENT = ("components", "schemas", "ProfileUpdate")
RECEIVED = ("components", "schemas", "ProfileBody")


@pytest.mark.parametrize(
    ("path", "value", "remove", "result"),
    [
        (("paths",), None, "/metrics", "GET /metrics is gone"),
        (ME, None, "put", "PUT /v1/users/me/profile is gone"),
        ((*ME, "put", "operationId"), "change", None, "another operationId"),
        ((*ME, "get", "responses"), None, "304", "answer 304 is gone"),
        ((*ME, "get", "responses", "200", "headers"), None, "ETag", "header ETag is gone"),
        ((*ME, "put", "responses", "200", "content"), None, "application/json", "json is gone"),
        (("paths", "/healthz", "get", "security"), [{"bearer": []}], None, "credentials now"),
        ((*SENT, "properties"), None, "last_name", "last_name is gone"),
        ((*SENT, "required"), ["last_name"], None, "last_name is required now"),
        ((*SENT, "properties", "avatar_base64", "type"), "string", None, "must not be null"),
        ((*SENT, "properties", "first_name", "maxLength"), 50, None, "another maxLength"),
        ((*SENT, "properties", "first_name", "enum"), ["Ada"], None, "must not be any other value"),
        ((*RECEIVED, "properties"), None, "name", "name is gone"),
        ((*RECEIVED, "required"), None, "name", "name may be absent now"),
        ((*RECEIVED, "properties", "email", "type"), ["string", "null"], None, "may be null now"),
    ],
)
def test_what_rest_clients_would_miss_is_called_out(documents, path, value, remove, result):
    found = breaks(documents, changed(documents, path, value, remove=remove))
    assert found
    assert all(result in line for line in found), found


@pytest.mark.parametrize("tighter", [{"maxLength": 10}, {"minLength": 1}, {"pattern": "^A"}])
def test_a_limit_counts_behind_a_choice_of_types_too(documents, tighter):
    choice = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    narrower = {"anyOf": [{"type": "string", **tighter}, {"type": "null"}]}
    path = (*SENT, "properties", "first_name")
    old, new = changed(documents, path, choice), changed(documents, path, narrower)
    (result,) = breaks(old, new)
    assert f"another {next(iter(tighter))}" in result
    assert breaks(new, old) == []


def test_the_name_of_a_schema_is_nobodys_business(documents):
    sdl, document = documents
    renamed = json.loads(json.dumps(document).replace("ErrorCode", "Code"))
    assert "Code" in renamed["components"]["schemas"]
    assert breaks(documents, (sdl, renamed)) == breaks((sdl, renamed), documents) == []


def test_a_parameter_that_must_be_sent_from_now_on_is_called_out(documents):
    new = copy.deepcopy(documents[1])
    (if_match,) = (
        each for each in new["paths"][ME[1]]["put"]["parameters"] if each["name"] == "If-Match"
    )
    if_match["required"] = True
    assert "parameter If-Match is required now" in "".join(breaks(documents, (documents[0], new)))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("paths", "/v2"), {"get": {"responses": {}}}),
        ((*SENT, "properties", "nickname"), {"type": "string"}),
        ((*SENT, "properties", "first_name", "maxLength"), 200),
        ((*RECEIVED, "properties", "nickname"), {"type": "string"}),
        ((*ME, "get", "summary"), "Other words"),
    ],
)
def test_what_is_added_breaks_nobody(documents, path, value):
    assert breaks(documents, changed(documents, path, value)) == []


@pytest.mark.parametrize(
    ("old", "new", "result"),
    [
        ("  etag: String!", "  tag: String!", "Profile.etag was removed"),
        ("  firstName: String\n", "  firstName: String!\n", "firstName"),
        ("  email: String!", "  email: String", "Profile.email changed type"),
        ("  SAML\n", "  LDAP\n", "SAML was removed"),
    ],
)
def test_what_graphql_clients_would_miss_is_called_out(documents, old, new, result):
    sdl, document = documents
    assert old in sdl
    found = breaks(documents, (sdl.replace(old, new), document))
    assert any(result in line for line in found), found


@pytest.mark.parametrize(
    ("old", "new", "announced"),
    [
        ("0.1.0", "0.1.9", False), ("0.1.0", "0.2.0", True), ("0.9.0", "1.0.0", True),
        ("1.2.0", "1.3.0", False), ("1.2.0", "2.0.0", True), ("2.0.0", "1.9.0", False),
    ],
)  # fmt: skip
def test_a_break_is_announced_by_the_version(old, new, announced):
    assert is_announced(old, new) is announced
