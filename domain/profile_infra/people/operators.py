"""What an operator does with the people of a store: import, find, let go, delete."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from uuid import UUID, uuid4

from profile_domain.caller import parse_uuid
from profile_infra.people.csv_file import FileRefused, Row, read_people
from profile_infra.stores.audit import Author
from profile_infra.stores.records import Conflict, User
from profile_infra.stores.store import Store

PAGE = 500


class Refused(Exception):
    """What cannot be done, in one sentence for the operator."""


class Imported(NamedTuple):
    """How many people of a file are new, were changed, and were as the file has them."""

    added: int
    changed: int
    unchanged: int


async def import_people(
    store: Store,
    path: Path,
    *,
    overwrite: bool,
    read: Callable[[int], None],
    compared: Callable[[int, int], None],
) -> Imported:
    """All people of a CSV file, or none.

    ``read`` is told the bytes of each line, ``compared`` how many people of how many were held
    against the store. Raises FileRefused.
    """
    rows = read_people(path, read)
    inserts: list[User] = []
    updates: list[tuple[User, User]] = []
    for tenant_id in dict.fromkeys(row.tenant_id for row in rows):
        of_tenant = [row for row in rows if row.tenant_id == tenant_id]
        for start in range(0, len(of_tenant), PAGE):
            page = of_tenant[start : start + PAGE]
            stored = await store.users_of(tenant_id, [row.id for row in page])
            for row in page:
                _sort_in(row, stored.get(row.id), inserts, updates, overwrite=overwrite)
            compared(len(page), len(rows))
    author = Author(issuer="", subject="", face="import", request_id=f"import-{uuid4().hex}")
    try:
        await store.apply(author, inserts, updates)
    except Conflict as clash:
        user = clash.user
        problem = f"user {user.profile.id}: another has its issuer and subject, or it just changed"
        raise FileRefused(path, [problem]) from None
    return Imported(len(inserts), len(updates), len(rows) - len(inserts) - len(updates))


def _sort_in(
    row: Row,
    stored: User | None,
    inserts: list[User],
    updates: list[tuple[User, User]],
    *,
    overwrite: bool,
) -> None:
    if stored is None:
        inserts.append(row.as_new())
    elif (wanted := row.applied_to(stored, overwrite=overwrite)) != stored:
        updates.append((stored, wanted))


async def list_people(store: Store, tenant_id: UUID) -> AsyncIterator[User]:
    """Everybody of a tenant, in the order of their ids."""
    page = await store.list_users(tenant_id, first=PAGE)
    while page:
        for user in page:
            yield user
        page = await store.list_users(tenant_id, first=PAGE, after=page[-1].profile.id)


async def find_person(store: Store, tenant_id: UUID, id_or_email: str) -> User:
    """The one user meant. Raises Refused when there is none, or more than one."""
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
    """The user meant, who may sign in from now on or not. Raises Refused."""
    user = await find_person(store, tenant_id, who)
    after = replace(user, profile=replace(user.profile, active=active))
    try:
        await store.apply(_operator(), [], [(user, after)])
    except Conflict:
        raise _changed(user) from None
    return after


async def delete_person(store: Store, tenant_id: UUID, who: str) -> tuple[User, int]:
    """The user who was meant, and how many entries of the audit trail lost their values.

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
