"""The use case of importing users from a file: all of it, or nobody."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeVar
from uuid import UUID, uuid4

from profile_domain.caller import Identity
from profile_domain.people import Record
from profile_domain.profile import AuthProvider, Profile
from profile_infra.people.csv_file import FileRefused, Problems, Row, read_people
from profile_infra.stores.changes import Author, user_differences
from profile_infra.stores.records import Conflict, User
from profile_infra.stores.store import Store

PAGE: Final = 500

# What becomes of a row of a user who was deleted.
OfDeleted = Literal["refuse", "skip", "add"]

OfTenant = TypeVar("OfTenant", Row, Profile)
_Key = tuple[UUID, str, str]
_EMPTY_RECORD: Final = Record(None, AuthProvider.LOCAL, {})
_WAS_DELETED: Final = (
    "this user was deleted on {:%Y-%m-%d}: remove the row, pass over such rows with --skip-deleted,"
    " or make the user anew with --again"
)
_IN_THE_WAY: Final = (
    "another user has its issuer and subject, or this one was just changed; try again"
)


class SharedAddress(NamedTuple):
    """Users of one tenant with the same address after an import, at least one by the import."""

    email: str
    ids: list[UUID]


@dataclass(slots=True)
class Import:
    """The result of an import.

    ``kept_out`` are users who are active in the file, and stay deactivated; ``skipped`` rows are
    those of deleted users. ``returned`` are those of ``added`` who were deleted before.
    """

    added: list[User] = field(default_factory=list)
    changed: list[tuple[User, User]] = field(default_factory=list)
    unchanged: int = 0
    skipped: int = 0
    kept_out: list[User] = field(default_factory=list)
    returned: list[User] = field(default_factory=list)
    shared_addresses: list[SharedAddress] = field(default_factory=list)

    def add(self, row: Row, before: User | None, after: User) -> None:
        """Counts what becomes of a row."""
        if before is None:
            self.added.append(after)
        elif before == after:
            self.unchanged += 1
        else:
            self.changed.append((before, after))
        if row.active and not after.profile.active:
            self.kept_out.append(after)

    def fields_changed(self) -> Iterator[tuple[User, tuple[str, ...]]]:
        """Each changed user, with the changed fields as in the audit trail."""
        for before, after in self.changed:
            change = user_differences(before, after)
            yield after, change.fields if change else ()


async def import_people(
    store: Store,
    path: Path,
    *,
    overwrite: bool,
    dry_run: bool = False,
    of_deleted: OfDeleted = "refuse",
    read: Callable[[int], None] = lambda _: None,
    compared: Callable[[int, int], None] = lambda *_: None,
) -> Import:
    """Imports all users of a CSV file, or none. A dry run is the same, rolled back at its end.

    For progress bars, ``read`` is called with the bytes of each line, and ``compared`` with the
    number of users compared with the store, and of all. Raises FileRefused.
    """
    rows = read_people(path, read)
    problems = Problems()
    done = await _compare(store, rows, problems, compared, of_deleted, overwrite=overwrite)
    if problems:
        raise FileRefused(path, problems)
    done.shared_addresses = await _shared_addresses(store, done)
    author = Author(issuer="", subject="", face="import", request_id=f"import-{uuid4().hex}")
    try:
        added, let_in = await _returning(store, done)
        await store.apply(author, added, [*done.changed, *let_in], dry_run=dry_run)
    except Conflict as conflict:
        numbers = {(row.tenant_id, row.id): row.number for row in rows}
        profile = conflict.user.profile
        problems.of_cell(numbers[profile.tenant_id, profile.id], "id", _IN_THE_WAY)
        raise FileRefused(path, problems) from None
    return done


async def _compare(
    store: Store,
    rows: Sequence[Row],
    problems: Problems,
    compared: Callable[[int, int], None],
    of_deleted: OfDeleted,
    *,
    overwrite: bool,
) -> Import:
    """Compares the rows with the stored users; conflicts are added to ``problems``."""
    done = Import()
    conflicts: dict[int, str] = {}
    first_row: dict[_Key, int] = {}
    left: set[_Key] = set()
    taken: list[tuple[Row, _Key, UUID]] = []
    for page in _pages(rows):
        stored = await store.users_of(page[0].tenant_id, [row.id for row in page])
        gone = await _deleted(store, page, stored)
        deleted = {} if of_deleted == "add" else gone
        done.skipped += len(deleted)
        if of_deleted == "refuse":
            _refuse(page, deleted, problems)
        moved = []
        for row in (each for each in page if each.id not in deleted):
            before = stored.get(row.id)
            after = row.applied_to(before, overwrite=overwrite) if before else row.as_new()
            first = first_row.setdefault(_key(after), row.number)
            if first != row.number:
                conflicts[row.number] = f"the user in row {first}"
            done.add(row, before, after)
            if row.id in gone:
                done.returned.append(after)
            if before is None or _key(before) != _key(after):
                moved.append((row, after))
                left |= {_key(before)} if before else set()
        holders = await asyncio.gather(*(_holder(store, after) for _, after in moved))
        taken += [
            (row, _key(after), holder.id)
            for (row, after), holder in zip(moved, holders, strict=True)
            if holder is not None and holder.id != row.id
        ]
        compared(len(page), len(rows))
    for row, key, holder_id in taken:
        if key not in left:
            conflicts.setdefault(row.number, f"the user {holder_id}")
    for number, who in sorted(conflicts.items()):
        problems.of_cell(number, "subject", f"{who} has the same issuer and subject")
    return done


async def _deleted(
    store: Store, page: Sequence[Row], stored: Iterable[UUID]
) -> dict[UUID, datetime]:
    """When users of the page were deleted."""
    absent = [row.id for row in page if row.id not in stored]
    if not absent:
        return {}
    return await store.deleted_users(page[0].tenant_id, absent)


def _refuse(page: Sequence[Row], deleted: Mapping[UUID, datetime], problems: Problems) -> None:
    for row in page:
        if row.id in deleted:
            problems.of_cell(row.number, "id", _WAS_DELETED.format(deleted[row.id]))


async def _returning(store: Store, done: Import) -> tuple[list[User], list[tuple[User, User]]]:
    """What to add, and what to update then.

    Adding leaves no audit entry. Users who return are added deactivated and let in by an update, so
    that the trail, which has their deletion, has their return too.
    """
    deactivated: dict[tuple[UUID, UUID], User] = {}
    let_in = []
    for user in done.returned:
        profile = user.profile
        last = await store.history(profile.tenant_id, profile.id, first=1)
        if last and profile.active:
            now = replace(profile, version=last[0].new_version + 1)
            before = replace(user, profile=replace(now, active=False))
            deactivated[_id(profile)] = before
            let_in.append((before, replace(user, profile=now)))
    return [deactivated.get(_id(user.profile), user) for user in done.added], let_in


async def _shared_addresses(store: Store, done: Import) -> list[SharedAddress]:
    becomes = {_id(after.profile): after.profile.email for _, after in done.changed}
    moved = done.added + [
        after for before, after in done.changed if before.profile.email != after.profile.email
    ]
    holders: dict[tuple[UUID, str], set[UUID]] = defaultdict(set)
    for user in moved:
        holders[user.profile.tenant_id, user.profile.email].add(user.profile.id)
    for page in _pages([user.profile for user in moved]):
        tenant_id = page[0].tenant_id
        for user in await store.users_by_email(tenant_id, *{each.email for each in page}):
            profile = user.profile
            if becomes.get(_id(profile), profile.email) == profile.email:
                holders[tenant_id, profile.email].add(profile.id)
    return [
        SharedAddress(email, sorted(ids)) for (_, email), ids in holders.items() if len(ids) > 1
    ]


def _pages(rows: Iterable[OfTenant]) -> Iterator[list[OfTenant]]:
    """The rows in pages of 500, each of one tenant."""
    by_tenant: dict[UUID, list[OfTenant]] = {}
    for row in rows:
        by_tenant.setdefault(row.tenant_id, []).append(row)
    for of_tenant in by_tenant.values():
        for start in range(0, len(of_tenant), PAGE):
            yield of_tenant[start : start + PAGE]


def _id(profile: Profile) -> tuple[UUID, UUID]:
    return profile.tenant_id, profile.id


def _key(user: User) -> _Key:
    return user.profile.tenant_id, user.issuer, user.subject


async def _holder(store: Store, user: User) -> Profile | None:
    """The user stored with exactly this issuer and subject."""
    tenant_id, issuer, subject = _key(user)
    # With a record, an identity does not match users stored without an issuer.
    identity = Identity(tenant_id, issuer, subject, record=_EMPTY_RECORD)
    return await store.load(identity, with_image=False)
