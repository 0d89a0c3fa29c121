"""One table of requests, each sent to both faces on either store; the responses are compared."""

import json

import pytest

from asking import camel, snake
from cases import CASES, SMALL, VIEWS, uri
from profile_domain.caller import Identity
from profile_domain.profile import EDITABLE
from running import ME, ME_QUERY, UPDATE, running

LIMITS = ("max", "max_bytes", "max_side")


async def put(service, case, headers, if_match):
    """What REST tells, and the entity tag with it."""
    if if_match is not None:
        headers["If-Match"] = if_match
    headers["Content-Type"] = "application/json"
    answer = await service.client.put(ME, content=json.dumps(case.body), headers=headers)
    results, etag = normalized(answer, answer.json()), answer.headers.get("ETag")
    if answer.status_code == 200:
        return results, etag
    return results | ({"current": etag} if etag else {}), None


async def mutate(service, case, headers, if_match):
    """What GraphQL tells, spelled as REST would."""
    variables = {"input": {camel(name): value for name, value in case.body.items()}}
    if if_match is not None:
        variables["ifMatch"] = if_match
    return await ask(service, UPDATE, variables, headers)


async def get(service, _case, headers, _if_match):
    answer = await service.client.get(ME, headers=headers)
    return normalized(answer, answer.json()), answer.headers.get("ETag")


async def me(service, _case, headers, _if_match):
    return await ask(service, ME_QUERY, {}, headers)


async def ask(service, query, variables, headers):
    headers["Content-Type"] = "application/json"
    content = json.dumps({"query": query, "variables": variables})
    answer = await service.client.post("/graphql", content=content, headers=headers)
    assert answer.status_code == 200
    results = answer.json()
    if "errors" in results:
        assert results["data"] is None
        (error,) = results["errors"]
        return normalized(answer, {"message": error["message"], **error["extensions"]}), None
    (result,) = results["data"].values()
    if result.pop("__typename", "Profile") == "Profile":
        result.pop("editableFields")
        result["authProvider"] = result["authProvider"].lower()
        etag = result.pop("etag")
        return {snake(name): value for name, value in result.items()}, etag
    return error_as_in_rest(result), None


def normalized(answer, results):
    """Held to telling the wait twice or not at all, whatever the case."""
    seconds = results.get("details", {}).get("retry_after")
    assert answer.headers.get("Retry-After") == (None if seconds is None else str(seconds))
    assert seconds is None or (type(seconds) is int and seconds >= 1)
    return results


def error_as_in_rest(result):
    violations = result.pop("violations")
    detailed = (result["details"] or {}).get("violations", [])
    assert violations == [
        {
            "field": snake(each["field"]).upper(),
            "code": each["code"],
            "message": each["message"],
            **{camel(limit): each.get(limit) for limit in LIMITS},
        }
        for each in detailed
    ]
    for each in detailed:
        assert snake(each["field"]) in EDITABLE
        each["field"] = snake(each["field"])
    if result["current"] is not None:
        result["current"] = result["current"]["etag"]
    return {name: value for name, value in result.items() if value}


def assert_expected(case, results):
    if isinstance(case.then, str):
        assert results["code"] == case.then
        violations = results.get("details", {}).get("violations", [])
        found = [(each["field"], each["code"]) for each in violations]
        assert found == (case.violations or [])
        assert results.get("notices", []) == case.notices
    else:
        assert case.then.items() <= results.items()


async def send(service, case, face, send_by):
    """Sends the case as a new user; returns the response without what is unique to the user."""
    user = await service.person(case.provider, **{"email": f"{face}@example.com"} | case.person)
    before = user.profile.etag
    sent = service.headers(user, **case.claims) | case.headers
    headers = {name: value for name, value in sent.items() if value is not None}
    if_match = case.if_match
    if if_match is not None:
        if_match = if_match.replace("{etag}", before).replace("{version}", before.strip('"'))
    stored = await service.store.load(identity_of(user), with_image=True)
    results, etag = await send_by(service, case, headers, if_match)
    after = await service.store.load(identity_of(user), with_image=True)
    assert_expected(case, results)
    refused_for_another = results.get("code") in {"precondition_failed", "conflict"}
    assert results.pop("current", None) == (after.etag if refused_for_another else None)
    if etag is None:
        assert after == stored, "a refusal changes nothing"
    else:
        assert etag == after.etag, "the answer is what is stored"
        if case.changed is not None:
            assert (etag != before) is case.changed
    return {name: value for name, value in results.items() if name not in {"id", "email"}}


