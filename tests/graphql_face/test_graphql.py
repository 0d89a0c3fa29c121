"""What only GraphQL can express: its protocol over HTTP."""

import json

import pytest

from asking import code_of, post
from profile_domain.errors import Code
from profile_domain.profile import EDITABLE
from profile_domain.requests.headers import preferred_type
from profile_graphql.view import GRAPHQL_RESPONSE, HTML, JSON, OFFERED
from running import ME_QUERY, running


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "text/plain"])
async def test_json_is_what_a_client_gets_that_does_not_ask_for_more(service, accept):
    answer = await post(
        service, {"query": "{ __typename }"}, **({"Accept": accept} if accept else {})
    )
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.json() == {"data": {"__typename": "Query"}}
    assert answer.headers["X-Request-ID"]


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", JSON), ("*/*", JSON), ("application/*", JSON), (GRAPHQL_RESPONSE, GRAPHQL_RESPONSE),
        (f"{GRAPHQL_RESPONSE}, {JSON};q=0.9", GRAPHQL_RESPONSE), (f"{JSON}, {GRAPHQL_RESPONSE}", JSON),
        (f"{GRAPHQL_RESPONSE};charset=utf-8;q=0.1, {JSON};q=0.2", JSON), (f"{JSON};q=0, */*", GRAPHQL_RESPONSE),
        ("text/html,application/xhtml+xml,*/*;q=0.8", HTML), ("text/html;q=x, application/json", JSON),
        ("text/plain", JSON), (";q=1,,", JSON), ("APPLICATION/GraphQL-Response+JSON", GRAPHQL_RESPONSE),
    ],
)  # fmt: skip
def test_the_media_type_is_the_one_the_client_likes_best(accept, media_type):
    assert preferred_type(accept, OFFERED) == media_type


async def test_several_accept_lines_are_one_list(service):
    lines = [("Content-Type", JSON), ("Accept", "text/plain"), ("Accept", GRAPHQL_RESPONSE)]
    answer = await service.client.post("/graphql", content=b'{"query":"{"}', headers=lines)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"].startswith(GRAPHQL_RESPONSE)


@pytest.mark.parametrize("query", ["{", "{ nonsense }", "query ($x: Int!) { __typename }", ""])
async def test_a_request_that_is_not_run_is_400_where_the_media_type_can_say_so(service, query):
    for accept, status in ((GRAPHQL_RESPONSE, 400), (JSON, 200)):
        answer = await post(service, {"query": query}, Accept=accept)
        assert answer.status_code == status
        assert answer.headers["Content-Type"].startswith(accept)
        assert "data" not in answer.json()
        for error in answer.json()["errors"]:
            assert error["extensions"]["code"] == "invalid_query"
            assert error["message"] == Code.INVALID_QUERY.message


async def test_a_variable_of_another_type_is_not_run(service):
    user = await service.person()
    query = (
        "mutation ($input: UpdateMyProfileInput!) { updateMyProfile(input: $input) { __typename } }"
    )
    for variables in (
        {},
        {"input": {"firstName": 5}},
        {"input": {"nickname": "x"}},
        {"input": None},
    ):
        answer = await service.graphql(user, query, variables, Accept=GRAPHQL_RESPONSE)
        assert answer.status_code == 400
        assert "data" not in answer.json()
        assert code_of(answer) == "invalid_query"


