"""The command: everything that an operator does."""

from __future__ import annotations

import json
import re
import shlex
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError

from profile_api.app import create_app
from profile_api.cli import demo as demonstration
from profile_api.cli.store import await_migration
from profile_api.cli.tokens import tokens
from profile_api.cli.users import users
from profile_api.rest import openapi as reference
from profile_api.server.serving import serve as serve_until_stopped
from profile_api.settings import SECRET, Settings
from profile_api.sign_in import SignIn
from profile_api.telemetry import logs
from profile_api.telemetry.tracing import TracingUnavailable
from profile_api.variables import FILE, PREFIX, UnusableVariable
from profile_domain.errors import DomainError
from profile_graphql.schema import schema
from profile_infra.people.csv_file import FileRefused
from profile_infra.people.operators import Refused
from profile_infra.policies.files import PolicyError
from profile_infra.policies.files import check as check_policies
from profile_infra.rate_limits.in_redis import UnusableRateLimitStore
from profile_infra.secret_urls import masked
from profile_infra.stores.by_url import migrate as migrate_store
from profile_infra.stores.by_url import script as migration_script
from profile_infra.stores.revisions import SchemaMismatch, UnusableDatabase, newest
from profile_infra.tokens.issuers import Issuer, UnusableKeys

cli = typer.Typer(
    name="profile-service",
    help="See and change your own profile, by REST and by GraphQL, under one set of rules.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
policies = typer.Typer(help="Policies in Cedar.", no_args_is_help=True)
cli.add_typer(users, name="users")
cli.add_typer(tokens, name="token")
cli.add_typer(policies, name="policies")

_EXAMPLES = {
    "issuers": '[{"issuer": "https://id.example", "audience": "profile",'
    ' "algorithms": ["RS256"], "jwks_file": "keys.json"}]',
    "cors_origins": '["https://app.example"]',
    "sign_in": '{"issuer": "https://id.example", "client_id": "profile-page"}',
}
_FIELD = re.compile('field "([a-z_]+)"')
_EXPECTED = (
    DomainError,
    FileRefused,
    PolicyError,
    Refused,
    SchemaMismatch,
    TracingUnavailable,
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
    typer.secho(f"profile-service: {sentence}", fg="red", err=True)


@cli.command()
def demo(
    port: Annotated[int, typer.Option(help="The port on 127.0.0.1.", min=1, max=65535)] = 8000,
) -> None:
    """Serve a throwaway store with people to try, and show how."""
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
    app = create_app(settings)
    await_migration(settings)
    public = f", for people at {settings.public_url}," if settings.public_url else ""
    typer.echo(f"Serving on http://{host}:{port}{public} with {workers} worker(s).", err=True)
    serve_until_stopped(
        app if workers == 1 else None, settings, host=host, port=port, workers=workers
    )


@cli.command()
def migrate(
    grant_to: Annotated[
        str | None,
        typer.Option(
            metavar="ROLE", help="On Postgres: give the role that serves the rights it needs."
        ),
    ] = None,
    sql: Annotated[  # noqa: FBT002  # a flag, as Typer declares one
        bool, typer.Option("--sql", help="Print what would be done, and do nothing.")
    ] = False,
) -> None:
    """Bring the store to the newest schema; safe when several do it at once."""
    url = Settings().database_url
    if sql:
        typer.echo(migration_script(url, grant_to=grant_to), nl=False)
        return
    before = migrate_store(url, grant_to=grant_to)
    if before == newest():
        typer.echo(f"The store is at schema {before} already.")
    else:
        typer.echo(f"Migrated from {before or 'an empty store'} to schema {newest()}.")


@policies.command()
def check(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder of .cedar files.")],
) -> None:
    """Validate policies against the service's schema."""
    problems = check_policies(folder)
    for problem in problems:
        typer.echo(problem)
    if problems:
        raise typer.Exit(1)
    typer.echo(f"{folder}: every policy is valid.")


@cli.command()
def openapi() -> None:
    """Print the OpenAPI document of the REST face."""
    app = create_app(Settings.model_construct())
    json.dump(reference.document(app), sys.stdout, indent=2)
    typer.echo()


@cli.command()
def sdl() -> None:
    """Print the schema of the GraphQL face."""
    typer.echo(schema.as_str())


@cli.command()
def settings() -> None:
    """Show every setting as it is now, with secrets masked, as a shell and a .env file take it."""
    shown = Settings()
    for name, value in shown.shown().items():
        field_name = name.removeprefix(PREFIX).lower()
        field = Settings.model_fields[field_name]
        in_file = f" Or {name}{FILE}, a file with it." if field_name in SECRET else ""
        typer.echo(f"# {field.description}{in_file}")
        typer.echo(f"{name}={shlex.quote(value) if value else ''}")
