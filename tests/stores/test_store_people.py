"""Every store: finding, listing, importing and deleting users."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from profile_domain.caller import Identity
from profile_domain.pictures.avatar import Avatar
from profile_infra.stores.records import Conflict, User
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
    token_of,
)


async def test_users_are_found_by_id_and_by_email_in_their_tenant_only(store):
    ada, namesake = person(issuer=ISSUER, subject="7"), person(email="other@example.org")
    stranger = person(OTHER_TENANT)
    await stored(store, ada, namesake, stranger)
    ids = [user.profile.id for user in (ada, namesake, stranger)]
    assert await store.users_of(TENANT, ids) == {ids[0]: ada, ids[1]: namesake}
    assert await store.users_by_email(TENANT, "ada@example.org") == [ada]
    assert await store.users_by_email(OTHER_TENANT, "ada@example.org") == [stranger]
    for nobody in ("nobody@example.org", "", "\udcff", "%"):
        assert await store.users_by_email(TENANT, nobody) == []


async def test_users_are_listed_page_by_page(store):
    people = sorted((person() for _ in range(5)), key=lambda user: user.profile.id)
    people.insert(0, User(replace(people[0].profile, id=UUID(int=0))))
    await stored(store, *people, person(OTHER_TENANT))
    listed: list[User] = []
    while page := await store.list_users(
        TENANT, first=4, after=listed[-1].profile.id if listed else None
    ):
        listed += page
    assert listed == people


async def test_an_import_adds_and_updates_in_one_go(store):
    ada, bob = person(avatar=PICTURE), person()
    await stored(store, ada)
    renewed = replace(
        ada, profile=replace(ada.profile, email="new@example.org"), issuer=ISSUER, subject="7"
    )
    await store.apply(IMPORT, [bob], [(ada, renewed)])
    found = await store.load(Identity(TENANT, ISSUER, "7"), with_image=True)
    assert found == replace(renewed.profile, version=2)
    assert await load(store, bob) == bob.profile
    (change,) = await store.history(TENANT, ada.profile.id, first=9)
    assert (change.face, change.fields) == ("import", ["email", "issuer", "subject"])


async def test_a_dry_run_meets_every_clash_and_keeps_nothing(store):
    ada, new = person(avatar=PICTURE), person(avatar=OTHER_PICTURE)
    await stored(store, ada)
    renewed = replace(ada, profile=replace(ada.profile, email="new@example.org"), subject="7")
    await store.apply(IMPORT, [new], [(ada, renewed)], dry_run=True)
    with pytest.raises(Conflict):
        await store.apply(IMPORT, [new, person(subject=ada.subject)], [], dry_run=True)
    assert await load(store, ada, with_image=True) == ada.profile
    assert await store.history(TENANT, ada.profile.id, first=9) == []
    assert await store.users_of(TENANT, [new.profile.id]) == {}
    await store.apply(IMPORT, [new], [(ada, renewed)])
    assert (await load(store, new)).version == 1


async def test_an_update_without_a_difference_writes_nothing(store):
    ada = person(avatar=PICTURE)
    await stored(store, ada)
    await store.apply(IMPORT, [], [(ada, ada)])
    assert await store.save(caller_of(ada), ada.profile, ada.profile)
    assert await load(store, ada, with_image=True) == ada.profile
    assert await store.history(TENANT, ada.profile.id, first=9) == []


CLASHES = {
    "an id that is there": lambda ada: ([User(ada.profile, ISSUER, "new")], []),
    "a subject that is there": lambda ada: ([person(subject=ada.subject)], []),
    "a subject twice": lambda ada: ([person(subject="7"), person(subject="7")], []),
    "a version that is gone": lambda ada: (
        [],
        [(User(replace(ada.profile, version=7)), User(replace(ada.profile, email="x@y.z")))],
    ),
    "a user who is not there": lambda ada: (
        [],
        [(user := person(), replace(user, subject="8"))],
    ),
}


@pytest.mark.parametrize("case", CLASHES)
async def test_an_import_with_a_conflict_changes_nothing(store, case):
    ada, bob, new = person(), person(), person()
    await stored(store, ada, bob)
    inserts, updates = CLASHES[case](ada)
    good = (bob, User(replace(bob.profile, email="changed@example.org")))
    with pytest.raises(Conflict) as clash:
        await store.apply(IMPORT, [new, *inserts], [good, *updates])
    assert clash.value.user in [*inserts, *(after for _, after in updates)]
    assert await store.list_users(TENANT, first=9) == sorted(
        [ada, bob], key=lambda user: user.profile.id
    )
    assert await store.history(TENANT, bob.profile.id, first=9) == []


async def test_of_first_requests_at_once_one_makes_the_user(store):
    people = [person(issuer=ISSUER, subject="new") for _ in range(10)]
    outcomes = await asyncio.gather(
        *(stored(store, user) for user in people), return_exceptions=True
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict"] * 9 + ["NoneType"]
    (made,) = await store.list_users(TENANT, first=9)
    assert outcomes[people.index(made)] is None


async def test_a_deleted_user_leaves_nothing_but_digests(store):
    ada = person(avatar=PICTURE, display_name="Countess")
    bob = person(issuer=ISSUER, subject="bob", avatar=OTHER_PICTURE)
    await stored(store, ada, bob)
    await rename(store, ada, display_name=None)
    await rename(store, bob, display_name="Bob")
    (kept,) = await store.history(TENANT, bob.profile.id, first=9)
    leaving = (await store.users_of(TENANT, [ada.profile.id]))[ada.profile.id]
    assert await store.delete(OPERATOR, leaving) == 1
    assert await store.load(token_of(ada), with_image=True) is None
    assert await store.users_of(TENANT, [ada.profile.id]) == {}
    removal, change = await store.history(TENANT, ada.profile.id, first=9)
    assert (change.old_values, change.new_values, change.fields) == (None, None, ["display_name"])
    assert (removal.old_values, removal.new_values, removal.face) == (None, None, "operator")
    assert (removal.fields, removal.old_avatar) == (["avatar_base64"], PICTURE.digest)
    assert (removal.old_version, removal.new_version) == (2, 3)
    assert await store.history(TENANT, bob.profile.id, first=9) == [kept]
    assert (await load(store, bob, with_image=True)).avatar == OTHER_PICTURE


async def test_a_user_who_was_changed_meanwhile_is_not_deleted(store):
    ada = person()
    await stored(store, ada)
    await rename(store, ada, display_name="Countess")
    for user in (ada, person()):
        with pytest.raises(Conflict):
            await store.delete(OPERATOR, user)
    assert len(await store.history(TENANT, ada.profile.id, first=9)) == 1
    elsewhere = replace(ada, profile=replace(ada.profile, tenant_id=OTHER_TENANT, version=2))
    with pytest.raises(Conflict):
        await store.delete(OPERATOR, elsewhere)
    assert (await load(store, ada)).display_name == "Countess"


async def test_a_user_who_is_deleted_and_comes_back_has_a_new_entity_tag(store):
    ada = person()
    await stored(store, ada)
    before = await load(store, ada)
    await store.delete(OPERATOR, ada)
    await stored(store, ada)
    after = await load(store, ada)
    assert (after.etag, after.version) != (before.etag, before.version)
    assert await rename(store, ada, display_name="Again")
    assert [
        change.new_version for change in await store.history(TENANT, ada.profile.id, first=9)
    ] == [4, 2]


async def test_a_deactivated_user_is_loaded_as_such(store):
    ada = person()
    await stored(store, ada)
    await store.apply(
        OPERATOR, [], [(ada, replace(ada, profile=replace(ada.profile, active=False)))]
    )
    for with_image in (True, False):
        assert (await load(store, ada, with_image=with_image)).active is False
    (change,) = await store.history(TENANT, ada.profile.id, first=9)
    assert (change.old_values, change.new_values) == ({"active": True}, {"active": False})


async def test_people_with_the_same_email_are_found_in_the_order_of_their_ids(store):
    people = [person() for _ in range(9)]
    await stored(store, *people)
    assert await store.users_by_email(TENANT, "ada@example.org") == sorted(
        people, key=lambda user: user.profile.id
    )


async def test_whoever_looks_for_people_gets_no_bytes_of_pictures(store):
    ada = person(avatar=PICTURE)
    await stored(store, ada)
    found = [
        *(await store.users_of(TENANT, [ada.profile.id])).values(),
        *await store.users_by_email(TENANT, ada.profile.email),
        *await store.list_users(TENANT, first=9),
    ]
    bare = Avatar(PICTURE.media_type, PICTURE.digest)
    assert [user.profile.avatar for user in found] == [bare] * 3


async def test_a_new_time_of_claims_alone_is_no_change(store):
    ada = person()
    await stored(store, ada)
    await store.apply(IMPORT, [], [(ada, replace(ada, claims_issued_at=1.8e9))])
    assert await load(store, ada) == ada.profile
    assert await store.history(TENANT, ada.profile.id, first=9) == []


async def test_an_update_cannot_change_the_id(store):
    ada, bob = person(), person()
    await stored(store, ada)
    with pytest.raises(ValueError, match="cannot become another"):
        await store.apply(IMPORT, [], [(ada, bob)])
    with pytest.raises(ValueError, match="cannot become another"):
        await store.save(caller_of(ada), ada.profile, bob.profile)
    assert await store.list_users(TENANT, first=9) == [ada]


async def test_who_was_deleted_is_known_by_the_trail_until_made_again(store):
    ada, bob, cleo = person(), person(), person()
    await stored(store, ada, bob)
    assert await rename(store, bob, display_name="Bob")
    before = datetime.now(UTC)
    await store.delete(OPERATOR, ada)
    ids = [user.profile.id for user in (ada, bob, cleo)]
    deleted = await store.deleted_users(TENANT, ids)
    assert list(deleted) == [ada.profile.id]
    assert before <= deleted[ada.profile.id] <= datetime.now(UTC)
    assert await store.deleted_users(OTHER_TENANT, ids) == {}
    await stored(store, ada)
    assert await store.deleted_users(TENANT, ids) == {}


async def test_several_addresses_are_looked_up_at_once(store):
    ada, bob = person(), person(email="bob@example.org")
    await stored(store, ada, bob, person(OTHER_TENANT))
    found = await store.users_by_email(TENANT, "bob@example.org", "", "ada@example.org")
    assert found == [bob, ada]
