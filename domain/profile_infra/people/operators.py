"""The use cases of operators: importing, finding, deactivating and deleting users."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

from profile_domain.caller import Identity, parse_uuid
from profile_domain.people import Record
from profile_domain.profile import AuthProvider, Profile
from profile_infra.people.csv_file import FileRefused, Problems, Row, read_people
from profile_infra.stores.audit import Author
from profile_infra.stores.differences import user_differences
from profile_infra.stores.records import Conflict, User
from profile_infra.stores.store import Store

PAGE = 500

_Key = tuple[UUID, str, str]
_EMPTY_RECORD: Final = Record(None, AuthProvider.LOCAL, {})
_IN_THE_WAY: Final = (
    "another user has its issuer and subject, or this one was just changed; try again"
)


class Refused(Exception):
    """An operation that cannot be done; the text is a sentence for the operator."""


@dataclass(slots=True)
class Import:
    """The result of an import: new users, changed users, and the number of unchanged ones."""

    added: list[User] = field(default_factory=list)
    changed: list[tuple[User, User]] = field(default_factory=list)
    unchanged: int = 0

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
    read: Callable[[int], None] = lambda _: None,
    compared: Callable[[int, int], None] = lambda *_: None,
) -> Import:
    """Imports all users of a CSV file, or none. A dry run is the same, rolled back at its end.

    For progress bars, ``read`` is called with the bytes of each line, and ``compared`` with the
    number of users compared with the store, and of all. Raises FileRefused.
    """
    rows = read_people(path, read)
    problems = Problems()
    done = await _compare(store, rows, problems, compared, overwrite=overwrite)
    if problems:
        raise FileRefused(path, problems)
    author = Author(issuer="", subject="", face="import", request_id=f"import-{uuid4().hex}")
    try:
        await store.apply(author, done.added, done.changed, dry_run=dry_run)
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
        moved = []
        for row in page:
            before = stored.get(row.id)
            after = row.applied_to(before, overwrite=overwrite) if before else row.as_new()
            first = first_row.setdefault(_key(after), row.number)
            if first != row.number:
                conflicts[row.number] = f"the user in row {first}"
            if before is None:
                done.added.append(after)
            elif before == after:
                done.unchanged += 1
            else:
                done.changed.append((before, after))
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


def _pages(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """The rows in pages, each of one tenant."""
    by_tenant: dict[UUID, list[Row]] = {}
    for row in rows:
        by_tenant.setdefault(row.tenant_id, []).append(row)
    for of_tenant in by_tenant.values():
        for start in range(0, len(of_tenant), PAGE):
            yield of_tenant[start : start + PAGE]


def _key(user: User) -> _Key:
    return user.profile.tenant_id, user.issuer, user.subject


async def _holder(store: Store, user: User) -> Profile | None:
    """The user stored with exactly this issuer and subject."""
    tenant_id, issuer, subject = _key(user)
    # With a record, an identity does not match users stored without an issuer.
    identity = Identity(tenant_id, issuer, subject, record=_EMPTY_RECORD)
    return await store.load(identity, with_image=False)


async def list_people(store: Store, tenant_id: UUID) -> AsyncIterator[User]:
    """All users of a tenant, by id."""
    page = await store.list_users(tenant_id, first=PAGE)
    while page:
        for user in page:
            yield user
        page = await store.list_users(tenant_id, first=PAGE, after=page[-1].profile.id)


async def find_person(store: Store, tenant_id: UUID, id_or_email: str) -> User:
    """The user with this id or email. Raises Refused if there is none, or more than one."""
    user_id = parse_uuid(id_or_email)
    if user_id is not None:
        found = list((await store.users_of(tenant_id, [user_id])).values())
    else:
        found = await store.users_by_email(tenant_id, id_or_email)
    if not found:
        raise Refused(f"tenant {tenant_id} has no user {id_or_email}.")
    if len(found) > 1:
        ids = ", ".join(str(user.profile.id) for user in found)
        raise Refused(f"several users have that email; give one of their ids: {ids}.")
    return found[0]


async def set_active(store: Store, tenant_id: UUID, who: str, *, active: bool) -> User:
    """Activates or deactivates a user. Raises Refused."""
    user = await find_person(store, tenant_id, who)
    after = replace(user, profile=replace(user.profile, active=active))
    try:
        await store.apply(_operator(), [], [(user, after)])
    except Conflict:
        raise _changed(user) from None
    return after


async def delete_person(store: Store, tenant_id: UUID, who: str) -> tuple[User, int]:
    """The deleted user, and the number of audit entries whose values were cleared.

    Raises Refused.
    """
    user = await find_person(store, tenant_id, who)
    try:
        return user, await store.delete(_operator(), user)
    except Conflict:
        raise _changed(user) from None


def _operator() -> Author:
    return Author(issuer="", subject="", face="operator", request_id=f"operator-{uuid4().hex}")


def _changed(user: User) -> Refused:
    return Refused(f"user {user.profile.id} was changed at the same moment; try again.")
