"""An error in the selection under an update never hides that the update is stored."""

import json
import random
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asking import code_of
from profile_domain.caller import Identity
from profile_domain.errors import Code, DomainError, unavailable
from profile_domain.profile import EDITABLE

PARTS = [
    "id", "n: name", "displayName", "etag", "authProvider", "avatarBase64", "editableFields",
    "again: editableFields", "... @include(if: true) { editableFields }", "...F",
    "changes { edges { node { at fields { field old new } } } pageInfo { hasNextPage } }",
    "page: changes(first: 1) { edges { cursor } }", "bad: changes(first: 1000) { edges { cursor } }",
    'worse: changes(after: "x") { pageInfo { endCursor } }', "none: changes(first: 0) { edges { cursor } }",
]  # fmt: skip
FRAGMENT = (
    " fragment F on Profile { f: editableFields inF: changes { edges { node { subject } } } }"
)
FAULTS = {
    "nothing": {},
    "the history is out of reach": {"_profiles.history": unavailable()},
    "the history is broken": {"_profiles.history": RuntimeError("broken")},
    "reads are out of reach": {"_profiles.load": unavailable(), "_profiles.history": unavailable()},
    "the policy breaks": {"_policy.permit": RuntimeError("broken")},
    "the policy refuses": {"_policy.permit": DomainError(Code.FORBIDDEN)},
    "all breaks": {
        "_profiles.load": RuntimeError("broken"),
        "_profiles.history": RuntimeError("broken"),
        "_policy.permit": RuntimeError("broken"),
        "_tokens.verify": RuntimeError("broken"),
    },
}


@contextmanager
def failing_once_written(app, faults):
    """The ports of the service fail as ``faults`` says, from the moment that a row is written."""
    domain = app.state.service
    written = []
    with pytest.MonkeyPatch.context() as patch:
        save = domain._profiles.save

        async def saving(*arguments):
            saved = await save(*arguments)
            written.append(saved)
            return saved

        patch.setattr(domain._profiles, "save", saving)
        for name, error in faults.items():
            port, method = name.split(".")
            whole = getattr(getattr(domain, port), method)

            async def faulty(*arguments, _whole=whole, _error=error, **named):
                if written:
                    raise _error
                return await _whole(*arguments, **named)

            patch.setattr(getattr(domain, port), method, faulty)
        yield written


def selection_of(parts):
    text = " ".join(parts) or "__typename"
    query = (
        "mutation M($i: UpdateMyProfileInput!) { u: updateMyProfile(input: $i) {"
        f" __typename ... on Profile {{ {text} }} ... on ProfileError {{ code }} }} }}"
    )
    return query + (FRAGMENT if "...F" in parts else "")


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(PARTS), unique=True), st.sampled_from(list(FAULTS)), st.booleans())
@pytest.mark.journey
async def test_a_stored_update_says_so_whatever_fails_beneath_it(service, parts, fault, planned):
    name = f"name {random.random()}"
    query = selection_of(parts)
    if not planned:
        query = query.replace("__typename", "__typename @skip(if: false)")
    user = await service.person()
    with failing_once_written(service.app, FAULTS[fault]) as written:
        answer = await service.graphql(user, query, {"i": {"displayName": name}})
    result = answer.json()
    assert written == [True], result
    identity = Identity(user.profile.tenant_id, user.issuer, user.subject)
    stored = await service.store.load(identity, with_image=False)
    assert stored.display_name == name
    assert result["data"]["u"]["__typename"] == "Profile"
    for key in {"displayName", "n"} & result["data"]["u"].keys():
        assert result["data"]["u"][key] == name
    for error in result.get("errors", ()):
        assert error["path"][0] == "u"
        assert error["path"][1] in {"bad", "worse", "none", "changes", "page", "inF"}


async def test_an_update_whose_editable_fields_are_not_known_is_not_made(service):
    user = await service.person(display_name="Before")
    domain = service.app.state.service
    permit, asked = domain._policy.permit, []

    async def breaks_at_the_second_question(*arguments):
        asked.append(arguments)
        if len(asked) > 1:
            raise RuntimeError("broken")
        await permit(*arguments)

    query = selection_of(["editableFields"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(domain._policy, "permit", breaks_at_the_second_question)
        answer = await service.graphql(user, query, {"i": {"displayName": "After"}})
    assert code_of(answer) == Code.INTERNAL_ERROR
    assert (await service.get(user)).json()["display_name"] == "Before"


async def test_editable_fields_are_not_asked_for_where_nobody_wants_them(service):
    user = await service.person()
    domain = service.app.state.service
    permit, asked = domain._policy.permit, []

    async def counted(*arguments):
        asked.append(arguments)
        await permit(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(domain._policy, "permit", counted)
        await service.graphql(user, selection_of(["id"]), {"i": {"displayName": "D"}})
        assert len(asked) == 1
        answer = await service.graphql(
            user, selection_of(["editableFields"]), {"i": {"displayName": "E"}}
        )
    assert len(json.loads(answer.text)["data"]["u"]["editableFields"]) == len(EDITABLE)
    assert len(asked) == 1 + 1 + len(EDITABLE)


@pytest.mark.parametrize("directive", ["include", "skip"])
@pytest.mark.parametrize("place", ["field", "inline", "fragment"])
async def test_a_null_that_decides_on_a_selection_is_refused_before_the_update(
    service, directive, place
):
    user = await service.person(display_name="Before")
    decided = f"@{directive}(if: $f)"
    selected = {"field": f"name {decided}", "inline": f"... {decided} {{ name }}"}.get(
        place, "...D"
    )
    query = (
        'mutation ($f: Boolean = true) { updateMyProfile(input: {displayName: "After"}) {'
        f" ... on Profile {{ etag {selected} }} }} }}"
    )
    if place == "fragment":
        query += f" fragment D on Profile {{ name {decided} }}"
    answer = await service.graphql(user, query, {"f": None})
    assert code_of(answer) == Code.INVALID_QUERY
    assert (await service.get(user)).json()["display_name"] == "Before"
    answer = await service.graphql(user, query, {})
    assert answer.json()["data"]["updateMyProfile"]["etag"]
    assert (await service.get(user)).json()["display_name"] == "After"
