"""What an operator does with the people of a store: import, find, let go, sign a token for one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from uuid import UUID, uuid4

import typer

from profile_api.settings import PREFIX, Settings
from profile_domain.caller import parse_uuid
from profile_infra.claims import claims_for
from profile_infra.issuers import Issuer
from profile_infra.people_csv import FileRefused, Row, read_people
from profile_infra.schema_version import await_schema
from profile_infra.stores import Store
from profile_infra.tokens import sign
from profile_infra.trail import Author
from profile_infra.users import Clash, User

PAGE = 500
# How long, in seconds, a command waits for a `migrate` that was started with it.
MIGRATION_SECONDS = 30.0


class Refused(Exception):
    """What cannot be done, in one sentence for the operator."""


class Imported(NamedTuple):
    """How many people of a file are new, were changed, and were as the file has them."""

    added: int
    changed: int
    unchanged: int


def await_migration(settings: Settings) -> None:
    """Returns when the store has the schema that this program needs; says that it waits.

    Raises SchemaMismatch after 30 seconds, or UnusableDatabase.
    """
    await_schema(
        settings.database_url,
        seconds=MIGRATION_SECONDS,
        waiting=lambda missing: typer.echo(
            f"{missing} Waiting up to {MIGRATION_SECONDS:.0f} seconds for it.", err=True
        ),
    )


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Store]:
    """The store of the settings, for one command."""
    await asyncio.to_thread(await_migration, settings)
    store = settings.store()
    await store.open()
    try:
        yield store
    finally:
        await store.close()


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
    except Clash as clash:
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
    except Clash:
        raise _changed(user) from None
    return after


async def delete_person(store: Store, tenant_id: UUID, who: str) -> tuple[User, int]:
    """The user who was meant, and how many entries of the trail lost their values.

    Raises Refused.
    """
    user = await find_person(store, tenant_id, who)
    try:
        return user, await store.delete(_operator(), user)
    except Clash:
        raise _changed(user) from None


def _operator() -> Author:
    return Author(issuer="", subject="", face="operator", request_id=f"operator-{uuid4().hex}")


def _changed(user: User) -> Refused:
    return Refused(f"user {user.profile.id} was changed at the same moment; try again.")


def signing_issuer(settings: Settings) -> Issuer:
    """The first issuer with a secret. Raises Refused."""
    for issuer in settings.issuers:
        if issuer.secret is not None:
            return issuer
    raise Refused(f"no issuer in {PREFIX}ISSUERS has a secret to sign with.")


def token_for(issuer: Issuer, user: User, *, scope: str = "", minutes: int = 60) -> str:
    """A token that meets this user. Raises Refused where the issuer does not speak for them."""
    tenant_id = user.profile.tenant_id
    if user.issuer not in {"", issuer.issuer}:
        raise Refused(f"this user signs in by {user.issuer}, which has no secret here.")
    if issuer.tenants and tenant_id not in issuer.tenants:
        raise Refused(f"issuer {issuer.issuer} does not speak for tenant {tenant_id}.")
    try:
        named = claims_for(issuer, tenant_id, user.subject)
    except ValueError as problem:
        raise Refused(f"issuer {issuer.issuer} cannot sign for this user: {problem}.") from None
    now = int(time.time())
    claims: dict[str, object] = {**named, "iat": now, "exp": now + 60 * minutes}
    if scope:
        claims["scope"] = scope
    return sign(issuer, claims)