async def test_a_field_error_is_200_in_both_media_types(service):
    for accept in (GRAPHQL_RESPONSE, JSON):
        answer = await post(service, {"query": ME_QUERY}, Accept=accept)
        assert answer.status_code == 200
        assert answer.json()["data"] is None
        (error,) = answer.json()["errors"]
        assert error["path"] == ["me"]
        assert error["locations"] == [{"line": 1, "column": 3}]
        assert error["extensions"] == {"code": "unauthenticated", "details": {"reason": "missing"}}


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b'"x"', {}, 400, "malformed_json"),
        (b"5", {}, 400, "malformed_json"),
        (b"null", {}, 400, "malformed_json"),
        (b"[]", {}, 400, "malformed_json"),
        (b"[" * 5_000, {}, 400, "malformed_json"),
        (b'{"query":"{a}","query":"{b}"}', {}, 400, "malformed_json"),
        (b'{"query":NaN}', {}, 400, "malformed_json"),
        (b" " * (2 * 1024 * 1024 + 1), {}, 413, "payload_too_large"),
        (b"{ me { id } }", {"Content-Type": "application/graphql"}, 415, "unsupported_media_type"),
        (b"{}", {"Content-Encoding": "gzip"}, 415, "unsupported_media_type"),
        (b"{}", {}, 400, "invalid_query"),
        (b'{"query":5}', {}, 400, "invalid_query"),
        (b'{"query":"{me{id}}","variables":[]}', {}, 400, "invalid_query"),
        (b'{"query":"{me{id}}","variables":0}', {}, 400, "invalid_query"),
        (b'{"query":"{me{id}}","extensions":false}', {}, 400, "invalid_query"),
        (b'{"query":"{me{id}}","variables":"x"}', {}, 400, "invalid_query"),
        (b'{"query":"{me{id}}","operationName":{}}', {}, 400, "invalid_query"),
        (b'{"query":"{me{id}}","extensions":7}', {}, 400, "invalid_query"),
    ],
)
async def test_a_body_that_is_no_graphql_request_has_rests_status(
    service, body, headers, status, code
):
    for accept in (GRAPHQL_RESPONSE, JSON):
        answer = await post(service, body, Accept=accept, **headers)
        assert answer.status_code == status
        assert code_of(answer) == code
        assert answer.headers["Content-Type"].startswith(accept)


async def test_of_several_operations_the_named_one_runs(service):
    query = "query A { a: __typename } query B { b: __typename }"
    assert (await post(service, {"query": query, "operationName": "B"})).json() == {
        "data": {"b": "Query"}
    }
    for name in (None, "C", ""):
        answer = await post(
            service, {"query": query, "operationName": name}, Accept=GRAPHQL_RESPONSE
        )
        assert answer.status_code == 400
        assert code_of(answer) == "invalid_query"


async def test_queries_work_by_get_and_mutations_do_not(service):
    user = await service.person(first_name="Ada")
    query = "query ($yes: Boolean!) { me { name @include(if: $yes) } }"
    parameters = {"query": query, "variables": '{"yes": true}', "operationName": None}
    sent = {name: value for name, value in parameters.items() if value}
    answer = await service.client.get("/graphql", params=sent, headers=service.headers(user))
    assert answer.json() == {"data": {"me": {"name": "Ada"}}}
    mutation = "mutation { updateMyProfile(input: {}) { __typename } }"
    refused = await service.client.get("/graphql", params={"query": mutation})
    assert refused.status_code == 405
    assert refused.headers["Allow"] == "POST"
    assert code_of(refused) == "method_not_allowed"


@pytest.mark.parametrize(
    "again", ["query={ __typename }", "variables={}", "operationName=", "cached=1&cached=2"]
)
async def test_a_parameter_of_get_stands_once(service, again):
    url = "/graphql?query={ __typename }&variables={}&operationName="
    assert (await service.client.get(url)).status_code == 200
    refused = await service.client.get(f"{url}&{again}")
    assert refused.status_code == 400
    assert code_of(refused) == "invalid_query"


@pytest.mark.parametrize("name", ["variables", "extensions"])
@pytest.mark.parametrize("value", ["", "x", "[]", '"x"', "\ud800"])
async def test_get_parameters_must_be_json_objects(service, name, value):
    encoded = value.encode("utf-8", "surrogatepass")
    url = (
        b"/graphql?query={__typename}&"
        + name.encode()
        + b"="
        + encoded.hex("%").join(["%", ""]).encode()
    )
    answer = await service.client.get(url.decode())
    assert answer.status_code == 400
    assert code_of(answer) == "invalid_query"


