"""The ``tenants`` commands."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import typer

from profile_api.cli.changes import made_by, what, when
from profile_api.cli.output import Json, json_line, row
from profile_api.cli.store import opened
from profile_api.settings import Settings
from profile_infra.people.operators import audit_of
from profile_infra.stores.across_tenants import tenants as all_tenants

tenants = typer.Typer(help="Tenants, and what happened in one.", no_args_is_help=True)

_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]
_EVER = datetime(1, 1, 1, tzinfo=UTC)
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)


@tenants.command(name="list")
def list_(*, as_json: Json = False) -> None:
    """List the tenants that have people: id, how many, and how many of them are deactivated.

    On Postgres it needs a role that may look across tenants, which the serving one may not.
    """
    for tenant_id, users, deactivated in all_tenants(Settings().database_url):
        if as_json:
            json_line(
                {"tenant_id": str(tenant_id), "users": users, "deactivated": deactivated},
            )
        else:
            row(str(tenant_id), str(users), str(deactivated))


@tenants.command()
def history(
    tenant: Annotated[UUID, typer.Argument(metavar="TENANT", help="The tenant's id.")],
    since: Annotated[
        datetime | None, typer.Option(formats=_FORMATS, help="From then on; UTC without an offset.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=_FORMATS, help="Before then; UTC without an offset.")
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Show all that changed in a tenant, oldest first.

    When, whom, version, by whom, face, request, fields. Changes of a deleted person have no values.
    """
    asyncio.run(_history(tenant, _utc(since, _EVER), _utc(until, _NEVER), as_json=as_json))


async def _history(tenant: UUID, since: datetime, until: datetime, *, as_json: bool) -> None:
    async with opened(Settings()) as store:
        async for user_id, change in audit_of(store, tenant, since=since, until=until):
            if as_json:
                json_line({"user_id": str(user_id), **change.document})
            else:
                version = str(change.new_version)
                who = made_by(change)
                request = change.request_id
                at = when(change.at)
                row(at, str(user_id), version, who, change.face, request, what(change))


def _utc(given: datetime | None, otherwise: datetime) -> datetime:
    if given is None:
        return otherwise
    return given if given.tzinfo else given.replace(tzinfo=UTC)
