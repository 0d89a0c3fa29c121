"""What GraphQL tells beside the profile, REST tells too, by routes beneath it."""

import json
from datetime import datetime

import pytest

from asking import assert_error, snake
from profile_domain.errors import Code
from profile_domain.profile import EDITABLE
from profile_testing.images import data_uri, png
from running import ME, OTHER_TENANT

EDITABLE_FIELDS, CHANGES, EXPORT = f"{ME}/editable-fields", f"{ME}/changes", "/v1/users/me/export"
ROUTES = (EDITABLE_FIELDS, CHANGES, EXPORT)
QUERY = """
query ($first: Int, $after: String) { me { editableFields changes(first: $first, after: $after) {
  edges { cursor node { at issuer subject face requestId oldVersion newVersion
    fields { field: name old new } } }
  pageInfo { hasNextPage endCursor } } } }
"""


async def get(service, user, path, **parameters):
    headers = service.headers(user)
    return await service.client.get(path, headers=headers, params=parameters)


async def by_rest(service, user, **parameters):
    answer = await get(service, user, CHANGES, **parameters)
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["changes", "next"]
    return answer.json()["changes"], answer.json()["next"]


async def by_graphql(service, user, **variables):
    """The same page, spelled as REST would."""
    answer = (await service.graphql(user, QUERY, variables)).json()
    assert "errors" not in answer, answer
    page = answer["data"]["me"]["changes"]
    found = []
    for edge in page["edges"]:
        entry = {snake(name): value for name, value in edge["node"].items()}
        assert edge["cursor"] == str(entry["new_version"])
        found.append(entry)
    info = page["pageInfo"]
    return found, info["endCursor"] if info["hasNextPage"] else None


async def with_changes(service, count=5):
    user = await service.person(first_name="Ada")
    for number in range(count):
        await service.put(user, {"display_name": f"n{number}", "first_name": f"f{number // 2}"})
    await service.put(user, {"avatar_base64": data_uri(png())})
    return user


@pytest.mark.parametrize("provider", ["local", "oidc", "saml"])
@pytest.mark.parametrize(
    ("claims", "email"),
    [({}, None), ({"scope": "profile:read"}, None), ({}, "faceless@example.com")],
    ids=["all", "nothing by scope", "no picture by policy"],
)
async def test_both_tell_the_same_editable_fields(on_each_store, provider, claims, email):
    user = await on_each_store.person(provider, email=email)
    headers = on_each_store.headers(user, **claims)
    answer = await on_each_store.client.get(EDITABLE_FIELDS, headers=headers)
    assert answer.status_code == 200
    (fields,) = answer.json().values()
    assert list(answer.json()) == ["editable_fields"]
    told = await on_each_store.client.post(
        "/graphql", json={"query": "{ me { editableFields } }"}, headers=headers
    )
    assert [each.upper() for each in fields] == told.json()["data"]["me"]["editableFields"]
    assert fields == [each for each in EDITABLE if each in fields]
    assert ("avatar_base64" in fields) is (not claims and email is None)


@pytest.mark.parametrize("page", [{}, {"first": 2}, {"first": 100}, {"after": "4"}, {"after": "1"},
                                  {"first": 1, "after": "6"}, {"after": "9" * 19}])  # fmt: skip
async def test_both_tell_the_same_changes(on_each_store, page):
    user = await with_changes(on_each_store)
    found = await by_rest(on_each_store, user, **page)
    assert found == await by_graphql(on_each_store, user, **page)


async def test_pages_follow_one_another_to_the_end(on_each_store):
    user = await with_changes(on_each_store)
    versions, after = [], None
    while True:
        parameters = {} if after is None else {"after": after}
        found, after = await by_rest(on_each_store, user, first=2, **parameters)
        versions += [each["new_version"] for each in found]
        if after is None:
            break
    assert versions == [7, 6, 5, 4, 3, 2]


async def test_without_a_change_there_is_an_empty_page(service):
    assert await by_rest(service, await service.person()) == ([], None)


@pytest.mark.parametrize(
    ("argument", "query"),
    [
        *(("first", f"first={text}") for text in ("0", "101", "-1", "", "x", "1.0", "05", "%31x", "1&first=1")),
        ("fist", "fist=5"), ("x" * 100, "first=5&" + "x" * 200 + "=1"),
        *(("after", f"after={text}") for text in ("", "-1", "x", "1.0", "%C2%B2", "9" * 20, "4&after=4")),
    ],
)  # fmt: skip
async def test_another_page_is_refused(service, argument, query):
    user = await service.person()
    answer = await service.client.get(f"{CHANGES}?{query}", headers=service.headers(user))
    assert_error(answer, Code.INVALID_ARGUMENT, argument=argument)


@pytest.mark.parametrize("page", [{"first": 0}, {"first": 101}, {"after": ""}, {"after": "x"}])
async def test_both_refuse_the_same_pages_alike(service, page):
    user = await service.person()
    refused = (await get(service, user, CHANGES, **page)).json()
    (error,) = (await service.graphql(user, QUERY, page)).json()["errors"]
    assert {"message": error["message"], **error["extensions"]} == refused


async def test_a_stranger_is_not_found_on_both_faces_whatever_the_page(service):
    user, page = await service.person(), {"first": 0}
    headers = service.headers(user, sub="a stranger")
    refused = await service.client.get(CHANGES, params=page, headers=headers)
    assert_error(refused, Code.NOT_FOUND)
    body = {"query": QUERY, "variables": page}
    told = await service.client.post("/graphql", json=body, headers=headers)
    (error,) = told.json()["errors"]
    assert {"message": error["message"], **error["extensions"]} == refused.json()


async def test_the_export_is_the_profile_and_all_that_changed(on_each_store):
    user = await with_changes(on_each_store)
    answer = await get(on_each_store, user, EXPORT)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="profile.json"'
    assert answer.headers["Cache-Control"] == "no-store"
    document = json.loads(answer.content)
    assert list(document) == ["profile", "created_at", "updated_at", "changes"]
    assert document["profile"] == (await on_each_store.get(user)).json()
    assert document["changes"] == (await by_rest(on_each_store, user))[0]
    created, updated = (
        datetime.fromisoformat(document[f"{each}_at"]) for each in ("created", "updated")
    )
    assert created < updated
    assert created.tzinfo is not None
    head = await on_each_store.client.head(EXPORT, headers=on_each_store.headers(user))
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Disposition"] == answer.headers["Content-Disposition"]


@pytest.mark.parametrize("route", ROUTES)
async def test_they_are_asked_for_like_the_profile(service, route):
    user = await service.person()
    headers = service.headers(user)
    for sent, code in [
        ({}, Code.UNAUTHENTICATED),
        ({"Authorization": headers["Authorization"]}, Code.INVALID_TENANT_ID),
        (headers | {"X-Tenant-ID": OTHER_TENANT}, Code.TENANT_MISMATCH),
        (service.headers(user, sub="nobody"), Code.NOT_FOUND),
        (service.headers(await service.person(email="hidden@example.com")), Code.FORBIDDEN),
    ]:
        answer = await service.client.get(route, headers=sent)
        profile = await service.client.get(ME, headers=sent)
        assert answer.json() == profile.json()
        assert answer.status_code == profile.status_code
        assert answer.json()["code"] == code
    refused = await service.client.put(route, headers=headers, json={})
    assert_error(refused, Code.METHOD_NOT_ALLOWED)
    assert refused.headers["Allow"] == "GET, HEAD"
    head = await service.client.head(route, headers=headers)
    assert (head.status_code, head.content) == (200, b"")
