"""Every store: the audit trail, its pages, and its deletion by age."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from profile_infra.stores.audit import AuditPlace, TenantEntry
from profile_infra.stores.postgres.store import PostgresProfiles
from storing import (
    IMPORT,
    ISSUER,
    OPERATOR,
    OTHER_PICTURE,
    OTHER_TENANT,
    PICTURE,
    TENANT,
    caller_of,
    load,
    person,
    rename,
    stored,
)


async def test_a_change_is_recorded_with_who_when_and_what(store):
    ada = person(avatar=PICTURE)
    await stored(store, ada)
    after = ada.profile.with_changes(
        {"first_name": None, "display_name": "Countess", "avatar_base64": OTHER_PICTURE}
    )
    assert await store.save(caller_of(ada), ada.profile, after)
    (change,) = await store.history(TENANT, ada.profile.id, first=9)
    assert (change.issuer, change.subject) == (ISSUER, ada.subject)
    assert (change.face, change.request_id) == ("rest", "request-1")
    assert (change.old_version, change.new_version) == (1, 2)
    assert change.fields == ["first_name", "display_name", "avatar_base64"]
    assert change.old_values == {"first_name": "Ada", "display_name": None}
    assert change.new_values == {"first_name": None, "display_name": "Countess"}
    assert (change.old_avatar, change.new_avatar) == (PICTURE.digest, OTHER_PICTURE.digest)
    assert change.at.utcoffset() is not None


async def test_the_history_is_read_page_by_page_newest_first(store):
    ada = person()
    await stored(store, ada)
    for number in range(7):
        assert await rename(store, ada, display_name=str(number))
    seen: list[int] = []
    while page := await store.history(
        TENANT, ada.profile.id, first=3, after=seen[-1] if seen else None
    ):
        seen += [change.new_version for change in page]
    assert seen == [8, 7, 6, 5, 4, 3, 2]


async def test_forgetting_keeps_the_last_change_of_a_user_who_is_gone(store, request, monkeypatch):
    ada, bob = person(), person()
    await stored(store, ada, bob)
    for name in ("One", "Two"):
        for user in (ada, bob):
            assert await rename(store, user, display_name=name)
    gone = "DELETE FROM users WHERE id = '{}'"
    if isinstance(store, PostgresProfiles):
        await request.getfixturevalue("postgres").execute(gone.format(ada.profile.id))
    else:
        await store._write(lambda at: at.execute(gone.format(ada.profile.id.hex)).rowcount)
    for name in ("sqlite", "postgres"):
        monkeypatch.setattr(
            f"profile_infra.stores.{name}.store.kept_since",
            lambda _: datetime.now(UTC) + timedelta(days=1),
        )
    assert await store.forget_changes(OTHER_TENANT) == 0
    assert await store.forget_changes(TENANT) == 3
    monkeypatch.undo()
    assert await store.history(TENANT, bob.profile.id, first=9) == []
    (last,) = await store.history(TENANT, ada.profile.id, first=9)
    assert last.new_version == 3
    await stored(store, ada)
    assert (await load(store, ada)).version == 4


@pytest.mark.parametrize(("after", "count"), [(0, 0), (-1, 0), (-(10**30), 0), (10**30, 1)])
async def test_a_cursor_beyond_all_versions_is_harmless(store, after, count):
    ada = person()
    await stored(store, ada)
    assert await rename(store, ada, display_name="Countess")
    assert len(await store.history(TENANT, ada.profile.id, first=9, after=after)) == count


async def test_the_time_of_the_applied_claims_is_stored(store):
    ada = person()
    await stored(store, ada)
    after = replace(
        ada, profile=replace(ada.profile, email="new@example.org"), claims_issued_at=1.8e9 + 0.5
    )
    await store.apply(IMPORT, [], [(ada, after)])
    found = (await store.users_of(TENANT, [ada.profile.id]))[ada.profile.id]
    assert found.claims_issued_at == 1.8e9 + 0.5
    (change,) = await store.history(TENANT, ada.profile.id, first=9)
    assert change.fields == ["email"]
    assert change.new_values == {"email": "new@example.org"}


async def test_the_audit_of_a_tenant_is_read_page_by_page_in_the_order_of_time(store):
    ada, bob, stranger = person(), person(), person(OTHER_TENANT)
    await stored(store, ada, bob, stranger)
    began = datetime.now(UTC)
    for name in ("One", "Two"):
        for user in (ada, stranger, bob):
            assert await rename(store, user, display_name=name)
    await store.delete(OPERATOR, (await store.users_of(TENANT, [bob.profile.id]))[bob.profile.id])
    ended = datetime.now(UTC)
    seen: list[TenantEntry] = []
    while page := await store.audit(
        TENANT, first=2, after=seen[-1].place if seen else AuditPlace(began), until=ended
    ):
        seen += page
    a, b = ada.profile.id, bob.profile.id
    assert [(user_id, entry.new_version) for user_id, entry in seen] == [
        *((a, 2), (b, 2), (a, 3), (b, 3), (b, 4))
    ]
    assert [entry.face for _, entry in seen] == ["rest"] * 4 + ["operator"]
    middle = seen[2].entry.at
    later = await store.audit(TENANT, first=9, after=AuditPlace(middle), until=ended)
    assert later == seen[2:]
    earlier = await store.audit(TENANT, first=9, after=AuditPlace(began), until=middle)
    assert earlier == seen[:2]
    assert await store.audit(TENANT, first=9, after=seen[-1].place, until=ended) == []


async def test_entries_of_one_moment_are_read_once_each(store):
    people = sorted((person() for _ in range(7)), key=lambda user: user.profile.id)
    await stored(store, *people)
    renamed = [(u, replace(u, profile=replace(u.profile, email="b@example.org"))) for u in people]
    await store.apply(IMPORT, [], renamed)
    place, seen = AuditPlace(datetime(2000, 1, 1, tzinfo=UTC)), []
    while page := await store.audit(
        TENANT, first=2, after=place, until=datetime(9999, 1, 1, tzinfo=UTC)
    ):
        seen += [user_id for user_id, _ in page]
        place = page[-1].place
    assert sorted(seen) == [user.profile.id for user in people]


async def test_the_audit_of_a_tenant_hides_what_the_history_hides(store, monkeypatch):
    ada = person()
    await stored(store, ada)
    assert await rename(store, ada, display_name="One")
    monkeypatch.setattr(
        "profile_infra.stores.audit.kept_since", lambda _: datetime.now(UTC) + timedelta(days=1)
    )
    ever, never = (datetime(year, 1, 1, tzinfo=UTC) for year in (2000, 9999))
    assert await store.audit(TENANT, first=9, after=AuditPlace(ever), until=never) == []
