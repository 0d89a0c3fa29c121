"""The ``users`` commands."""

from __future__ import annotations

import asyncio
import sys
from contextlib import aclosing
from typing import Annotated
from uuid import UUID

import typer

from profile_api.cli.changes import made_by, what, when
from profile_api.cli.importing import import_
from profile_api.cli.output import Json, json_line, json_piece, row, say
from profile_api.cli.store import opened
from profile_api.settings import Settings
from profile_api.variables import PREFIX
from profile_domain.audit import AuditEntry
from profile_domain.export import export_document
from profile_infra.people.operators import (
    Refused,
    delete_person,
    find_person,
    find_person_or_deleted,
    list_people,
    set_active,
)
from profile_infra.stores.across_tenants import find_anybody
from profile_infra.stores.records import User

users = typer.Typer(help="People of a tenant.", no_args_is_help=True)
users.command(name="import")(import_)

Tenant = Annotated[UUID, typer.Option(help="The tenant's id.")]
Who = Annotated[str, typer.Argument(metavar="ID_OR_EMAIL", help="The user's id or email.")]
WhoEver = Annotated[
    str,
    typer.Argument(metavar="ID_OR_EMAIL", help="The user's id or email; of a deleted one the id."),
]


@users.command(name="list")
def list_(tenant: Tenant, *, as_json: Json = False) -> None:
    """List the people of a tenant: id, email, provider and name, a line each."""
    asyncio.run(_list(tenant, as_json=as_json))


async def _list(tenant: UUID, *, as_json: bool) -> None:
    async with opened(Settings()) as store:
        async for user in list_people(store, tenant):
            profile = user.profile
            if as_json:
                json_line(_document(user))
            else:
                row(str(profile.id), profile.email, profile.auth_provider, profile.name)


@users.command()
def find(user: Who, *, as_json: Json = False) -> None:
    """Find people over all tenants: tenant, id, email, provider and name, a line each.

    An email is looked for as it is written here, and in lower case. On Postgres it needs a role
    that may look across tenants, which the serving one may not.
    """
    found = find_anybody(Settings().database_url, user)
    if not found:
        raise Refused(f"no tenant has a user {user}.")
    for each in found:
        profile = each.profile
        if as_json:
            json_line(_document(each))
        else:
            key = (str(profile.tenant_id), str(profile.id))
            row(*key, profile.email, profile.auth_provider, profile.name)


@users.command()
def show(user: Who, tenant: Tenant, *, as_json: Json = False) -> None:
    """Show one user."""
    document = _document(asyncio.run(_find(tenant, user)))
    if as_json:
        json_line(document)
        return
    shown = document | {
        "issuer": document["issuer"] or "any that speaks for the tenant",
        "active": "yes" if document["active"] else "no",
    }
    for name, value in shown.items():
        say(f"{name:14}  {'-' if value is None else value}")


@users.command()
def deactivate(user: Who, tenant: Tenant, *, as_json: Json = False) -> None:
    """Keep one user out: the profile stays, and their tokens get `forbidden`."""
    changed = asyncio.run(_set_active(tenant, user, active=False))
    if as_json:
        json_line(_document(changed))
        return
    say(f"{changed.profile.id} is deactivated: the profile stays, its tokens get `forbidden`.")


@users.command()
def activate(user: Who, tenant: Tenant, *, as_json: Json = False) -> None:
    """Let one user in again."""
    changed = asyncio.run(_set_active(tenant, user, active=True))
    if as_json:
        json_line(_document(changed))
        return
    say(f"{changed.profile.id} is active: its tokens work.")


async def _set_active(tenant: UUID, user: str, *, active: bool) -> User:
    async with opened(Settings()) as store:
        await set_active(store, tenant, user, active=active)
        return await find_person(store, tenant, user)


