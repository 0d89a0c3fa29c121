"""The export of everything that is kept about one person."""

import json
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from profile_domain.audit import AuditEntry
from profile_domain.export import PAGE, export_document
from storing import (
    OPERATOR,
    OTHER_PICTURE,
    PICTURE,
    TENANT,
    caller_of,
    load,
    person,
    rename,
    stored,
)

ENTRY = AuditEntry(
    new_version=2,
    old_version=1,
    at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    issuer="https://issuer.example",
    subject="ada",
    face="rest",
    request_id="request-1",
    fields=["first_name", "active", "avatar_base64"],
    old_values={"first_name": "Ada", "active": True},
    new_values={"first_name": None, "active": False},
    old_avatar=None,
    new_avatar=b"\x01\xff",
)


async def exported(store, user_id, stored_profile):
    pieces = [piece async for piece in export_document(store, TENANT, user_id, stored_profile)]
    return json.loads(b"".join(pieces))


def test_an_entry_is_spelled_as_rest_does():
    assert ENTRY.document == {
        "at": "2026-01-02T03:04:05+00:00",
        "issuer": "https://issuer.example",
        "subject": "ada",
        "face": "rest",
        "request_id": "request-1",
        "old_version": 1,
        "new_version": 2,
        "fields": [
            {"field": "first_name", "old": "Ada", "new": None},
            {"field": "active", "old": "true", "new": "false"},
            {"field": "avatar_base64", "old": None, "new": "sha256:01ff"},
        ],
    }


async def test_the_export_has_the_profile_its_times_and_the_whole_trail(store):
    ada = person(avatar=PICTURE, display_name="Ada · \u202f💐")
    await stored(store, ada)
    before = await store.stored_profile(TENANT, ada.profile.id)
    for number in range(2 * PAGE + 1):
        assert await rename(store, ada, display_name=str(number))
    after = ada.profile.with_changes({"avatar_base64": OTHER_PICTURE})
    now = await load(store, ada)
    assert await store.save(caller_of(ada), now, replace(now, avatar=after.avatar))
    kept = await store.stored_profile(TENANT, ada.profile.id)
    document = await exported(store, ada.profile.id, kept)
    assert list(document) == ["profile", "created_at", "updated_at", "changes"]
    assert document["profile"] == kept.profile.document
    assert document["profile"]["avatar_base64"] == OTHER_PICTURE.data_uri
    assert document["created_at"] == before.created_at.isoformat() == before.updated_at.isoformat()
    created, updated = (datetime.fromisoformat(document[at]) for at in ("created_at", "updated_at"))
    assert created < updated
    assert created.utcoffset() is not None
    versions = [change["new_version"] for change in document["changes"]]
    assert versions == list(range(2 * PAGE + 3, 1, -1))
    digests = [f"sha256:{each.digest.hex()}" for each in (PICTURE, OTHER_PICTURE)]
    assert document["changes"][0]["fields"] == [
        {"field": "avatar_base64", "old": digests[0], "new": digests[1]}
    ]
    assert document["changes"][-1]["fields"][0]["old"] == "Ada · \u202f💐"


async def test_the_export_holds_no_change_after_its_profile(store):
    ada = person()
    await stored(store, ada)
    assert await rename(store, ada, display_name="One")
    kept = await store.stored_profile(TENANT, ada.profile.id)
    assert await rename(store, ada, display_name="Two")
    document = await exported(store, ada.profile.id, kept)
    assert [change["new_version"] for change in document["changes"]] == [2]


async def test_of_a_deleted_person_the_export_has_the_trail_without_values(store):
    ada = person()
    await stored(store, ada)
    assert await rename(store, ada, display_name="One")
    await store.delete(OPERATOR, (await store.users_of(TENANT, [ada.profile.id]))[ada.profile.id])
    assert await store.stored_profile(TENANT, ada.profile.id) is None
    document = await exported(store, ada.profile.id, None)
    assert (document["profile"], document["created_at"], document["updated_at"]) == (None,) * 3
    deleted, renamed = document["changes"]
    assert (deleted["face"], deleted["fields"]) == ("operator", [])
    assert renamed["fields"] == [{"field": "display_name", "old": None, "new": None}]


class Endless:
    """A trail of ``count`` entries, made as they are asked for."""

    def __init__(self, count):
        self.newest = count + 1

    async def history(self, tenant_id, user_id, *, first, after=None):
        newest = self.newest if after is None else after - 1
        return [
            replace(ENTRY, new_version=each, old_version=each - 1)
            for each in range(newest, max(1, newest - first), -1)
        ]


@pytest.mark.journey
async def test_a_trail_of_100_000_entries_takes_the_memory_of_one_page():
    count = size = 0
    tracemalloc.start()
    try:
        async for piece in export_document(Endless(100_000), TENANT, UUID(int=1), None):
            count += piece.count(b'"new_version":')
            size += len(piece)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 100_000
    assert size > 30 * 1024**2
    assert peak < 2 * 1024**2
