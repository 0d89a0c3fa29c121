"""Which store a URL means."""

from __future__ import annotations

from profile_infra.postgres_store import PostgresProfiles
from profile_infra.schema_version import is_postgres
from profile_infra.sqlite_store import SqliteProfiles
from profile_infra.store import Store

__all__ = ["Store", "store_of"]


def store_of(
    url: str, *, connections: int = 10, prepared: bool = True, history_days: int | None = None
) -> Store:
    """Looks at nothing but the URL. Raises UnusableDatabase.

    ``connections`` and ``prepared`` are for Postgres; without ``history_days`` the trail of
    changes is kept for ever.
    """
    if is_postgres(url):
        return PostgresProfiles(
            url, pool_size=connections, prepared=prepared, history_days=history_days
        )
    return SqliteProfiles(url, history_days=history_days)
