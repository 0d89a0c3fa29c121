"""Every store: matching tokens to users, loading and saving, concurrency."""

import asyncio
from dataclasses import replace

import pytest

from profile_domain.caller import Identity
from profile_domain.errors import Code, DomainError
from profile_domain.people import Record
from profile_domain.pictures.avatar import Avatar
from profile_domain.profile import AuthProvider
from profile_infra.stores.records import User
from storing import (
    ISSUER,
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


async def test_a_user_without_an_issuer_is_met_by_any_issuer_by_their_id(store):
    ada = person()
    await stored(store, ada)
    for issuer in (ISSUER, "https://another.example.org"):
        assert await store.load(Identity(TENANT, issuer, str(ada.profile.id)), with_image=True) == (
            ada.profile
        )


async def test_a_user_with_a_subject_is_not_met_by_their_id(store):
    ada = person(subject="ada|1")
    await stored(store, ada)
    assert await store.load(token_of(ada), with_image=False) == ada.profile
    by_id = Identity(TENANT, ISSUER, str(ada.profile.id))
    assert await store.load(by_id, with_image=False) is None


@pytest.mark.parametrize("with_image", [True, False])
async def test_the_issuers_own_user_comes_before_one_that_any_issuer_meets(store, with_image):
    anyones, own = person(subject="7"), person(issuer=ISSUER, subject="7")
    await stored(store, anyones, own)
    assert await store.load(token_of(own), with_image=with_image) == own.profile
    elsewhere = token_of(own, issuer="https://another.example.org")
    assert await store.load(elsewhere, with_image=with_image) == anyones.profile


async def test_an_issuer_does_not_reach_a_user_stored_under_another(store):
    ada = person(issuer=ISSUER, subject="7")
    await stored(store, ada)
    elsewhere = token_of(ada, issuer="https://another.example.org")
    assert await store.load(elsewhere, with_image=False) is None


@pytest.mark.parametrize("with_image", [True, False])
async def test_an_issuer_that_provisions_meets_only_users_stored_with_its_name(store, with_image):
    record = Record("ada@example.org", AuthProvider.OIDC, {})
    anyones, another = (
        person(subject="7"),
        person(issuer="https://another.example.org", subject="7"),
    )
    await stored(store, anyones, another)
    provisioned = Identity(TENANT, ISSUER, "7", record=record)
    assert await store.load(provisioned, with_image=with_image) is None
    by_id = Identity(TENANT, ISSUER, str(anyones.profile.id), record=record)
    assert await store.load(by_id, with_image=with_image) is None
    own = person(issuer=ISSUER, subject="7")
    await stored(store, own)
    assert await store.load(provisioned, with_image=with_image) == own.profile
    loads = (store.load(each, with_image=with_image) for each in [provisioned, token_of(own)] * 20)
    assert await asyncio.gather(*loads) == [own.profile] * 40


@pytest.mark.parametrize("subject", ["\ud800", "7\udfff", "", "\x00", "' OR 1=1 --", "7" * 100_000])
async def test_a_subject_that_cannot_be_stored_is_nobody(store, subject):
    await stored(store, person())
    assert await store.load(Identity(TENANT, ISSUER, subject), with_image=False) is None


async def test_the_same_issuer_and_subject_in_two_tenants_are_two_people(store):
    here = person(issuer=ISSUER, subject="7")
    there = person(OTHER_TENANT, issuer=ISSUER, subject="7", first_name="Bob")
    await stored(store, here, there)
    assert await rename(store, here, display_name="Here")
    assert (await load(store, here)).display_name == "Here"
    assert await load(store, there) == there.profile


async def test_the_same_id_in_two_tenants_is_two_people(store):
    here = person(avatar=PICTURE)
    there = User(replace(here.profile, tenant_id=OTHER_TENANT, first_name="Bob", avatar=None))
    await stored(store, here, there)
    assert await rename(store, there, display_name="There")
    assert await load(store, here, with_image=True) == here.profile
    assert len(await store.history(OTHER_TENANT, here.profile.id, first=9)) == 1
    assert await store.history(TENANT, here.profile.id, first=9) == []


async def test_a_caller_of_one_tenant_cannot_save_into_another(store):
    ada, mallory = person(), person(OTHER_TENANT)
    await stored(store, ada, mallory)
    after = ada.profile.with_changes({"display_name": "Mallory"})
    assert not await store.save(caller_of(mallory), ada.profile, after)
    assert await load(store, ada) == ada.profile


async def test_what_is_saved_is_what_is_loaded_with_the_same_entity_tag(store):
    ada = person()
    await stored(store, ada)
    after = ada.profile.with_changes({"display_name": "Countess", "first_name": None})
    assert await store.save(caller_of(ada), ada.profile, after)
    assert await load(store, ada) == after
    assert (await load(store, ada)).etag == after.etag


async def test_a_save_on_an_old_version_changes_nothing(store):
    ada = person()
    await stored(store, ada)
    first = ada.profile.with_changes({"display_name": "First"})
    second = ada.profile.with_changes({"last_name": "Second", "avatar_base64": PICTURE})
    assert await store.save(caller_of(ada), ada.profile, first)
    assert not await store.save(caller_of(ada), ada.profile, second)
    assert await load(store, ada, with_image=True) == first
    assert len(await store.history(TENANT, ada.profile.id, first=9)) == 1


async def test_of_fifty_savers_at_once_one_wins_each_version(store):
    ada = person()
    await stored(store, ada)
    won: list[int] = []

    async def saver(number: int) -> None:
        for turn in range(4):
            before = await load(store, ada)
            after = before.with_changes({"display_name": f"{number}.{turn}"})
            if await store.save(caller_of(ada), before, after):
                won.append(after.version)

    await asyncio.gather(*map(saver, range(50)))
    assert won == list(range(2, 2 + len(won)))
    assert (await load(store, ada)).version == won[-1]
    assert len(await store.history(TENANT, ada.profile.id, first=999)) == len(won)


async def test_savers_of_different_users_do_not_disturb_one_another(store):
    people = [person() for _ in range(64)]
    await stored(store, *people)
    saves = (rename(store, user, display_name=user.subject) for user in people)
    assert all(await asyncio.gather(*saves))
    assert [(await load(store, user)).display_name for user in people] == [
        user.subject for user in people
    ]


async def test_a_save_that_fails_fails_alone(store):
    people = [person() for _ in range(9)]
    await stored(store, *people)
    names = {"display_name": "Changed"}
    without_image = Avatar("image/png", b"digest")
    changes = [names | {"avatar_base64": without_image} if n == 4 else names for n in range(9)]
    outcomes = await asyncio.gather(
        *(
            store.save(caller_of(user), user.profile, user.profile.with_changes(change))
            for user, change in zip(people, changes, strict=True)
        ),
        return_exceptions=True,
    )
    assert isinstance(outcomes.pop(4), ValueError)
    assert outcomes == [True] * 8
    names_now = [(await load(store, user)).display_name for user in people]
    assert names_now == ["Changed"] * 4 + [None] + ["Changed"] * 4
    assert await store.history(TENANT, people[4].profile.id, first=9) == []


async def test_a_caller_who_goes_away_does_not_disturb_those_who_stay(store):
    people = [person() for _ in range(20)]
    await stored(store, *people)
    saves = [asyncio.create_task(rename(store, user, display_name="Stays")) for user in people]
    await asyncio.sleep(0)
    for save in saves[::2]:
        save.cancel()
    outcomes = await asyncio.gather(*saves, return_exceptions=True)
    assert outcomes[1::2] == [True] * 10
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes[::2])
    assert await rename(store, people[1], display_name="And the store works")


