"""The schema revisions that this program knows, and the one that it needs.

Alembic is imported only to migrate: it would cost a serving process 9 MiB.
"""

from __future__ import annotations

from functools import cache
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection

_MIGRATIONS = Path(__file__).with_name("migrations")


class UnusableDatabase(ValueError):
    """The database URL or the database cannot be used; the text says what to do."""


class SchemaMismatch(Exception):
    """The store's schema is not the one that this program needs."""

    def __init__(self, found: str | None) -> None:
        needed = newest()
        self.upgradable = found is None or is_known(found)
        if self.upgradable:
            advice = "Run `profile-service migrate`."
        else:
            advice = (
                "It comes from another version of profile-service: start that version, or"
                " run `profile-service migrate` of one that knows it."
            )
        there = found or "not there yet"
        super().__init__(f"The store's schema is {there}; this program needs {needed}. {advice}")
        self.found = found
        self.needed = needed


def check_revision(found: str | None) -> None:
    """Raises SchemaMismatch."""
    if found != newest():
        raise SchemaMismatch(found)


def check_upgradable(found: str | None) -> None:
    """Raises SchemaMismatch for an unknown schema."""
    if found is not None and not is_known(found):
        raise SchemaMismatch(found)


def is_known(revision: str) -> bool:
    return revision in _revisions()


def newest() -> str:
    return _revisions()[-1]


@cache
def _revisions() -> list[str]:
    """Oldest first; each migration is a file ``v<revision>.py``."""
    return sorted(path.stem.removeprefix("v") for path in _MIGRATIONS.glob("versions/v*.py"))


def upgrade(connection: Connection) -> None:
    """Upgrades to the newest schema, in the connection's transaction."""
    from alembic import command  # noqa: PLC0415  # see above

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def upgrade_script(found: str | None, dialect: str) -> str:
    """The SQL that upgrades the revision ``found`` to the newest, without BEGIN and COMMIT."""
    check_upgradable(found)
    if found == newest():
        return ""
    from alembic import command  # noqa: PLC0415  # see above

    written = StringIO()
    config = _config(written)
    config.attributes["dialect"] = dialect
    command.upgrade(config, f"{found or 'base'}:head", sql=True)
    return written.getvalue()


def _config(output: StringIO | None = None) -> Config:
    from alembic.config import Config  # noqa: PLC0415  # see above

    config = Config(output_buffer=output)
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config
