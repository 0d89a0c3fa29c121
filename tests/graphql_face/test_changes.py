"""The audit trail as its owner and the operator see it, on both stores."""

import asyncio
import base64
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from profile_api.cli.main import cli
from profile_domain.errors import Code
from profile_infra.people.operators import set_active
from profile_testing.images import png
from profile_testing.signing import ISSUER
from running import TENANT, running

CHANGES = """
query Changes($first: Int, $after: String) { me { etag changes(first: $first, after: $after) {
  edges { cursor node { at issuer subject face requestId oldVersion newVersion
    fields { field name old new } } }
  pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
} } }
"""


@pytest.fixture
async def service(tmp_path, store_url):
    async with running(tmp_path, database_url=store_url, history_days=30) as service:
        yield service


async def changes(service, user, **variables):
    answer = (await service.graphql(user, CHANGES, variables)).json()
    assert "errors" not in answer, answer
    return answer["data"]["me"]["changes"]


async def test_the_owner_sees_who_changed_what_by_which_way(service):
    user = await service.person(first_name="Ada")
    body = {"first_name": "Augusta", "display_name": "Countess"}
    await service.put(user, body, **{"X-Request-ID": "request-1"})
    picture = "data:image/png;base64," + base64.b64encode(png()).decode()
    update = "mutation($a: String) { updateMyProfile(input: {avatarBase64: $a}) { __typename } }"
    await service.graphql(user, update, {"a": picture})
    second, first = (edge["node"] for edge in (await changes(service, user))["edges"])
    assert datetime.now(UTC) - datetime.fromisoformat(first.pop("at")) < timedelta(minutes=1)
    assert first == {
        "issuer": ISSUER,
        "subject": user.subject,
        "face": "rest",
        "requestId": "request-1",
        "oldVersion": 1,
        "newVersion": 2,
        "fields": [
            {"field": "FIRST_NAME", "name": "first_name", "old": "Ada", "new": "Augusta"},
            {"field": "DISPLAY_NAME", "name": "display_name", "old": None, "new": "Countess"},
        ],
    }
    assert second["face"] == "graphql"
    ((field, name, old, new),) = (each.values() for each in second["fields"])
    assert (field, name, old) == ("AVATAR_BASE64", "avatar_base64", None)
    assert new.startswith("sha256:")
    assert len(new) == len("sha256:") + 64


async def test_what_only_an_operator_changes_is_no_field_of_ones_own(service):
    user = await service.person()
    for active in (False, True):
        await set_active(service.store, user.profile.tenant_id, str(user.profile.id), active=active)
    edges = (await changes(service, user))["edges"]
    assert [edge["node"]["fields"] for edge in edges] == [
        [{"field": None, "name": "active", "old": "false", "new": "true"}],
        [{"field": None, "name": "active", "old": "true", "new": "false"}],
    ]


async def test_neither_a_no_op_nor_a_refusal_is_recorded(service):
    user = await service.person("oidc", first_name="Ada")
    for body, status in (
        ({}, 200),
        ({"first_name": "Ada"}, 200),
        ({"first_name": "Other"}, 400),
        ({"display_name": "x" * 101}, 400),
    ):
        assert (await service.put(user, body)).status_code == status
    stale = await service.put(user, {"display_name": "D"}, **{"If-Match": '"stale"'})
    assert stale.status_code == 412
    assert (await changes(service, user))["edges"] == []


async def test_pages_follow_one_another_without_gap_or_repeat(service):
    user = await service.person()
    for number in range(7):
        await service.put(user, {"display_name": str(number)})
    seen, after, pages = [], None, 0
    while True:
        page = await changes(service, user, first=3, after=after)
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        assert page["pageInfo"]["startCursor"] == page["edges"][0]["cursor"]
        seen += [edge["node"]["newVersion"] for edge in page["edges"]]
        after, pages = page["pageInfo"]["endCursor"], pages + 1
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert (seen, pages) == ([8, 7, 6, 5, 4, 3, 2], 3)
    past_the_end = await changes(service, user, after="2")
    assert past_the_end["edges"] == []
    assert past_the_end["pageInfo"]["endCursor"] is None
    assert len((await changes(service, user, first=None, after=None))["edges"]) == 7


