"""What every store does: it meets people by their tokens, and loses and mixes up nothing."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from postgres_database import Database
from profile_domain.avatar import Avatar
from profile_domain.caller import Caller, Identity
from profile_domain.errors import Code, DomainError
from profile_domain.profile import AuthProvider, Profile
from profile_infra.postgres_store import PostgresProfiles
from profile_infra.schema_version import migrate
from profile_infra.stores import Store, store_of
from profile_infra.trail import Author
from profile_infra.users import Clash, User

TENANT = UUID("00000000-0000-4000-8000-00000000000a")
OTHER_TENANT = UUID("00000000-0000-4000-8000-00000000000b")
ISSUER = "https://login.example.org"
IMPORT = Author("", "", "import", "test")
OPERATOR = Author("", "", "operator", "test")
PICTURE = Avatar.of("image/png", b"\x89PNG a picture \x00\xff" * 1000)
OTHER_PICTURE = Avatar.of("image/webp", b"RIFF another picture")


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/profile.db"
    migrate(url)
    return url


@pytest.fixture
def postgres_url(postgres: Database) -> str:
    return postgres.url


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    store = store_of(store_url, connections=10, prepared=True)
    await store.open()
    yield store
    await store.close()


def person(tenant: UUID = TENANT, *, issuer: str = "", subject: str = "", **fields: object) -> User:
    known = {"email": "ada@example.org", "auth_provider": AuthProvider.LOCAL, "first_name": "Ada"}
    profile = Profile(tenant, uuid4(), **(known | fields))  # type: ignore[arg-type]  # by name
    return User(profile, issuer, subject)


def token_of(user: User, issuer: str = ISSUER) -> Identity:
    return Identity(user.profile.tenant_id, issuer, user.subject)


def caller_of(user: User) -> Caller:
    return Caller(token_of(user), "rest", "request-1")


async def stored(store: Store, *users: User) -> None:
    await store.apply(IMPORT, users, [])


async def rename(store: Store, user: User, **names: str | None) -> bool:
    before = await load(store, user)
    return await store.save(caller_of(user), before, before.with_changes(names))


async def load(store: Store, user: User, *, with_image: bool = False) -> Profile:
    profile = await store.load(token_of(user), with_image=with_image)
    assert profile is not None
    return profile


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


@pytest.mark.parametrize("subject", ["\ud800", "7\udfff", "", "\x00", "' OR 1=1 --", "7" * 100_000])
async def test_a_strange_subject_is_nobody(store, subject):
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
async def test_an_import_that_meets_a_clash_changes_nothing(store, case):
    ada, bob, new = person(), person(), person()
    await stored(store, ada, bob)
    inserts, updates = CLASHES[case](ada)
    good = (bob, User(replace(bob.profile, email="changed@example.org")))
    with pytest.raises(Clash) as clash:
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
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Clash"] * 9 + ["NoneType"]
    (made,) = await store.list_users(TENANT, first=9)
    assert outcomes[people.index(made)] is None


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
    for module in ("sqlite_store", "postgres_store"):
        monkeypatch.setattr(
            f"profile_infra.{module}.kept_since", lambda _: datetime.now(UTC) + timedelta(days=1)
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


async def test_a_closed_store_is_unavailable_and_has_done_all_it_was_asked(store):
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
        with pytest.raises(Clash):
            await store.delete(OPERATOR, user)
    assert len(await store.history(TENANT, ada.profile.id, first=9)) == 1
    elsewhere = replace(ada, profile=replace(ada.profile, tenant_id=OTHER_TENANT, version=2))
    with pytest.raises(Clash):
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


async def test_who_has_left_is_loaded_as_such(store):
    ada = person()
    await stored(store, ada)
    await store.apply(
        OPERATOR, [], [(ada, replace(ada, profile=replace(ada.profile, active=False)))]
    )
    for with_image in (True, False):
        assert (await load(store, ada, with_image=with_image)).active is False
    (change,) = await store.history(TENANT, ada.profile.id, first=9)
    assert (change.old_values, change.new_values) == ({"active": True}, {"active": False})


async def test_when_a_token_was_applied_is_kept_beside_the_trail(store):
    ada = person()
    await stored(store, ada)
    after = replace(ada, profile=replace(ada.profile, email="new@example.org"), told_at=1.8e9 + 0.5)
    await store.apply(IMPORT, [], [(ada, after)])
    found = (await store.users_of(TENANT, [ada.profile.id]))[ada.profile.id]
    assert found.told_at == 1.8e9 + 0.5
    (change,) = await store.history(TENANT, ada.profile.id, first=9)
    assert change.fields == ["email"]
    assert change.new_values == {"email": "new@example.org"}
