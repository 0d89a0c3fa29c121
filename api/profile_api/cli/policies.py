"""The ``policies`` commands."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, cast, get_args
from uuid import UUID

import typer

from profile_api.cli.output import Json, json_line, say
from profile_api.cli.store import opened
from profile_api.settings import Settings
from profile_domain.caller import Face
from profile_domain.profile import EDITABLE
from profile_domain.service import Action
from profile_infra.people.operators import find_person
from profile_infra.policies.cases import run_cases
from profile_infra.policies.cedar import Policies, Principal, Verdict
from profile_infra.policies.files import check as check_policies
from profile_infra.policies.files import read_policies
from profile_infra.stores.records import User

policies = typer.Typer(help="Policies in Cedar.", no_args_is_help=True)

_ACTIONS: dict[str, Action] = {"view": "viewMyProfile", "update": "updateMyProfile"}
Folder = Annotated[
    Path | None,
    typer.Option(
        "--policies",
        metavar="DIR",
        help="A folder of .cedar files, beside the built-in policy; PROFILE_POLICY_DIR without it.",
    ),
]


@policies.command()
def check(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder of .cedar files.")],
) -> None:
    """Validate policies against the service's schema."""
    problems = check_policies(folder)
    for problem in problems:
        say(problem)
    if problems:
        raise typer.Exit(1)
    say(f"{folder}: every policy is valid.")


@policies.command("test")
def run_test_cases(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Cases in the format of `cedar run-tests`.")
    ],
    folder: Folder = None,
) -> None:
    """Run test cases against policies, the built-in one included.

    A policy that fails while it is evaluated denies, as it does when serving. Ends with status 1
    if a case fails.
    """
    results = list(run_cases(_policies(folder), file))
    failed = [result for result in results if result.problem is not None]
    for result in results:
        said = "ok" if result.problem is None else f"FAIL: {result.problem}"
        say(f"{result.name} ... {said}", red=result.problem is not None)
    say(f"{len(results) - len(failed)} passed, {len(failed)} failed.")
    if failed:
        raise typer.Exit(1)


@policies.command()
def explain(
    *,
    user: Annotated[str, typer.Option(metavar="ID_OR_EMAIL", help="Who asks.")],
    tenant: Annotated[UUID, typer.Option(help="The tenant's id.")],
    action: Annotated[str, typer.Option(help=f"{' or '.join(_ACTIONS)}, what is asked for.")],
    changes: Annotated[
        str, typer.Option(help=f"Fields that would change, with commas: {', '.join(EDITABLE)}.")
    ] = "",
    scopes: Annotated[str, typer.Option(help="The token's scopes, separated by spaces.")] = "",
    face: Annotated[str, typer.Option(help="rest or graphql.")] = "rest",
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Say whether a user may do something, and which policies determine it.

    With each policy's effect, file and line, and notice. Nothing is changed.
    """
    wanted = frozenset(filter(None, changes.replace(",", " ").split()))
    for given, known, option in (
        ({action}, _ACTIONS, "--action"),
        ({face}, get_args(Face), "--face"),
        (wanted, EDITABLE, "--changes"),
    ):
        if unknown := sorted(given - set(known)):
            raise typer.BadParameter(
                f"{', '.join(unknown)} is none of {', '.join(known)}", param_hint=option
            )
    rules = _policies(folder)
    used = folder or Settings().policy_dir
    say(f"Policies: the built-in ones{f' and those in {used}' if used else ' alone'}.", err=True)
    found = asyncio.run(_find(tenant, user))
    verdict = rules.decide(
        _ACTIONS[action],
        Principal.of(found.profile),
        wanted,
        frozenset(scopes.split()),
        cast("Face", face),
    )
    permitted = verdict.permitted and found.profile.active
    if as_json:
        json_line(_document(verdict, found, permitted=permitted))
        return
    say("permitted" if permitted else "denied", bold=True)
    if not found.profile.active:
        say("The user is deactivated, which denies whatever the policies say.")
    for failure in verdict.failures:
        say(f"error\t{failure}")
    if not verdict.determining:
        say("No policy permits it, and none forbids it.")
    for rule in verdict.determining:
        effect = "forbid" if rule.forbids else "permit"
        say("\t".join((effect, rule.id, rule.place, *filter(None, [rule.notice]))))


def _document(verdict: Verdict, user: User, *, permitted: bool) -> dict[str, object]:
    return {
        "permitted": permitted,
        "active": user.profile.active,
        "determining": [
            {
                "effect": "forbid" if rule.forbids else "permit",
                "id": rule.id,
                "place": rule.place,
                "notice": rule.notice,
            }
            for rule in verdict.determining
        ],
        "errors": list(verdict.failures),
    }


def _policies(folder: Path | None) -> Policies:
    return Policies(read_policies(folder or Settings().policy_dir))


async def _find(tenant: UUID, id_or_email: str) -> User:
    async with opened(Settings()) as store:
        return await find_person(store, tenant, id_or_email)
