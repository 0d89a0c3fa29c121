"""Reading across tenants, for operators' commands only: nothing that serves imports this.

On Postgres it needs a role that bypasses row security, which the serving role must not do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from profile_domain.caller import parse_uuid
from profile_infra.stores import statements as sql
from profile_infra.stores.by_url import is_postgres
from profile_infra.stores.records import User, read_user
from profile_infra.stores.revisions import UnusableDatabase, check_revision
from profile_infra.stores.sqlite.file import connect, path_of, schema_in
from profile_infra.stores.sqlite.writes import DRIVER as SQLITE
from profile_infra.stores.statements import Sql, Statement

_LOCK_WAIT = 10.0


class OneTenantOnly(UnusableDatabase):
    """The role is subject to row security, and would see no rows."""

    def __init__(self, role: str) -> None:
        super().__init__(
            f"The role {role} sees one tenant at a time, by row security. To look across tenants,"
            " set PROFILE_DATABASE_URL for this command to a role with BYPASSRLS that may only"
            " read; docs/operations/people.md has the SQL to make one."
        )


class TenantCount(NamedTuple):
    """A tenant that has users, their number, and the number of those who are deactivated."""

    tenant_id: UUID
    users: int
    deactivated: int


def tenants(url: str) -> list[TenantCount]:
    """All tenants that have users, by id. Raises UnusableDatabase and SchemaMismatch."""
    return [TenantCount(*row) for row in _rows(url, sql.COUNT_BY_TENANT)]


def find_anybody(url: str, id_or_email: str) -> list[User]:
    """The users of all tenants with this id or email, by tenant and id.

    The email is compared as it is written, and in lower case. Raises UnusableDatabase and
    SchemaMismatch.
    """
    user_id = parse_uuid(id_or_email)
    if user_id is not None:
        rows = _rows(url, sql.ANYBODY_BY_ID, of_user=user_id)
    else:
        emails = {"email": id_or_email, "email_in_lower_case": id_or_email.lower()}
        rows = _rows(url, sql.ANYBODY_BY_EMAIL, **emails)
    return [read_user(tenant_id, row) for tenant_id, *row in rows]


def _rows(url: str, select: Sql, **values: object) -> Sequence[Sequence[Any]]:
    if is_postgres(url):
        from profile_infra.stores.postgres.schema import (  # noqa: PLC0415  # see by_url
            connected,
            row_security,
        )
        from profile_infra.stores.postgres.writes import DRIVER as POSTGRES  # noqa: PLC0415  # as above

        statement = Statement(select, POSTGRES)

        async def fetch(connection: Any) -> Sequence[Sequence[Any]]:  # noqa: ANN401  # asyncpg's
            role, bypasses = await row_security(connection)
            if not bypasses:
                raise OneTenantOnly(role)
            rows: Sequence[Sequence[Any]] = await connection.fetch(
                statement.text, *statement.bind(values)
            )
            return rows

        return asyncio.run(connected(url, fetch))
    statement = Statement(select, SQLITE)
    connection = connect(path_of(url), wait=_LOCK_WAIT, read_only=True)
    try:
        check_revision(schema_in(connection))
        found = connection.execute(statement.text, statement.bind(values)).fetchall()
    finally:
        connection.close()
    return [statement.read(row) for row in found]