@pytest.mark.parametrize(
    "page",
    [
        {"first": 0},
        {"first": -1},
        {"first": 101},
        {"after": ""},
        {"after": "x"},
        {"after": "-1"},
        {"after": "٣"},
        {"after": "9" * 20},
        {"after": "\ud800"},
        {"after": "1 OR 1=1"},
    ],
)
async def test_what_is_no_page_is_an_invalid_argument(service, page):
    user = await service.person()
    answer = (await service.graphql(user, CHANGES, page)).json()
    (error,) = answer["errors"]
    assert error["path"] == ["me", "changes"]
    assert error["extensions"] == {
        "code": Code.INVALID_ARGUMENT,
        "details": {"argument": next(iter(page))},
    }
    assert answer["data"]["me"] == {"etag": user.profile.etag, "changes": None}


async def test_the_largest_cursor_is_harmless(service):
    user = await service.person()
    await service.put(user, {"display_name": "D"})
    assert len((await changes(service, user, after="9" * 19))["edges"]) == 1


async def test_changes_past_their_days_are_neither_shown_nor_kept_once_forgotten(
    service, monkeypatch
):
    user, other = await service.person(), await service.person()
    for each in (user, other):
        await service.put(each, {"display_name": "D"})
    assert await service.store.forget_changes(user.profile.tenant_id) == 0
    for days, shown in ((29, 1), (31, 0)):
        moment = datetime.now(UTC) + timedelta(days=days - 30)
        for name in ("sqlite", "postgres"):
            monkeypatch.setattr(
                f"profile_infra.stores.{name}.store.kept_since", lambda _, m=moment: m
            )
        assert len((await changes(service, user))["edges"]) == shown
    assert await service.store.forget_changes(user.profile.tenant_id) == 2
    monkeypatch.undo()
    assert (await changes(service, user))["edges"] == []
    etag = (await service.put(user, {"display_name": "E"})).headers["ETag"]
    assert etag.endswith('-3"')


async def test_a_page_of_changes_asks_the_policy_as_any_view_does(service):
    user = await service.person(email=f"hidden{uuid4().hex}@example.com")
    query = (
        'mutation { updateMyProfile(input: {displayName: "D"})'
        " { ... on Profile { changes { edges { cursor } } } } }"
    )
    (error,) = (await service.graphql(user, query)).json()["errors"]
    assert error["extensions"] == {"code": "forbidden", "notices": ["You may not look."]}


def test_the_operator_sees_the_history_of_a_user(tmp_path, monkeypatch):
    # The command's own path is the same on both stores; SQLite is the quicker one.
    async def change() -> None:
        async with running(tmp_path) as service:
            user = await service.person(email="ada@example.com", first_name="Ada")
            await service.put(user, {"first_name": "Augusta"}, **{"X-Request-ID": "request-1"})

    asyncio.run(change())
    monkeypatch.setenv("PROFILE_DATABASE_URL", f"sqlite:///{tmp_path}/profile.db")
    asked = ["users", "history", "ada@example.com", "--tenant", TENANT]
    (line,) = CliRunner().invoke(cli, asked).stdout.splitlines()
    assert line.split("\t")[1] == "2"
    assert line.split("\t")[3:] == ["rest", "request-1", "first_name: Ada → Augusta"]
    forget = ["users", "forget-history", "--tenant", TENANT]
    refused = CliRunner().invoke(cli, forget)
    assert "PROFILE_HISTORY_DAYS" in str(refused.exception)
    monkeypatch.setenv("PROFILE_HISTORY_DAYS", "30")
    assert CliRunner().invoke(cli, forget).stdout == "0 changes deleted.\n"
