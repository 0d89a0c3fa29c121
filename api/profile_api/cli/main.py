"""The command: everything that an operator does.

The faces and their server are imported by the commands that need them: they take as long as all
the rest.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from socket import socket
from typing import Annotated

import typer
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError

from profile_api.cli.output import OutputLost, as_it_is, say
from profile_api.cli.policies import policies
from profile_api.cli.store import await_migration
from profile_api.cli.tenants import tenants
from profile_api.cli.tokens import tokens
from profile_api.cli.users import users
from profile_api.server.imports import lasting_imports
from profile_api.server.listening import host_in_url, listen
from profile_api.settings import SECRET, DocumentSettings, Settings
from profile_api.sign_in import SignIn
from profile_api.telemetry import logs
from profile_api.variables import FILE, PREFIX, UnusableVariable, quoted
from profile_domain.errors import DomainError
from profile_infra.people.csv_file import FileRefused
from profile_infra.people.operators import Refused
from profile_infra.policies.files import PolicyError
from profile_infra.rate_limits.in_redis import UnusableRateLimitStore
from profile_infra.secret_urls import MASK, masked
from profile_infra.stores.by_url import Pending
from profile_infra.stores.by_url import backup as backup_store
from profile_infra.stores.by_url import look as look_at_store
from profile_infra.stores.by_url import migrate as migrate_store
from profile_infra.stores.by_url import script as migration_script
from profile_infra.stores.revisions import (
    Schema,
    SchemaMismatch,
    UnusableDatabase,
    is_newer,
    newest,
    oldest_release,
)
from profile_infra.tokens.issuers import Issuer, UnusableKeys

cli = typer.Typer(
    name="profile-service",
    help="See and change your own profile, by REST and by GraphQL, under one set of rules.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
cli.add_typer(users, name="users")
cli.add_typer(tenants, name="tenants")
cli.add_typer(tokens, name="token")
cli.add_typer(policies, name="policies")

_EXAMPLES = {
    "issuers": '[{"issuer": "https://id.example", "audience": "profile",'
    ' "algorithms": ["RS256"], "jwks_file": "keys.json"}]',
    "cors_origins": '["https://app.example"]',
    "sign_in": '{"issuer": "https://id.example", "client_id": "profile-page"}',
}
# The status of `migrate --check` when there is something to do; 1 and 2 are errors.
TO_DO = 3
_FIELD = re.compile('field "([a-z_]+)"')
_EXPECTED = (
    DomainError,
    FileRefused,
    OutputLost,
    PolicyError,
    Refused,
    SchemaMismatch,
    UnusableDatabase,
    UnusableRateLimitStore,
    UnusableKeys,
    UnusableVariable,
)


def main() -> None:
    """Runs the command. Expected errors are printed in a line, without a traceback."""
    try:
        cli()
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False):
            name, *rest = problem["loc"]
            where = "".join(
                f"[{part}]" if isinstance(part, int) else f".{masked(part)}" for part in rest
            )
            _fail(f"{PREFIX}{str(name).upper()}{where}: {_what_to_write(problem)}.")
        raise SystemExit(1) from None
    except SettingsError as error:
        (name,) = _FIELD.findall(str(error)) or ("settings",)
        _fail(f"{PREFIX}{name.upper()} must be JSON, such as {_EXAMPLES.get(name, '[]')}.")
        raise SystemExit(1) from None
    except _EXPECTED as error:
        _fail(error.message if isinstance(error, DomainError) else str(error))
        raise SystemExit(1) from None
    except OSError as error:  # such as a name that is too long
        where = f"{os.fsdecode(error.filename)}: " if error.filename else ""
        _fail(f"{where}{error.strerror or type(error).__name__}.")
        raise SystemExit(1) from None


def _what_to_write(problem: ErrorDetails) -> str:
    name, *rest = problem["loc"]
    match problem["type"]:
        case "missing":
            return "it is required"
        case "list_type" | "tuple_type" if not rest and name in _EXAMPLES:
            return f"write a JSON list, such as {_EXAMPLES[str(name)]}"
        case "model_type" if name == "sign_in":
            return f"write a JSON object, such as {_EXAMPLES[str(name)]}"
        case "extra_forbidden" if name in {"issuers", "sign_in"}:
            known = (Issuer if name == "issuers" else SignIn).model_fields
            (nearest,) = get_close_matches(str(rest[-1])[:100], known, n=1, cutoff=0)
            return f"there is no such key; the nearest is {nearest}"
    return problem["msg"].removeprefix("Value error, ")


def _fail(sentence: str) -> None:
    say(f"profile-service: {sentence}", red=True, err=True)


@cli.command()
def demo(
    port: Annotated[int, typer.Option(help="The port on 127.0.0.1.", min=1, max=65535)] = 8000,
) -> None:
    """Serve a throwaway store with people to try, and show how."""
    with lasting_imports():
        from profile_api.cli import demo as demonstration  # noqa: PLC0415  # as above

    demonstration.run(port)


@cli.command()
def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.", min=1, max=65535)] = 8000,
    workers: Annotated[int, typer.Option(help="How many processes.", min=1, max=64)] = 1,
) -> None:
    """Serve what the settings say, until SIGTERM or Ctrl-C.

    Policies and key files are read again when they change, and at SIGHUP.
    """
    settings = Settings()
    if not settings.issuers:
        raise Refused(
            f"nobody could sign in: set {PREFIX}ISSUERS to a JSON list with at least one issuer,"
            f" such as {_EXAMPLES['issuers']}."
        )
    logs.configure(settings.log)
    run = _in_workers(settings, workers) if workers > 1 else _alone(settings)
    await_migration(settings)
    listener = listen(host, port)
    public = f", for people at {settings.public_url}," if settings.public_url else ""
    address = f"http://{host_in_url(host)}:{port}"
    say(f"Serving on {address}{public} with {workers} worker(s).", err=True)
    run(listener)


def _alone(settings: Settings) -> Callable[[socket], None]:
    with lasting_imports():
        from profile_api.app import create_app  # noqa: PLC0415  # as above
        from profile_api.server.serving import serve as run  # noqa: PLC0415  # as above

    return partial(run, create_app(settings), settings)


def _in_workers(settings: Settings, count: int) -> Callable[[socket], None]:
    """The command itself only supervises: it imports no face."""
    with lasting_imports():
        from profile_api.adapters import adapters_of  # noqa: PLC0415  # as above
        from profile_api.server.workers import run  # noqa: PLC0415  # as above

    adapters_of(settings)  # so that what is wrong with them is said once, not by each worker
    return partial(run, settings, count=count)


@cli.command()
def migrate(
    grant_to: Annotated[
        str | None,
        typer.Option(
            metavar="ROLE", help="On Postgres: give the role that serves the rights it needs."
        ),
    ] = None,
    check: Annotated[  # noqa: FBT002  # a flag, as Typer declares one
        bool,
        typer.Option(
            "--check",
            help=f"Say what would be done, and do nothing: status {TO_DO} if there is something,"
            " 0 if not.",
        ),
    ] = False,
    sql: Annotated[  # noqa: FBT002  # as above
        bool, typer.Option("--sql", help="Print what would be done as SQL, and do nothing.")
    ] = False,
) -> None:
    """Bring the store to the newest schema; safe when several do it at once.

    A newer schema that this release can live on is left as it is.
    """
    url = Settings().database_url
    if check:
        _say_what_is_pending(look_at_store(url))
        return
    if sql:
        say(migration_script(url, grant_to=grant_to), nl=False)
        return
    before = migrate_store(url, grant_to=grant_to)
    if is_newer(before):
        say(_newer(before))
    elif before.revision == newest():
        say(f"The store is at schema {newest()} already.")
    else:
        say(f"Migrated from {before.revision or 'an empty store'} to schema {newest()}.")


def _newer(found: Schema) -> str:
    return (
        f"The store is at schema {found.revision}, of a newer release. The one at hand needs"
        f" {newest()}, and can live on it: the schema is left as it is."
    )


def _say_what_is_pending(pending: Pending) -> None:
    """Raises Exit with status TO_DO if there is something to do."""
    found = pending.found
    if not pending.migrations and not pending.functions:
        already = f"The store is at schema {newest()} already."
        say(_newer(found) if is_newer(found) else already)
        return
    there = f"at schema {found.revision}" if found.revision else "empty"
    say(f"The store is {there}; `profile-service migrate` would do this:")
    for migration in pending.migrations:
        say(f"  {migration.revision}: {migration.summary}")
    if pending.functions:
        say(f"  install {', '.join(pending.functions)}")
    if pending.migrations and found.revision:
        goes_on = found.revision >= oldest_release()
        say(
            "The release that serves now can live on it: migrate first, then replace it."
            if goes_on
            else f"No release before schema {oldest_release()} can live on it: stop what serves"
            " now, migrate, then start the new release."
        )
    raise typer.Exit(TO_DO)


@cli.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the copy is written.")],
    overwrite: Annotated[  # noqa: FBT002  # a flag, as Typer declares one
        bool, typer.Option("--overwrite", help="Replace the file if it exists.")
    ] = False,
) -> None:
    """Copy the SQLite store into one file, while it serves; Postgres has tools of its own."""
    revision = backup_store(Settings().database_url, file, overwrite=overwrite)
    say(f"{file} is a copy of the store, at schema {revision}.")


@cli.command()
def openapi() -> None:
    """Print the OpenAPI document of the REST face, with PROFILE_PUBLIC_URL as its server."""
    from profile_api import reference  # noqa: PLC0415  # as above
    from profile_api.app import create_app  # noqa: PLC0415  # as above

    app = create_app(Settings.model_construct(public_url=DocumentSettings().public_url))
    say(json.dumps(reference.document(app), indent=2))


@cli.command()
def sdl() -> None:
    """Print the schema of the GraphQL face."""
    from profile_graphql.schema import schema  # noqa: PLC0415  # as above

    say(schema.as_str())


@cli.command()
def settings() -> None:
    """Show every setting as it is now, as a shell and a .env file take it.

    What holds a secret is shown masked, in a comment, so that nobody takes the mask for it.
    """
    shown = Settings()
    for name, value in shown.shown().items():
        field_name = name.removeprefix(PREFIX).lower()
        field = Settings.model_fields[field_name]
        in_file = f" Or {name}{FILE}, a file with it." if field_name in SECRET else ""
        say(f"# {field.description}{in_file}")
        written = quoted(value)
        if written is None:
            say("# No .env file can hold this value; a shell can.")
            written = shlex.quote(value)
        line = f"{name}={written}"
        as_it_is("# " + line.replace("\n", "\n# ") if MASK in value else line)
