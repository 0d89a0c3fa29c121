"""The ``users import`` command."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Final

import typer

from profile_api.cli.output import Json, json_line, row, say
from profile_api.cli.store import opened
from profile_api.settings import Settings
from profile_infra.people.csv_file import OPTIONAL
from profile_infra.people.importing import Import, OfDeleted, import_people
from profile_infra.stores.records import User
from profile_infra.tokens.issuers import Issuer

# Of the people that a warning names.
_NAMED: Final = 10


def import_(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.csv",
            help="Its first row names the columns, in any order and case: tenant_id, id, email,"
            f" auth_provider (local, oidc, saml), and optionally {', '.join(OPTIONAL)}."
            " - is standard input.",
        ),
    ],
    overwrite: Annotated[  # noqa: FBT002  # a flag, as Typer declares one
        bool,
        typer.Option(
            "--overwrite",
            help="Also replace what the people own themselves, and let in again who is active in"
            " the file.",
        ),
    ] = False,
    dry_run: Annotated[  # noqa: FBT002  # as above
        bool,
        typer.Option("--dry-run", help="Show who would be new or changed, and write nothing."),
    ] = False,
    again: Annotated[  # noqa: FBT002  # as above
        bool, typer.Option("--again", help="Make people anew who were deleted here.")
    ] = False,
    skip_deleted: Annotated[  # noqa: FBT002  # as above
        bool, typer.Option("--skip-deleted", help="Pass over the rows of people who were deleted.")
    ] = False,
    *,
    as_json: Json = False,
) -> None:
    """Import people from a CSV file: all of it or nobody; safe to repeat.

    A file as Excel, LibreOffice, Numbers or Google Sheets saves it: commas, semicolons or tabs
    between columns, UTF-8 or UTF-16. Ends with status 1 if a row is refused, in a dry run too; so
    is a row of somebody who was deleted.
    """
    if again and skip_deleted:
        raise typer.BadParameter("say one of the two", param_hint="--again, --skip-deleted")
    of_deleted: OfDeleted = "add" if again else "skip" if skip_deleted else "refuse"
    size = file.stat().st_size if file.is_file() else None
    done = asyncio.run(_import(file, size, of_deleted, overwrite=overwrite, dry_run=dry_run))
    warnings = list(_warnings(done, Settings().issuers))
    if as_json:
        json_line(_document(done, warnings, dry_run=dry_run))
        return
    if dry_run:
        for user in done.added:
            row("new", str(user.profile.id), user.profile.email)
        for user, fields in done.fields_changed():
            row("changed", str(user.profile.id), user.profile.email, ", ".join(fields))
    for warning in warnings:
        say(warning)
    skipped = f", {done.skipped} passed over" if done.skipped else ""
    say(
        f"{len(done.added)} added, {len(done.changed)} changed, {done.unchanged} unchanged{skipped}"
        + (": a dry run, nothing was written." if dry_run else ".")
    )


def _warnings(done: Import, issuers: Iterable[Issuer]) -> Iterator[str]:
    for name, count in _unmet(done.added, issuers):
        yield (
            f"No entry of PROFILE_ISSUERS has the issuer {name!a}: no token meets {count} of the"
            " new."
        )
    if done.returned:
        ids = ", ".join(
            f"{user.profile.id}{'' if user.profile.active else ' (deactivated)'}"
            for user in done.returned[:_NAMED]
        )
        yield (
            f"{len(done.returned):,} who were deleted are made anew, and may sign in unless the"
            f" file says otherwise in the column active, whatever they were before: {ids}"
            f"{', …' if len(done.returned) > _NAMED else ''}."
        )
    for shared in done.shared_addresses[:_NAMED]:
        ids = ", ".join(map(str, shared.ids[:_NAMED]))
        yield f"{len(shared.ids)} people of one tenant have the address {shared.email}: {ids}."
    if (more := len(done.shared_addresses) - _NAMED) > 0:
        yield f"{more:,} more addresses are those of several people."
    if done.kept_out:
        ids = ", ".join(str(user.profile.id) for user in done.kept_out[:_NAMED])
        yield (
            f"{len(done.kept_out):,} who are active in the file stay deactivated (--overwrite lets"
            f" them in): {ids}{', …' if len(done.kept_out) > _NAMED else ''}."
        )


def _unmet(added: Iterable[User], issuers: Iterable[Issuer]) -> list[tuple[str, int]]:
    """Issuers of the new users that are not configured, with their counts; none if none is."""
    known = {"", *(each.issuer for each in issuers)}
    if len(known) == 1:
        return []
    return sorted(Counter(each.issuer for each in added if each.issuer not in known).items())


def _document(done: Import, warnings: list[str], *, dry_run: bool) -> dict[str, object]:
    return {
        "added": len(done.added),
        "changed": len(done.changed),
        "unchanged": done.unchanged,
        "passed_over": done.skipped,
        "dry_run": dry_run,
        "warnings": warnings,
    }


async def _import(
    file: Path, size: int | None, of_deleted: OfDeleted, *, overwrite: bool, dry_run: bool
) -> Import:
    from rich.console import Console  # noqa: PLC0415  # only here, and it takes long
    from rich.progress import Progress  # noqa: PLC0415  # as above

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
                of_deleted=of_deleted,
                read=lambda count: progress.update(reading, advance=count),
                compared=compared,
            )
