"""The pages on errors are written from the catalogue, and show what the faces answer."""

import json
import re

import pytest

from asking import post
from error_documents import page, readme
from profile_api.reference import sections
from profile_domain.errors import Code
from running import ME

REMEDY = "run `make documents`, and commit what it writes"
FENCED = re.compile(r"```json\n(.*?)\n```", re.DOTALL)


def test_the_committed_pages_are_the_catalogues(repository):
    assert (repository / "docs/errors.md").read_text("utf-8") == page(), REMEDY
    text = (repository / "README.md").read_text("utf-8")
    assert readme(text) == text, REMEDY


def section(code):
    (found,) = re.findall(rf"(?ms)^## `{code}`$(.*?)(?=^## |\Z)", sections("##"))
    return found


@pytest.mark.parametrize("code", Code)
def test_a_section_says_what_a_code_means_and_what_to_do(code):
    text = section(code)
    assert code.meaning in text
    assert f"**What to do.** {code.remedy}" in text
    assert ("REST, " in text) is (code is not Code.INVALID_QUERY)
    assert "GraphQL:" in text


def shown(code):
    """The answers of both faces in a section."""
    return [json.loads(each) for each in FENCED.findall(section(code))]


TOO_LONG = """mutation { updateMyProfile(input: {displayName: "%s"}) {
  __typename
  ... on ProfileError { code message violations { field code message max } }
} }""" % ("x" * 101)
OTHER_TAG = """mutation { updateMyProfile(input: {}, ifMatch: "no") {
  __typename
  ... on ProfileError { code message current { etag } }
} }"""


async def test_a_field_that_breaks_a_rule_is_answered_as_the_page_shows(service):
    user = await service.person()
    answer = await service.put(user, {"display_name": "x" * 101})
    by_graphql = await service.graphql(user, TOO_LONG)
    assert [answer.json(), by_graphql.json()] == shown(Code.TOO_LONG)


async def test_a_lost_precondition_is_answered_as_the_page_shows(service):
    user = await service.person()
    answer = await service.put(user, {}, **{"If-Match": '"no"'})
    by_graphql = (await service.graphql(user, OTHER_TAG)).json()
    in_rest, in_graphql = shown(Code.PRECONDITION_FAILED)
    in_graphql["data"]["updateMyProfile"]["current"]["etag"] = user.profile.etag
    assert [answer.json(), by_graphql] == [in_rest, in_graphql]


async def test_a_caller_without_a_token_is_answered_as_the_page_shows(service):
    answers = [
        (await service.client.get(ME)).json(),
        (await post(service, {"query": TOO_LONG})).json(),
    ]
    expected = shown(Code.UNAUTHENTICATED)
    expected[0]["details"] = {"reason": "missing"}
    (error,) = expected[1]["errors"]
    error["extensions"]["details"] = {"reason": "missing"}
    answers[1]["errors"][0].pop("locations")
    assert answers == expected


async def test_an_argument_out_of_range_is_answered_as_the_page_shows(service):
    by_graphql = await service.graphql(await service.person(), "{ me { avatarUrl(size: 5) } }")
    answer = by_graphql.json()
    answer["errors"][0].pop("locations")
    assert answer == shown(Code.INVALID_ARGUMENT)[1]


async def test_a_body_that_is_no_object_is_answered_as_the_page_shows(service):
    user = await service.person()
    answers = [(await service.put(user, b"[]")).json(), (await post(service, b"[]")).json()]
    assert answers == shown(Code.MALFORMED_JSON)