@users.command()
def delete(
    user: Who,
    tenant: Tenant,
    yes: Annotated[  # noqa: FBT002  # a flag, as Typer declares one
        bool, typer.Option("--yes", help="Do not ask.")
    ] = False,
    *,
    as_json: Json = False,
) -> None:
    """Delete one user, with the picture and what the history says of them.

    An import refuses the row of somebody who was deleted, unless told otherwise. Where an issuer
    provisions users, the person's next valid token makes a new, empty one under another id;
    deactivate a user to keep the person out.
    """
    found = asyncio.run(_find(tenant, user))
    if not yes:
        _ask(found)
    deleted, emptied = asyncio.run(_delete(found))
    profile = deleted.profile
    if as_json:
        key = {"tenant_id": str(profile.tenant_id), "id": str(profile.id)}
        picture = profile.avatar is not None
        json_line({**key, "deleted": True, "picture": picture, "changes_emptied": emptied})
        return
    picture_said = "the picture" if profile.avatar else "there was no picture"
    say(
        f"{profile.id} is deleted: the profile; {picture_said}; the values in {emptied} entries"
        " of the history. The entries stay, with digests of pictures."
    )
    if any(each.provision and each.issuer == deleted.issuer for each in Settings().issuers):
        say(f"{deleted.issuer} provisions users: the person's next token makes a new, empty one.")


def _ask(user: User) -> None:
    profile = user.profile
    if not sys.stdin.isatty():
        raise Refused(f"nobody is there to be asked: --yes deletes {profile.id}.")
    say(f"{profile.id}, {profile.email}, {profile.name}", err=True)
    typer.confirm("Delete this user for good?", abort=True, err=True)


async def _delete(user: User) -> tuple[User, int]:
    async with opened(Settings()) as store:
        return await delete_person(store, user.profile.tenant_id, str(user.profile.id))


async def _find(tenant: UUID, id_or_email: str) -> User:
    async with opened(Settings()) as store:
        return await find_person(store, tenant, id_or_email)


@users.command()
def history(
    user: WhoEver,
    tenant: Tenant,
    first: Annotated[int, typer.Option(help="How many changes at most.", min=1)] = 20,
    *,
    as_json: Json = False,
) -> None:
    """Show what changed of a user, newest first: when, version, who, face, request, fields.

    Of a deleted one too, by the id, without the values.
    """
    for change in asyncio.run(_history(tenant, user, first)):
        if as_json:
            json_line(change.document)
        else:
            version = str(change.new_version)
            who = made_by(change)
            row(when(change.at), version, who, change.face, change.request_id, what(change))


async def _history(tenant: UUID, id_or_email: str, first: int) -> list[AuditEntry]:
    async with opened(Settings()) as store:
        user_id, deleted = await find_person_or_deleted(store, tenant, id_or_email)
        if deleted:
            say(f"{user_id} was deleted on {deleted:%Y-%m-%d}: no values are kept.", err=True)
        return await store.history(tenant, user_id, first=first)


@users.command()
def export(user: WhoEver, tenant: Tenant) -> None:
    """Print all that is kept of one person, as one JSON document, whatever its size.

    The profile with the picture, when it was made and last changed, the whole history, newest
    first; of a deleted one the history alone.
    """
    asyncio.run(_export(tenant, user))


async def _export(tenant: UUID, id_or_email: str) -> None:
    async with opened(Settings()) as store:
        user_id, _ = await find_person_or_deleted(store, tenant, id_or_email)
        stored = await store.stored_profile(tenant, user_id)
        async with aclosing(export_document(store, tenant, user_id, stored)) as pieces:
            async for piece in pieces:
                json_piece(piece.decode())
        json_piece("\n")


@users.command()
def forget_history(tenant: Tenant) -> None:
    """Delete a tenant's changes that are older than PROFILE_HISTORY_DAYS."""
    settings = Settings()
    if settings.history_days is None:
        raise Refused(f"set {PREFIX}HISTORY_DAYS: without it all changes are kept.")
    count = asyncio.run(_forget_history(settings, tenant))
    say(f"{count} changes deleted.")


async def _forget_history(settings: Settings, tenant: UUID) -> int:
    async with opened(settings) as store:
        return await store.forget_changes(tenant)


def _document(user: User) -> dict[str, object]:
    """A user in JSON; of the picture the type alone."""
    profile = user.profile
    return {
        "id": str(profile.id),
        "tenant_id": str(profile.tenant_id),
        "email": profile.email,
        "name": profile.name,
        "auth_provider": profile.auth_provider.value,
        **profile.texts,
        "avatar": profile.avatar.media_type if profile.avatar else None,
        "issuer": user.issuer,
        "subject": user.subject,
        "version": profile.version,
        "active": profile.active,
    }
