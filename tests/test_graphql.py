"""What only GraphQL can express: its protocol over HTTP, its documents, their limits."""

import json
import time

import pytest
from graphql import parse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from profile_domain.errors import MESSAGES, Code
from profile_graphql.limits import MAX_ALIASES, MAX_DEPTH, broken_limit
from profile_graphql.media_types import GRAPHQL_RESPONSE, HTML, JSON, preferred_type
from running import ME_QUERY, running


async def post(service, body, **headers):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Content-Type": "application/json"} | headers
    return await service.client.post("/graphql", content=content, headers=sent)


def code_of(answer):
    return answer.json()["errors"][0]["extensions"]["code"]


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
        (f"{GRAPHQL_RESPONSE};q=0.1, {JSON};q=0.2", JSON), (f"{JSON};q=0, */*", GRAPHQL_RESPONSE),
        ("text/html,application/xhtml+xml,*/*;q=0.8", HTML), ("text/html;q=x, application/json", JSON),
        ("text/plain", JSON), (";q=1,,", JSON), ("APPLICATION/GraphQL-Response+JSON", GRAPHQL_RESPONSE),
    ],
)  # fmt: skip
def test_the_media_type_is_the_one_the_client_likes_best(accept, media_type):
    assert preferred_type(accept) == media_type


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
            assert error["message"] == MESSAGES[Code.INVALID_QUERY]


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
    names = ["FIRST_NAME", "LAST_NAME", "DISPLAY_NAME", "AVATAR_BASE64"]
    for person, editable in (
        ({}, names),
        ({"provider": "oidc"}, names[2:]),
        ({"provider": "saml", "email": "frozen@example.com"}, names[3:]),
        ({"email": "faceless@example.com"}, names[:3]),
    ):
        answer = await service.graphql(await service.person(**person), query)
        assert answer.json()["data"]["me"]["editableFields"] == editable


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
    monkeypatch.setattr("profile_infra.sqlite_store.read_profile", crash)
    answer = await service.graphql(user, "{ me { id } }", **{"X-Request-ID": "it-broke"})
    assert answer.status_code == 200
    assert code_of(answer) == "internal_error"
    assert "secret" not in answer.text
    assert any("it-broke" in record.getMessage() for record in caplog.records)


def nested(depth):
    """Valid by form only: validation would find that me has no me."""
    return "{ me " * (depth - 1) + "{ id }" + " }" * (depth - 1)


def aliases(count):
    return "{ " + " ".join(f"a{at}: __typename" for at in range(count)) + " }"


UPDATES = "updateMyProfile(input: {}) { __typename }"


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        (nested(MAX_DEPTH), True),
        (nested(MAX_DEPTH + 1), False),
        (aliases(MAX_ALIASES), True),
        (aliases(MAX_ALIASES + 1), False),
        ("mutation { a: " + UPDATES + " }", True),
        ("mutation { a: " + UPDATES + " b: " + UPDATES + " }", False),
        ("mutation { ...U ... on Mutation { a: " + UPDATES + " } } fragment U on Mutation { " + UPDATES + " }", False),
        ("mutation A { " + UPDATES + " } mutation B { " + UPDATES + " }", True),
        ("{ __schema " + nested(30) + " }", True),
        ('{ __type(name: "X") ' + nested(30) + " }", True),
        ("{ ...F } fragment F on Query { a: me { ...G } } fragment G on Profile " + nested(9), True),
        ("{ ...F } fragment F on Query { a: me { ...G } } fragment G on Profile " + nested(10), False),
        ("{ ...F ...F } fragment F on Query " + aliases(8), False),
        ("{ ...F } fragment F on Query { me { id } ...F }", True),
    ],
)  # fmt: skip
def test_a_document_keeps_its_limits(query, kept):
    assert (broken_limit(parse(query)) is None) is kept


async def test_a_broken_limit_is_an_invalid_query_that_says_which(service):
    for query, word in (
        (nested(11), "deep"),
        (aliases(16), "aliases"),
        ("{ " + "id " * 1_000 + "}", "tokens"),
    ):
        answer = await post(service, {"query": query}, Accept=GRAPHQL_RESPONSE)
        assert answer.status_code == 400
        assert code_of(answer) == "invalid_query"
        assert word in answer.json()["errors"][0]["extensions"]["details"]["explanation"]


def doubling(levels):
    """Each fragment spreads the next one twice: 2**levels fields for a few hundred bytes."""
    fragments = [f"fragment F{at} on Query {{ ...F{at + 1} ...F{at + 1} }}" for at in range(levels)]
    return "{ ...F0 }" + " ".join(fragments) + f" fragment F{levels} on Query {{ me {{ id }} }}"


HOSTILE = {
    "doubling fragments": doubling(60),
    "a wide selection": "{ me { " + "id " * 990 + "} }",
    "wide selections with arguments": "{ " + '__type(name: "x") { name } ' * 110 + "}",
    "a chain of fragments": "{ me { ...F0 } } " + " ".join(
        f"fragment F{at} on Profile {{ id ...F{at + 1} }}" for at in range(105)
    ) + " fragment F105 on Profile { id }",
    "many operations over one fragment": " ".join(f"query Q{at} {{ ...F }}" for at in range(160))
    + " fragment F on Query { me { id } }",
    "a cycle": "{ me { ...A } } fragment A on Profile { ...B } fragment B on Profile { ...A }",
    "deep lists": "mutation { updateMyProfile(input: " + "[" * 480 + "]" * 480 + ") { __typename } }",
    "deep selections": "{ a " * 490 + "{ a }" + "}" * 490,
    "many comments": "#\n" * 100_000 + "{ __typename }",
    "one long name": "{ " + "a" * 1_000_000 + " }",
    "unknown fields": "{ " + " ".join(f"field{at}" for at in range(990)) + " }",
    "many directives": "{ __typename " + "@skip(if: false) " * 150 + "}",
    "many variables": "query (" + " ".join(f"$v{at}: Int" for at in range(240)) + ") { __typename }",
    "surrogates": "{ \ud800 }",
    "control characters": "{ \x00\x01 }",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_document_is_answered_and_costs_little(service, name):
    started = time.process_time()
    answer = await post(service, {"query": HOSTILE[name]}, Accept=GRAPHQL_RESPONSE)
    spent = time.process_time() - started
    assert answer.status_code in {200, 400}
    assert spent < 2, "orders of magnitude above what it takes: only blow-ups fail"


async def test_what_is_remembered_is_bounded_and_answers_the_same(service):
    user = await service.person(first_name="Ada")
    for at in range(600):
        answer = await service.graphql(user, f"{{ me {{ name }} }} #{at % 300}")
        assert answer.json() == {"data": {"me": {"name": "Ada"}}}


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(
    query=st.text(alphabet='{}()[]:$!@"\\ \n#.ame1é\ud800', max_size=60)
    | st.lists(st.sampled_from(["{", "}", "me", "id", "...", "on", "Profile", "(", ")", "$x", ":", "!",
                                "mutation", "fragment", '"', "updateMyProfile", "input", "@skip"]))
    .map(" ".join),
    variables=st.none() | st.dictionaries(st.text(max_size=3), st.none() | st.floats() | st.text(max_size=5)),
)  # fmt: skip
async def test_any_document_is_answered_without_a_crash(service, query, variables):
    answer = await post(service, {"query": query, "variables": variables}, Accept=GRAPHQL_RESPONSE)
    if answer.status_code != 200:
        assert answer.status_code == 400
        assert code_of(answer) in {"invalid_query", "malformed_json"}
    assert "internal_error" not in answer.text