def identity_of(user):
    return Identity(user.profile.tenant_id, user.issuer, user.subject)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.says)
async def test_an_update_is_answered_alike(on_each_store, case):
    by_rest = await send(on_each_store, case, "rest", put)
    by_graphql = await send(on_each_store, case, "graphql", mutate)
    assert by_rest == by_graphql


@pytest.mark.parametrize("case", VIEWS, ids=lambda case: case.says)
async def test_a_view_is_answered_alike(on_each_store, case):
    by_rest = await send(on_each_store, case, "rest", get)
    by_graphql = await send(on_each_store, case, "graphql", me)
    by_rest.pop("name", None), by_graphql.pop("name", None)
    assert by_rest == by_graphql


@pytest.mark.parametrize("case", CASES[:1], ids=lambda case: case.says)
async def test_a_store_out_of_reach_is_answered_alike(tmp_path, case):
    async with running(tmp_path) as service:
        user = await service.person()
        headers = service.headers(user)
        (tmp_path / "profile.db").write_bytes(b"no database any more")
        for rest, graphql in ((put, mutate), (get, me)):
            by_rest, _ = await rest(service, case, dict(headers), None)
            by_graphql, _ = await graphql(service, case, dict(headers), None)
            assert by_rest["code"] == "unavailable"
            assert by_rest["details"] == {"retry_after": 1}
            assert by_rest == by_graphql


async def test_a_lost_race_is_answered_alike_with_the_profile_as_it_is_now(tmp_path):
    case = CASES[0]
    async with running(tmp_path) as service:
        user = await service.person()
        profiles = service.app.state.service._profiles
        save = profiles.save

        async def overtaken(caller, before, after):
            stored = await service.store.load(identity_of(user), with_image=True)
            faster = stored.with_changes({"last_name": f"v{stored.version}"})
            assert await service.store.save(caller, stored, faster)
            return await save(caller, before, after)

        profiles.save = overtaken
        headers = service.headers(user)
        by_rest, _ = await put(service, case, dict(headers), None)
        assert by_rest.pop("current") == (await service.get(user)).headers["ETag"]
        by_graphql, _ = await mutate(service, case, dict(headers), None)
        assert by_graphql.pop("current") == (await service.get(user)).headers["ETag"]
        assert by_rest["code"] == "conflict"
        assert by_rest == by_graphql


async def test_what_is_current_is_a_whole_profile(on_each_store):
    user = await on_each_store.person(first_name="Ada")
    await on_each_store.put(user, {"avatar_base64": uri(SMALL)})
    update = """mutation { updateMyProfile(input: {firstName: "Eve"}, ifMatch: "no") {
        ... on ProfileError { code current {
            firstName avatarBase64 editableFields etag changes { edges { cursor } } } } } }"""
    answer = (await on_each_store.graphql(user, update)).json()
    seen = await on_each_store.get(user)
    assert answer == {"data": {"updateMyProfile": {"code": "precondition_failed", "current": {
        "firstName": "Ada", "avatarBase64": seen.json()["avatar_base64"],
        "editableFields": [each.upper() for each in EDITABLE],
        "etag": seen.headers["ETag"], "changes": {"edges": [{"cursor": "2"}]},
    }}}}  # fmt: skip


@pytest.mark.parametrize(("rate", "wait"), [("1/minute", 60), ("1/hour", 3600), ("1/day", 86_400)])
async def test_an_update_too_many_is_answered_alike(tmp_path, rate, wait):
    case = CASES[0]
    async with running(tmp_path, rate_limit=rate) as service:
        headers = service.headers(await service.person())
        results, _ = await put(service, case, dict(headers), None)
        assert "code" not in results
        by_rest, _ = await put(service, case, dict(headers), None)
        by_graphql, _ = await mutate(service, case, dict(headers), None)
        assert by_rest["code"] == by_graphql["code"] == "rate_limited"
        # A busy machine may take its time between the two.
        for each in (by_rest, by_graphql):
            assert wait - 50 <= each.pop("details")["retry_after"] <= wait
        assert by_rest == by_graphql


def test_the_table_is_as_long_as_it_claims():
    assert len(CASES) >= 80
    assert len({case.says for case in CASES}) == len(CASES)
