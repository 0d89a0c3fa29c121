"""A temporary service with demo users, and commands to try it."""

from __future__ import annotations

import asyncio
import secrets
import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from fastapi import FastAPI

from profile_api.app import create_app
from profile_api.cli.output import say
from profile_api.cli.signing import token_for
from profile_api.cli.store import opened
from profile_api.middleware.own_names import OwnNames
from profile_api.pages.person import Person
from profile_api.rest.documented import ME
from profile_api.server.listening import listen
from profile_api.server.serving import serve
from profile_api.settings import Settings
from profile_api.telemetry import logs
from profile_domain.people import new_profile, read_record
from profile_infra.stores.by_url import migrate
from profile_infra.stores.changes import Author
from profile_infra.stores.records import User
from profile_infra.tokens.issuers import Issuer

ACME = UUID("0ac3e000-0000-4000-8000-000000000001")
GLOBEX = UUID("91ebe100-0000-4000-8000-000000000002")
HOURS = 12
AUTHOR = Author(issuer="", subject="", face="demo", request_id="demo")


_PEOPLE = (
    (ACME, "local", "Ada", "Lovelace", "ada@acme.example"),
    (ACME, "oidc", "Grace", "Hopper", "grace@acme.example"),
    (ACME, "saml", "Alan", "Turing", "alan@acme.example"),
    (GLOBEX, "local", "Edsger", "Dijkstra", "edsger@globex.example"),
)

# What the settings page shows at a field that a policy keeps.
_POLICY = """
@id("demo.pictures-by-reception")
@notice("Acme takes the pictures itself: ask at reception for a new one.")
forbid (principal, action == ProfileService::Action::"updateMyProfile", resource)
when { principal.email == "alan@acme.example" && context.changes.contains("avatar_base64") };
"""


def run(port: int) -> None:
    """Serves on 127.0.0.1 until stopped, then deletes the store."""
    for sign in (signal.SIGTERM, signal.SIGINT):  # until the server has its own handlers
        signal.signal(sign, _stop)
    with TemporaryDirectory(prefix="profile-demo-") as folder:
        settings = settings_in(Path(folder))
        people = asyncio.run(fill(settings))
        logs.configure(settings.log)
        app = application(settings, people)
        listener = listen("127.0.0.1", port)
        _print_instructions(settings.public_url or f"http://127.0.0.1:{port}", people)
        serve(app, settings, listener, reload=False)


def _stop(*_: object) -> NoReturn:
    raise SystemExit(0)


def application(settings: Settings, people: Sequence[Person]) -> FastAPI:
    """The demo's: its pages hold everybody's tokens, so it answers to its own names alone."""
    app = create_app(settings, people=people)
    public = urlsplit(settings.public_url or "").hostname
    names = {"127.0.0.1", "localhost", "[::1]", *([public] if public else [])}
    assert app.middleware_stack is not None  # noqa: S101  # for the type checker: just made
    app.middleware_stack = OwnNames(app.middleware_stack, names=names)
    return app


def settings_in(folder: Path) -> Settings:
    """Settings with all pages on, a new store, a random signing secret and a policy to meet."""
    issuer = Issuer(
        issuer="https://demo.invalid",
        audience=("profile",),
        algorithms=("HS256",),
        secret=secrets.token_urlsafe(48),
        account_url="https://www.example.com/account",
    )
    policies = folder / "policies"
    policies.mkdir()
    (policies / "demo.cedar").write_text(_POLICY, "utf-8")
    return Settings(
        _env_file=None,
        database_url=f"sqlite:///{folder / 'profile.db'}",
        issuers=[issuer],
        policy_dir=policies,
        graphiql=True,
        introspection=True,
        docs=True,
        sign_in=None,
    )


async def fill(settings: Settings) -> list[Person]:
    """Creates the store and its users; a token of theirs is valid for twelve hours."""
    migrate(settings.database_url)
    users = []
    for tenant_id, provider, first, last, email in _PEOPLE:
        record = read_record(email, provider, {"first_name": first, "last_name": last})
        users.append(User(new_profile(tenant_id, uuid4(), record)))
    async with opened(settings) as store:
        await store.apply(AUTHOR, users, [])
    (issuer,) = settings.issuers
    return [
        Person(
            label=f"{user.profile.name}, {user.profile.auth_provider} user of "
            + ("Acme" if user.profile.tenant_id == ACME else "Globex"),
            tenant_id=str(user.profile.tenant_id),
            sign=partial(token_for, issuer, user, minutes=60 * HOURS),
        )
        for user in users
    ]


def _print_instructions(address: str, people: list[Person]) -> None:
    for person in people:
        say(f"\n{person.label}", bold=True)
        say(f"  tenant: {person.tenant_id}")
        say(f"  token: {person.token}\n")
        call = f'-H "Authorization: Bearer {person.token}" -H "X-Tenant-ID: {person.tenant_id}"'
        say(f"  curl {address}{ME} {call}\n")
        say(
            f"  curl -X PUT {address}{ME} {call}"
            """ -H "Content-Type: application/json" -d '{"display_name": "Countess"}'\n"""
        )
        mutation = (
            '{"query": "mutation { updateMyProfile(input: {displayName: \\"Ace\\"})'
            ' { ... on Profile { name etag } ... on ProfileError { code message } } }"}'
        )
        say(
            f"  curl {address}/graphql {call}"
            f""" -H "Content-Type: application/json" -d '{mutation}'"""
        )
    say(f"\nSettings:  {address}/", bold=True)
    say(f"GraphiQL:  {address}/graphql", bold=True)
    say(f"Reference: {address}/docs", bold=True)
    say("\nEverything here is thrown away when you stop it with Ctrl-C.")
    sys.stdout.flush()  # into a file or a pipe, too, before serving begins
