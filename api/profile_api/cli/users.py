"""The ``users`` commands."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from profile_api.cli.store import opened
from profile_api.settings import Settings
from profile_api.variables import PREFIX
from profile_domain.audit import AuditEntry
from profile_domain.profile import AVATAR
from profile_infra.people.csv_file import OPTIONAL
from profile_infra.people.operators import (
    Import,
    Refused,
    delete_person,
    find_person,
    import_people,
    list_people,
    set_active,
)
from profile_infra.stores.records import User
from profile_infra.tokens.issuers import Issuer

users = typer.Typer(help="People of a tenant.", no_args_is_help=True)

Tenant = Annotated[UUID, typer.Option(help="The tenant's id.")]
Who = Annotated[str, typer.Argument(metavar="ID_OR_EMAIL", help="The user's id or email.")]


@users.command(name="import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.csv",
            exists=True,
            dir_okay=False,
            help="Its first row names the columns, in any order and case: tenant_id, id, email,"
            f" auth_provider (local, oidc, saml), and optionally {', '.join(OPTIONAL)}.",
        ),
    ],
    overwrite: Annotated[  # noqa: FBT002  # a flag, as Typer declares one
        bool, typer.Option("--overwrite", help="Also replace what the people own themselves.")
    ] = False,
    dry_run: Annotated[  # noqa: FBT002  # as above
        bool,
        typer.Option("--dry-run", help="Show who would be new or changed, and write nothing."),
    ] = False,
) -> None:
    """Import people from a CSV file: all of it or nobody; safe to repeat.

    A file as Excel, LibreOffice, Numbers or Google Sheets saves it: commas, semicolons or tabs
    between columns, UTF-8 or UTF-16. Ends with status 1 if a row is refused, in a dry run too.
    """
    done = asyncio.run(
        _import(file, file.stat().st_size, overwrite=overwrite, dry_run=dry_run),
    )
    if dry_run:
        for user in done.added:
            typer.echo(_line("new", user))
        for user, fields in done.fields_changed():
            typer.echo(_line("changed", user, ", ".join(fields)))
    for name, count in _unmet(done.added, Settings().issuers):
        typer.echo(
            f"No entry of PROFILE_ISSUERS has the issuer {name!a}: no token meets {count} of the"
            " new."
        )
    typer.echo(
        f"{len(done.added)} added, {len(done.changed)} changed, {done.unchanged} unchanged"
        + (": a dry run, nothing was written." if dry_run else ".")
    )


def _unmet(added: Iterable[User], issuers: Iterable[Issuer]) -> list[tuple[str, int]]:
    """Issuers of the new users that are not configured, with their counts; none if none is."""
    known = {"", *(each.issuer for each in issuers)}
    if len(known) == 1:
        return []
    return sorted(Counter(each.issuer for each in added if each.issuer not in known).items())


def _line(becomes: str, user: User, *more: str) -> str:
    return "\t".join((becomes, str(user.profile.id), user.profile.email, *more))


async def _import(file: Path, size: int, *, overwrite: bool, dry_run: bool) -> Import:
    async with opened(Settings()) as store:
        console = Console(stderr=True)
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            reading = progress.add_task("Reading", total=size)
            comparing = progress.add_task("Comparing", total=None)

            def compared(count: int, of: int) -> None:
                progress.update(comparing, advance=count, total=of)

            return await import_people(
                store,
                file,
                overwrite=overwrite,
                dry_run=dry_run,
                read=lambda count: progress.update(reading, advance=count),
                compared=compared,
            )


@users.command(name="list")
def list_(tenant: Tenant) -> None:
    """List the people of a tenant: id, email, provider and name, a line each."""
    asyncio.run(_list(tenant))


async def _list(tenant: UUID) -> None:
    async with opened(Settings()) as store:
        async for user in list_people(store, tenant):
            profile = user.profile
            typer.echo(f"{profile.id}\t{profile.email}\t{profile.auth_provider}\t{profile.name}")


@users.command()
def show(
    user: Who,
    tenant: Tenant,
) -> None:
    """Show one user."""
    table = Table(show_header=False, box=None)
    for name, value in _rows(asyncio.run(_find(tenant, user))):
        table.add_row(name, value)
    Console().print(table, markup=False)


@users.command()
def deactivate(user: Who, tenant: Tenant) -> None:
    """Keep one user out: the profile stays, and their tokens get `forbidden`."""
    profile = asyncio.run(_set_active(tenant, user, active=False)).profile
    typer.echo(f"{profile.id} is deactivated: the profile stays, its tokens get `forbidden`.")


@users.command()
def activate(user: Who, tenant: Tenant) -> None:
    """Let one user in again."""
    profile = asyncio.run(_set_active(tenant, user, active=True)).profile
    typer.echo(f"{profile.id} is active: its tokens work.")


async def _set_active(tenant: UUID, user: str, *, active: bool) -> User:
    async with opened(Settings()) as store:
        return await set_active(store, tenant, user, active=active)


@users.command()
def delete(user: Who, tenant: Tenant) -> None:
    """Delete one user, with the picture and what the history says of them.

    Where an issuer provisions users, the person's next valid token makes a new, empty one;
    deactivate a user to keep the person out.
    """
    deleted, emptied = asyncio.run(_delete(tenant, user))
    picture = "the picture" if deleted.profile.avatar else "there was no picture"
    typer.echo(
        f"{deleted.profile.id} is deleted: the profile; {picture}; the values in {emptied} entries"
        " of the history. The entries stay, with digests of pictures."
    )


async def _delete(tenant: UUID, user: str) -> tuple[User, int]:
    async with opened(Settings()) as store:
        return await delete_person(store, tenant, user)


async def _find(tenant: UUID, id_or_email: str) -> User:
    async with opened(Settings()) as store:
        return await find_person(store, tenant, id_or_email)


@users.command()
def history(
    user: Annotated[str, typer.Argument(metavar="ID_OR_EMAIL", help="Whose changes to show.")],
    tenant: Tenant,
    first: Annotated[int, typer.Option(help="How many changes at most.", min=1)] = 20,
) -> None:
    """Show what changed of a user, newest first: when, version, who, face, request, fields."""
    for change in asyncio.run(_history(tenant, user, first)):
        who = f"{change.subject} of {change.issuer}" if change.subject else "-"
        when = change.at.astimezone(UTC).isoformat(timespec="seconds")
        columns = (when, str(change.new_version), who, change.face, change.request_id)
        typer.echo("\t".join((*columns, ", ".join(_changed(change)))))


async def _history(tenant: UUID, id_or_email: str, first: int) -> list[AuditEntry]:
    async with opened(Settings()) as store:
        found = await find_person(store, tenant, id_or_email)
        return await store.history(tenant, found.profile.id, first=first)


def _changed(change: AuditEntry) -> Iterator[str]:
    before, after = dict(change.old_values or {}), dict(change.new_values or {})
    if change.old_avatar:
        before[AVATAR] = f"sha256:{change.old_avatar.hex()}"
    if change.new_avatar:
        after[AVATAR] = f"sha256:{change.new_avatar.hex()}"
    for field in change.fields:
        yield f"{field}: {before.get(field) or '-'} → {after.get(field) or '-'}"


@users.command()
def forget_history(tenant: Tenant) -> None:
    """Delete a tenant's changes that are older than PROFILE_HISTORY_DAYS."""
    settings = Settings()
    if settings.history_days is None:
        raise Refused(f"set {PREFIX}HISTORY_DAYS: without it all changes are kept.")
    count = asyncio.run(_forget_history(settings, tenant))
    typer.echo(f"{count} changes deleted.")


async def _forget_history(settings: Settings, tenant: UUID) -> int:
    async with opened(settings) as store:
        return await store.forget_changes(tenant)


def _rows(user: User) -> list[tuple[str, str]]:
    profile = user.profile
    return [
        ("id", str(profile.id)),
        ("tenant_id", str(profile.tenant_id)),
        ("email", profile.email),
        ("name", profile.name),
        ("auth_provider", profile.auth_provider),
        *((name, text or "-") for name, text in profile.texts.items()),
        ("avatar", profile.avatar.media_type if profile.avatar else "-"),
        ("issuer", user.issuer or "any that speaks for the tenant"),
        ("subject", user.subject),
        ("version", str(profile.version)),
        ("active", "yes" if profile.active else "no"),
    ]
