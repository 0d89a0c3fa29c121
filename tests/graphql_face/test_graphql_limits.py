"""The limits on documents."""

import re
import time

import pytest
from graphql import GraphQLSyntaxError, get_introspection_query, parse, validate
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from asking import code_of, post
from profile_graphql.errors import RequestRefused
from profile_graphql.execution.documents import Documents
from profile_graphql.execution.limits import (
    MAX_ALIASES,
    MAX_DEPTH,
    MAX_ERRORS,
    MAX_INPUT_FIELDS,
    broken_limit,
)
from profile_graphql.schema import schema
from profile_graphql.view import GRAPHQL_RESPONSE, cut_variables
from running import ME_QUERY, UPDATE


def nested(depth):
    """Valid by form only: validation would find that me has no me."""
    return "{ me " * (depth - 1) + "{ id }" + " }" * (depth - 1)


def aliases(count):
    return "{ " + " ".join(f"a{at}: __typename" for at in range(count)) + " }"


def introspecting(selection):
    return "{ __schema { " + selection + " } }"


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
        (get_introspection_query(), True),
        (get_introspection_query(input_value_deprecation=True, schema_description=True,
                                 specified_by_url=True, directive_is_repeatable=True), True),
        (introspecting("types { fields { type { fields { type { fields { type { fields { name } } } } } } } }"), False),
        (introspecting("types { fields { args { name } } } " * 20), True),
        ("{ " + " ".join(f"a{at}: __schema {{ ...S }}" for at in range(15)) + " } fragment S on __Schema"
         " { types { fields { type { fields { type { fields { name } } } } } } }", False),
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


async def test_cached_documents_are_bounded_and_answer_the_same(service):
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


TOKEN = re.compile(r'"[^"]*"|\.\.\.|[_A-Za-z0-9]+|[^\sA-Za-z0-9]')
VALID = [
    UPDATE,
    ME_QUERY,
    (
        "query Q($a: Int = 1, $b: Boolean!) { ...F me { c: changes(first: $a) { edges { cursor } } } }"
        " fragment F on Query { __typename @skip(if: $b) ... on Query { me { id id name } } }"
    ),
]
PIECES = sorted({token for text in VALID for token in TOKEN.findall(text)})
edits = st.lists(
    st.tuples(st.integers(0, 90), st.sampled_from(["put", "add", "cut"]), st.sampled_from(PIECES)),
    max_size=3,
)


@settings(max_examples=200)
@given(st.sampled_from(VALID), edits)
def test_a_document_within_the_limits_is_read_exactly_if_graphql_core_finds_it_valid(text, edits):
    tokens = TOKEN.findall(text)
    for at, how, piece in edits:
        place = at % (len(tokens) + 1)
        tokens[place : place + (how != "add")] = [] if how == "cut" else [piece]
    edited = " ".join(tokens)
    try:
        ast = parse(edited)
    except GraphQLSyntaxError:
        valid = False
    else:
        valid = not validate(schema._schema, ast)
        assume(broken_limit(ast) is None)
    try:
        Documents(schema._schema, introspection=True).read(edited)
    except RequestRefused:
        assert not valid
    else:
        assert valid


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
)  # fmt: skip


@given(st.dictionaries(st.text(max_size=3), VALUES, max_size=4), st.integers(1, 3))
def test_of_variables_only_fields_over_the_limit_are_cut(variables, over):
    assert cut_variables(variables) == variables
    within = {f"f{at}": variables for at in range(MAX_INPUT_FIELDS)}
    crowded = within | {f"g{at}": variables for at in range(over)}
    assert cut_variables({"i": [crowded], **variables}) == {"i": [within], **variables}


@pytest.mark.parametrize("valid_ones", ["first", "last"])
async def test_an_object_with_more_fields_than_any_input_is_refused_and_writes_nothing(
    service, valid_ones
):
    user = await service.person()
    valid, unknown = {"displayName": "W"}, {f"f{at}": 1 for at in range(MAX_INPUT_FIELDS + 1)}
    sent = valid | unknown if valid_ones == "first" else unknown | valid
    answer = await service.graphql(user, UPDATE, {"input": sent})
    assert code_of(answer) == "invalid_query"
    assert len(answer.json()["errors"]) == MAX_ERRORS
    assert (await service.get(user)).json()["display_name"] is None
