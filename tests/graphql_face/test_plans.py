"""A planned operation answers as graphql-core's own execution does."""

from inspect import isawaitable

import pytest
from graphql import execute, parse
from hypothesis import HealthCheck, given, settings
from hypothesis_graphql import queries

from profile_api.rest.avatars import AvatarAddresses
from profile_domain.caller import Credentials
from profile_graphql.execution.plans import NotPlanned, Plan
from profile_graphql.request import RequestContext
from profile_graphql.schema import schema

CORE = schema._schema
ERROR = "... on ProfileError { code message details notices violations { field code message } }"
PLANNED = [
    "{ __typename }",
    "{ me { __typename id name } }",
    "{ a: me { name } b: me { n: name name } }",
    "{ me { ...F } } fragment F on Profile { id ...G } fragment G on Profile { email authProvider }",
    "{ me { id } me { name } ... on Query { me { etag editableFields } } ... { me { avatarBase64 } } }",
    "query Q($unused: Int = 3) { me { displayName } }",
    "mutation { updateMyProfile(input: {}) { __typename ... on Profile { id } " + ERROR + " } }",
    'mutation { updateMyProfile(input: {firstName: null, lastName: "\\u0000"}) { ' + ERROR + " } }",
    'mutation { u: updateMyProfile(input: {}, ifMatch: "x") { ... on ProfileError { c: code details } } }',
    "mutation M($i: UpdateMyProfileInput!) { updateMyProfile(input: $i) { ... on Profile { firstName } } }",
    "mutation M($n: String) { updateMyProfile(input: {displayName: $n}) { ... on Profile { displayName } } }",
    'mutation { updateMyProfile(input: {}, ifMatch: "x") { ... on ProfileError { current { etag editableFields } } } }',
    'mutation M($m: String = "no") { updateMyProfile(input: {}, ifMatch: $m) { __typename } }',
]  # fmt: skip
NOT_PLANNED = [
    "{ me { id @include(if: true) } }",
    "{ __schema { queryType { name } } }",
    "query A { me { id } } query B { me { name } }",
    "query @skip(if: false) { __typename }",
]
VARIABLES = [
    {},
    {"i": {}},
    {"i": {"firstName": "Ada"}, "n": "Grace"},
    {"i": 5},
    {"i": {"x": 1}},
    {"n": None, "m": None},
]


async def answers(service, user, document, variables, headers):
    """By the plan, and by graphql-core."""
    results = []
    for run in (Plan(CORE, document).run, by_core(document)):
        context = RequestContext(
            service=service.app.state.service,
            avatar_url=AvatarAddresses("https://app.example").of,
            credentials=Credentials(headers.get("authorization", ()), headers.get("tenant", ())),
            request_id="plan",
            wants_image=True,
            wants_editable=True,
        )
        result = await run(context, variables)
        results.append((result.data, [outcome(error) for error in result.errors or ()]))
    return results


def by_core(document):
    async def run(context, variables):
        result = execute(CORE, document, context_value=context, variable_values=variables)
        return await result if isawaitable(result) else result

    return run


def outcome(error):
    cause = error.original_error
    return error.message, error.path, error.locations, type(cause), getattr(cause, "code", None)


def sent(service, user):
    headers = service.headers(user)
    return {"authorization": [headers["Authorization"]], "tenant": [headers["X-Tenant-ID"]]}


@pytest.mark.parametrize("variables", VARIABLES, ids=str)
@pytest.mark.parametrize("text", PLANNED)
async def test_a_planned_operation_answers_as_graphql_core_does(service, text, variables):
    user = await service.person(first_name="Ada", display_name="Countess")
    document = parse(text)
    for headers in (sent(service, user), {}):
        ours, theirs = await answers(service, user, document, variables, headers)
        assert ours == theirs


@pytest.mark.parametrize("text", NOT_PLANNED)
def test_what_only_graphql_core_executes_is_not_planned(text):
    with pytest.raises(NotPlanned):
        Plan(CORE, parse(text))


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(text=queries(schema.as_str()))
async def test_any_query_that_is_planned_answers_alike(service, person, text):
    try:
        ours, theirs = await answers(service, person, parse(text), {}, sent(service, person))
    except NotPlanned:
        return
    assert ours == theirs


@pytest.fixture(scope="module")
async def person(service):
    return await service.person("oidc", first_name="Ada")