@pytest.mark.parametrize(
    "name",
    [
        "Žofie",
        "नेहा",
        "李雷",
        "👩‍👩‍👧‍👦",
        "\u200d\u200c\ufeff",
        "\U0010fffd" * 100,
        "Robert'); DROP TABLE users;--",
        '"\\%_:$1?',
        "null",
    ],
)
async def test_any_name_comes_back_as_it_was(store, name):
    ada = person()
    await stored(store, ada)
    assert await rename(store, ada, first_name=name)
    assert (await load(store, ada)).first_name == name
    (change,) = await store.history(TENANT, ada.profile.id, first=9)
    assert (change.old_values, change.new_values) == ({"first_name": "Ada"}, {"first_name": name})


async def test_a_picture_is_stored_replaced_and_removed(store):
    ada = person()
    await stored(store, ada)
    for wanted in (PICTURE, OTHER_PICTURE, PICTURE, None, PICTURE):
        before = await load(store, ada)
        after = before.with_changes({"avatar_base64": wanted})
        assert await store.save(caller_of(ada), before, after)
        assert await load(store, ada, with_image=True) == after
        bare = wanted and Avatar(wanted.media_type, wanted.digest)
        assert (await load(store, ada)).avatar == bare


async def test_a_change_of_name_keeps_the_picture(store):
    ada = person(avatar=PICTURE)
    await stored(store, ada)
    assert await rename(store, ada, display_name="Countess")
    assert (await load(store, ada, with_image=True)).avatar == PICTURE


async def test_a_closed_store_is_unavailable_and_has_finished_all_calls(store):
    people = [person() for _ in range(9)]
    await stored(store, *people)
    late = {"display_name": "Late"}
    saves = [
        asyncio.create_task(
            store.save(caller_of(user), user.profile, user.profile.with_changes(late))
        )
        for user in people
    ]
    await asyncio.sleep(0)
    await store.close()
    assert await asyncio.gather(*saves) == [True] * 9
    assert await store.missing() == "store"
    for asked in (load(store, people[0]), stored(store, person())):
        with pytest.raises(DomainError) as refused:
            await asked
        assert refused.value.code is Code.UNAVAILABLE
    await store.open()
    assert await store.missing() is None
    assert (await load(store, people[0])).display_name == "Late"


async def test_queued_calls_are_counted(store):
    people = [person() for _ in range(5)]
    await stored(store, *people)
    assert store.waiting == 0
    saves = [asyncio.create_task(rename(store, user, display_name="New")) for user in people]
    most = 0
    while not all(save.done() for save in saves):
        await asyncio.sleep(0)
        most = max(most, store.waiting)
    assert 1 <= most <= len(people)
    assert store.waiting == 0
