"""The store of the settings, for one command."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from profile_api.cli.output import say
from profile_api.settings import Settings
from profile_infra.stores.by_url import await_schema
from profile_infra.stores.store import Store

# How long, in seconds, a command waits for a `migrate` that was started with it.
MIGRATION_SECONDS = 30.0


def await_migration(settings: Settings) -> None:
    """Waits until the store has the schema that this program needs, with a message.

    Raises SchemaMismatch after 30 seconds, or UnusableDatabase.
    """
    await_schema(
        settings.database_url,
        seconds=MIGRATION_SECONDS,
        waiting=lambda missing: say(
            f"{missing} Waiting up to {MIGRATION_SECONDS:.0f} seconds for it.", err=True
        ),
    )


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Store]:
    """The store of the settings, for one command."""
    await asyncio.to_thread(await_migration, settings)
    store = settings.store()
    await store.open()
    try:
        yield store
    finally:
        await store.close()