async def test_a_browser_gets_graphiql(service):
    answer = await service.client.get("/graphql", headers={"Accept": "text/html,*/*;q=0.8"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]


async def test_introspection_works_without_a_token_where_it_is_on(service, tmp_path):
    query = '{ __schema { queryType { name } } __type(name: "Profile") { name } }'
    answer = await post(service, {"query": query})
    assert answer.json()["data"]["__type"] == {"name": "Profile"}
    async with running(tmp_path, introspection=False) as closed:
        refused = await post(closed, {"query": query}, Accept=GRAPHQL_RESPONSE)
        assert refused.status_code == 400
        misspelt = await post(closed, {"query": "{ me { nmae } }"})
        assert "Did you mean" not in misspelt.text
        assert (await post(closed, {"query": "{ __typename }"})).json()["data"]


async def test_editable_fields_follow_provider_and_policy(service):
    query = "{ me { editableFields } }"
    managed = {"FIRST_NAME", "LAST_NAME"}
    for person, kept in (
        ({}, set()),
        ({"provider": "oidc"}, managed),
        ({"provider": "saml", "email": "frozen@example.com"}, managed | {"DISPLAY_NAME"}),
        ({"email": "faceless@example.com"}, {"AVATAR_BASE64"}),
    ):
        answer = await service.graphql(await service.person(**person), query)
        assert answer.json()["data"]["me"]["editableFields"] == [
            field.upper() for field in EDITABLE if field.upper() not in kept
        ]


async def test_the_same_question_by_several_names_asks_who_calls_once(service):
    user = await service.person(first_name="Ada")
    answer = await service.graphql(user, "{ a: me { name } b: me { name } }")
    assert answer.json() == {"data": {"a": {"name": "Ada"}, "b": {"name": "Ada"}}}


async def test_an_unforeseen_error_is_masked_and_logged_under_the_requests_id(
    service, monkeypatch, caplog
):
    def crash(*_):
        raise RuntimeError("secret")

    user = await service.person()
    monkeypatch.setattr("profile_infra.stores.sqlite.store.read_profile", crash)
    answer = await service.graphql(user, "{ me { id } }", **{"X-Request-ID": "it-broke"})
    assert answer.status_code == 200
    assert code_of(answer) == "internal_error"
    assert "secret" not in answer.text
    assert any("it-broke" in record.getMessage() for record in caplog.records)


PERSISTED = {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}


@pytest.mark.parametrize("accept", [JSON, GRAPHQL_RESPONSE])
@pytest.mark.parametrize(
    "body", [{"extensions": PERSISTED}, {"query": None, "extensions": PERSISTED}]
)
async def test_a_persisted_query_is_answered_so_that_the_client_sends_the_document(
    service, body, accept
):
    """As Apollo Server without persisted queries does; Apollo's link compares both texts."""
    result = {
        "errors": [
            {
                "message": "PersistedQueryNotSupported",
                "extensions": {"code": "PERSISTED_QUERY_NOT_SUPPORTED"},
            }
        ]
    }
    answer = await post(service, body, Accept=accept)
    assert (answer.status_code, answer.json()) == (200, result)
    by_get = await service.client.get(
        "/graphql", params={"extensions": json.dumps(PERSISTED)}, headers={"Accept": accept}
    )
    assert (by_get.status_code, by_get.json()) == (200, result)
    again = await post(service, {"query": "{ __typename }", "extensions": PERSISTED}, Accept=accept)
    assert again.json() == {"data": {"__typename": "Query"}}


async def test_an_empty_name_of_an_operation_is_none(service):
    for query in ("{ __typename }", "{ __typename @skip(if: false) }"):
        answer = await post(service, {"query": query, "operationName": ""})
        assert answer.json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize("extensions", [{}, {"persistedQuery": None}, {"other": PERSISTED}])
async def test_without_a_document_other_extensions_are_of_no_help(service, extensions):
    answer = await post(service, {"extensions": extensions})
    assert (answer.status_code, code_of(answer)) == (400, "invalid_query")


async def test_one_response_key_stands_in_a_selection_at_most_20_times(service):
    explained = "A selection has one response key at most 20 times."
    for text, kept in (
        ("{" + "a: __typename " * 15 + "}", True),
        ("{" + "__typename " * 20 + "}", True),
        ("{" + "__typename " * 21 + "}", False),
        ("{ ... { ...F } " + "__typename " * 19 + "} fragment F on Query { __typename }", True),
        ("{ ... { ...F } " + "__typename " * 20 + "} fragment F on Query { __typename }", False),
        ("{" + "me { id } " * 20 + "}", True),
        ("{" + "me { id } " * 21 + "}", False),
        ("{ me {" + "id " * 11 + "} me {" + "id " * 10 + "} }", False),
        ("{ a: me {" + "id " * 20 + "} b: me {" + "id " * 20 + "} }", True),
        ("query A {" + "__typename " * 20 + "} query B {" + "__typename " * 20 + "}", True),
    ):
        answer = (
            await post(
                service, {"query": text, "operationName": "A" if "query A" in text else None}
            )
        ).json()
        if kept:
            assert "invalid_query" not in str(answer)
        else:
            (error,) = answer["errors"]
            assert error["extensions"]["details"]["explanation"] == explained
