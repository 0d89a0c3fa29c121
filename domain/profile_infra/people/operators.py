"""The use cases of operators: finding, following, deactivating and deleting users."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from profile_domain.caller import parse_uuid
from profile_infra.stores.audit import AuditPlace, TenantEntry
from profile_infra.stores.changes import Author
from profile_infra.stores.records import Conflict, User
from profile_infra.stores.store import Store

PAGE: Final = 500


class Refused(Exception):
    """An operation that cannot be done; the text is a sentence for the operator."""


class NoSuchUser(Refused):
    """The tenant has no such user."""


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
        raise NoSuchUser(f"tenant {tenant_id} has no user {id_or_email}.")
    if len(found) > 1:
        ids = ", ".join(str(user.profile.id) for user in found)
        raise Refused(f"several users have that email; give one of their ids: {ids}.")
    return found[0]


async def find_person_or_deleted(
    store: Store, tenant_id: UUID, id_or_email: str
) -> tuple[UUID, datetime | None]:
    """The user's id, and for a deleted one when that was; of those only the id is known.

    Raises Refused.
    """
    user_id = parse_uuid(id_or_email)
    if user_id is not None:
        deleted = await store.deleted_users(tenant_id, [user_id])
        if user_id in deleted:
            return user_id, deleted[user_id]
    try:
        return (await find_person(store, tenant_id, id_or_email)).profile.id, None
    except NoSuchUser as refused:
        if user_id is None:
            raise Refused(f"{refused} If it is one who was deleted, give the id.") from None
        raise


async def audit_of(
    store: Store, tenant_id: UUID, *, since: datetime, until: datetime
) -> AsyncIterator[TenantEntry]:
    """The audit entries of all users of a tenant from ``since`` to before ``until``, oldest first.

    One page is in memory at a time.
    """
    place = AuditPlace(since)
    while page := await store.audit(tenant_id, first=PAGE, after=place, until=until):
        for entry in page:
            yield entry
        place = page[-1].place


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
