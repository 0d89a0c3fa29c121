"""An import against what is stored: all of a file or nobody, and a dry run that says so before."""

import csv
from uuid import UUID, uuid4

import pytest

from profile_infra.people.csv_file import COLUMNS, FileRefused
from profile_infra.people.importing import import_people
from storing import ISSUER, OPERATOR, OTHER_TENANT, TENANT, person, stored

TENANTS = (TENANT, OTHER_TENANT)


def row(user_id, email="ada@example.org", provider="local", *rest, tenant=TENANT):
    return [str(tenant), str(user_id), email, provider, *rest, *[""] * (5 - len(rest))]


def known(user_id, issuer, subject, tenant=TENANT):
    return row(user_id, "ada@example.org", "local", "Ada", "", "", issuer, subject, tenant=tenant)


@pytest.fixture
def file(tmp_path):
    def file(*rows):
        path = tmp_path / "people.csv"
        with path.open("w", newline="", encoding="utf-8") as out:
            csv.writer(out, delimiter=";").writerows([COLUMNS, *rows])
        return path

    return file


async def everything(store):
    """All that an import could write."""
    users = [user for tenant in TENANTS for user in await store.list_users(tenant, first=99)]
    return users, [
        await store.history(user.profile.tenant_id, user.profile.id, first=99) for user in users
    ]


async def refused(store, path, **options):
    """What a dry run and then the import say, which is the same, and changes nothing."""
    before = await everything(store)
    result = []
    for dry_run in (True, False):
        with pytest.raises(FileRefused) as error:
            await import_people(store, path, overwrite=False, dry_run=dry_run, **options)
        result.append(str(error.value).splitlines()[1:])
        assert await everything(store) == before
    assert result[0] == result[1]
    return [line.strip() for line in result[0]]


@pytest.mark.parametrize("overwrite", [False, True])
async def test_a_dry_run_says_what_the_import_then_does_and_writes_nothing(store, file, overwrite):
    ada, bob, eve = person(), person(email="bob@example.org"), person(OTHER_TENANT)
    await stored(store, ada, bob, eve)
    before = await everything(store)
    new = uuid4()
    path = file(
        row(ada.profile.id, "new@example.org", "oidc", "Ada", "", "Countess", ISSUER, "7"),
        row(bob.profile.id, "bob@example.org", "local", "Ada", "", ""),
        row(new, "new-one@example.org", "saml", "New", "One"),
        row(eve.profile.id, "ada@example.org", "local", "Eve", tenant=OTHER_TENANT),
    )
    result = await import_people(store, path, overwrite=overwrite, dry_run=True)
    assert await everything(store) == before
    assert [user.profile.id for user in result.added] == [new]
    changed = {user.profile.id: set(fields) for user, fields in result.fields_changed()}
    expected = {"email", "auth_provider", "issuer", "subject"}
    if overwrite:
        assert changed[ada.profile.id] == expected | {"display_name"}
        assert changed[eve.profile.id] == {"first_name"}
    else:
        assert changed == {ada.profile.id: expected}
    assert result.unchanged == 4 - 1 - len(changed)

    done = await import_people(store, path, overwrite=overwrite)
    assert done == result
    users, trail = await everything(store)
    written = {user.profile.id: user for user in users}
    assert written[new] == result.added[0]
    audited = {
        user.profile.id: set(entry.fields)
        for user, entries in zip(users, trail, strict=True)
        for entry in entries
    }
    assert audited == changed
    again = await import_people(store, path, overwrite=overwrite, dry_run=True)
    assert (again.added, again.changed, again.unchanged) == ([], [], 4)


async def test_each_conflict_is_reported_with_the_row(store, file):
    ada, bob, anyones = person(issuer=ISSUER, subject="7"), person(subject="8"), person()
    await stored(store, ada, bob, anyones)
    result = await refused(
        store,
        file(
            known(uuid4(), ISSUER, "7"),
            known(uuid4(), "", "8"),
            known(uuid4(), ISSUER, "9"),
            known(anyones.profile.id, ISSUER, "7"),
            known(uuid4(), ISSUER, "9"),
            known(uuid4(), "", str(anyones.profile.id)),
            known(uuid4(), ISSUER, "7", tenant=OTHER_TENANT),
            known(uuid4(), ISSUER, "8"),
        ),
    )
    assert result == [
        f"row 2, column subject: the user {ada.profile.id} has the same issuer and subject",
        f"row 3, column subject: the user {bob.profile.id} has the same issuer and subject",
        "row 5, column subject: the user in row 2 has the same issuer and subject",
        "row 6, column subject: the user in row 4 has the same issuer and subject",
    ]


async def test_who_moves_away_is_in_nobodys_way(store, file):
    """A user may have the key that another leaves, if the store can write them in its order."""
    ada, bob = (person(issuer=ISSUER, subject=subject, email=subject) for subject in "78")
    first, second = sorted((ada, bob), key=lambda user: user.profile.id)
    await stored(store, ada, bob)
    path = file(
        known(first.profile.id, ISSUER, "9"), known(second.profile.id, ISSUER, first.subject)
    )
    assert len((await import_people(store, path, overwrite=False)).changed) == 2


async def test_two_who_exchange_their_subjects_are_refused_by_a_dry_run_too(store, file):
    ada, bob = person(issuer=ISSUER, subject="7"), person(issuer=ISSUER, subject="8")
    await stored(store, ada, bob)
    ids = [ada.profile.id, bob.profile.id]
    (result,) = await refused(store, file(known(ids[0], ISSUER, "8"), known(ids[1], ISSUER, "7")))
    assert result.partition(":")[0] in {"row 2, column id", "row 3, column id"}


async def test_a_file_of_many_pages_is_compared_row_by_row(store, file):
    people = [row(UUID(int=n), f"p{n}@example.org") for n in range(1, 1203)]
    done = await import_people(store, file(*people), overwrite=False)
    assert len(done.added) == 1202
    people[700][2] = "moved@example.org"
    result = await import_people(store, file(*people), overwrite=False, dry_run=True)
    ((user, fields),) = result.fields_changed()
    assert (user.profile.email, fields, result.unchanged) == ("moved@example.org", ("email",), 1201)


@pytest.mark.parametrize("active", [True, False])
async def test_the_return_of_a_deleted_person_is_in_their_history(store, file, active):
    ada = person(active=active)
    await stored(store, ada, person())
    await store.delete(OPERATOR, ada)
    path = file(row(ada.profile.id, "ada@example.org", "local", "Ada"), row(uuid4()))
    done = await import_people(store, path, overwrite=False, of_deleted="add")
    assert [user.profile.id for user in done.returned] == [ada.profile.id]
    assert (len(done.added), len(done.changed)) == (2, 0)
    (now,) = (await store.users_of(TENANT, [ada.profile.id])).values()
    assert now.profile.active
    returned, deleted = await store.history(TENANT, ada.profile.id, first=9)
    assert (returned.face, returned.fields) == ("import", ["active"])
    assert returned.new_version == now.profile.version
    assert deleted.face == "operator"
