"""The ``token`` commands."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Annotated
from uuid import UUID

import typer

from profile_api.cli.output import say
from profile_api.cli.signing import signing_issuer, token_for
from profile_api.cli.store import opened
from profile_api.settings import Settings
from profile_domain.errors import DomainError
from profile_infra.people.operators import find_person
from profile_infra.stores.revisions import SchemaMismatch, UnusableDatabase
from profile_infra.tokens.check import CheckedToken, Step, check_token
from profile_infra.tokens.issuers import Issuer
from profile_infra.tokens.jose import MAX_LENGTH
from profile_infra.tokens.keys import keys_of

tokens = typer.Typer()


@tokens.callback(invoke_without_command=True)
def token(
    context: typer.Context,
    tenant: Annotated[UUID | None, typer.Option(help="The tenant's id.")] = None,
    user: Annotated[str | None, typer.Option(help="The user's id or email.")] = None,
    scope: Annotated[str, typer.Option(help="Scopes, separated by spaces.")] = "",
    minutes: Annotated[int, typer.Option(help="How long it is valid.", min=1, max=525_600)] = 60,
) -> None:
    """Print a token for a user, signed with the first issuer that has a secret."""
    if context.invoked_subcommand is not None:
        return
    if tenant is None or user is None:
        missing = "--tenant" if tenant is None else "--user"
        raise typer.BadParameter("it must be given", param_hint=missing)
    say(asyncio.run(_token(Settings(), tenant, user, scope, minutes)))


async def _token(settings: Settings, tenant: UUID, user: str, scope: str, minutes: int) -> str:
    issuer = signing_issuer(settings)
    async with opened(settings) as store:
        found = await find_person(store, tenant, user)
    return token_for(issuer, found, scope=scope, minutes=minutes)


@tokens.command()
def check() -> None:
    """Read a token from standard input, and say step by step what holds and what does not.

    Ends with status 0 only if all of it holds.
    """
    if sys.stdin.isatty():
        say("Paste the token, then press Enter and Ctrl-D.", err=True)
    # Enough for the longest token and what may be pasted around it.
    sent = typer.get_binary_stream("stdin").read(2 * MAX_LENGTH).decode("latin-1").strip()
    _, bearer, rest = sent.rpartition("Bearer ")
    steps = asyncio.run(_check(Settings(), rest.strip() if bearer else sent))
    for step in steps:
        mark = "ok  " if step.holds else "FAIL"
        say(f"{mark}  {step.name:9}  {step.detail}", red=not step.holds)
    if not all(step.holds for step in steps):
        raise typer.Exit(1)


async def _check(settings: Settings, sent: str) -> list[Step]:
    keys = {each: keys_of(each, kept=settings.keys_kept_seconds) for each in settings.issuers}
    checked = await check_token(keys, sent, time.time())
    if checked.issuer is None or checked.identity is None:
        return checked.steps
    return [*checked.steps, await _met(settings, checked, checked.issuer)]


async def _met(settings: Settings, checked: CheckedToken, issuer: Issuer) -> Step:
    identity = checked.identity
    assert identity is not None  # noqa: S101  # for the type checker: asked before
    try:
        async with opened(settings) as store:
            profile = await store.load(identity, with_image=False)
    except (DomainError, SchemaMismatch, UnusableDatabase) as problem:
        detail = problem.message if isinstance(problem, DomainError) else str(problem)
        return Step("user", holds=False, detail=detail)
    if profile is not None:
        left = "" if profile.active else ", who is deactivated"
        return Step("user", holds=profile.active, detail=f"{profile.id}{left}")
    if not issuer.provision:
        who = (
            "of this issuer or of none" if identity.matching_issuers[1] == "" else "of this issuer"
        )
        return Step("user", holds=False, detail=f"the tenant has no user {who} with this subject")
    if identity.record is None or identity.record.email is None:
        return Step("user", holds=False, detail="nobody yet, and no email to make a user with")
    return Step("user", holds=True, detail="nobody yet; the first request makes the user")
