"""With introspection off, error messages contain no names of the schema that were not sent."""

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asking import post
from profile_graphql.execution.hiding import HiddenNames
from profile_graphql.schema import schema
from running import UPDATE, running

NAMES = HiddenNames(schema._schema)._names
SENT = [
    UPDATE,
    "{ me { id name authProvider changes(first: 1, after: null) { edges { node { fields { field } } } } } }",
    ("query Q($a: String) { me { ...F changes(after: $a) { pageInfo { hasNextPage } } } }"
    " fragment F on Profile { etag }"),
    'mutation { updateMyProfile(input: {firstName: "x", avatarBase64: null}) { __typename } }',
]  # fmt: skip


@pytest.fixture(scope="module")
async def closed(tmp_path_factory):
    async with running(tmp_path_factory.mktemp("closed"), introspection=False) as service:
        yield service


def words(text):
    return set(re.findall("[_0-9A-Za-z]+", text))


def assert_tells_no_other_names(answer, sent):
    for error in answer.json().get("errors", ()):
        explanation = error["extensions"].get("details", {}).get("explanation", "")
        assert "Did you mean" not in explanation
        # A name of one lower-case word may stand there as a word of English; not as a name.
        result = words(explanation) - words(sent)
        named = set(re.findall(r"['.(]([_0-9A-Za-z]+)", explanation)) - words(sent)
        assert not {name for name in result & NAMES if not name.islower()}
        assert not named & NAMES


misspellings = st.tuples(
    st.sampled_from(SENT), st.integers(0, 30), st.sampled_from(["cut", "double", "swap", "lower"])
)


def misspelt(text, at, how):
    names = list(re.finditer("[A-Za-z]{2,}", text))
    name = names[at % len(names)]
    wrong = {
        "cut": name[0][:-1],
        "double": name[0] + name[0][-1],
        "swap": name[0][1] + name[0][0] + name[0][2:],
        "lower": name[0].swapcase(),
    }[how]
    return text[: name.start()] + wrong + text[name.end() :]


@settings(max_examples=200, suppress_health_check=list(HealthCheck))
@given(misspellings)
async def test_no_misspelt_document_is_answered_with_a_name_of_the_schema(closed, misspelling):
    query = misspelt(*misspelling)
    answer = await post(closed, {"query": query, "variables": {"input": {}}})
    assert_tells_no_other_names(answer, query + "input")


@pytest.mark.parametrize(
    "variables",
    [
        {"input": {"firstNam": "x"}}, {"input": {"FirstName": "x"}}, {"input": {"avatar": None}},
        {"input": 5}, {"input": [{"displayNam": 1}]}, {"input": {"firstName": {"lastNam": 1}}}, {},
    ],
)  # fmt: skip
async def test_no_misspelt_variable_is_answered_with_a_name_of_the_schema(closed, variables):
    for query in (UPDATE, UPDATE.replace("__typename", "__typename @include(if: true)")):
        answer = await post(closed, {"query": query, "variables": variables})
        assert answer.json()["errors"][0]["extensions"]["code"] == "invalid_query"
        assert_tells_no_other_names(answer, query + json.dumps(variables))


async def test_names_that_were_sent_are_shown_and_all_names_with_introspection(service, closed):
    query = "{ me { nmae } }"
    for asked, explanation in (
        (closed, "Cannot query field 'nmae' on type '…'."),
        (service, "Cannot query field 'nmae' on type 'Profile'. Did you mean 'name'?"),
    ):
        (error,) = (await post(asked, {"query": query})).json()["errors"]
        assert error["extensions"]["details"]["explanation"] == explanation
