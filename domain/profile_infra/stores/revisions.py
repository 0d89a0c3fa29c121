"""The schema revisions that this program knows, and the one that it needs.

Alembic is imported only to migrate: it would cost a serving process 9 MiB.
"""

from __future__ import annotations

from functools import cache
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection

_MIGRATIONS = Path(__file__).with_name("migrations")


class UnusableDatabase(ValueError):
    """The database URL or the database cannot be used; the text says what to do."""


class Schema(NamedTuple):
    """What a store says of its schema, beside its tables.

    ``revision`` is None for an empty store. ``oldest_release`` is the schema of the oldest release
    that can live on this one: what an older program knows of migrations that it does not have.
    """

    revision: str | None
    oldest_release: str | None = None


EMPTY: Final = Schema(None)


class SchemaMismatch(Exception):
    """The program at hand cannot live on the store's schema; the text says what to do."""

    def __init__(self, found: Schema) -> None:
        needed = newest()
        self.upgradable = found.revision is None or is_known(found.revision)
        if self.upgradable:
            advice = "Run `profile-service migrate`."
        elif found.oldest_release:
            advice = (
                f"A newer profile-service made it, and no release before {found.oldest_release} can"
                " live on it: start the newer one."
            )
        else:
            advice = (
                "It comes from another version of profile-service: start that version, or"
                " run `profile-service migrate` of one that knows it."
            )
        there = found.revision or "not there yet"
        super().__init__(f"The store's schema is {there}; this program needs {needed}. {advice}")
        self.found = found.revision
        self.needed = needed


def check_revision(found: Schema) -> None:
    """Raises SchemaMismatch unless this program can serve it."""
    if found.revision != newest() and not is_newer(found):
        raise SchemaMismatch(found)


def check_upgradable(found: Schema) -> None:
    """Raises SchemaMismatch for an unknown schema, unless this program can live on it."""
    if found.revision is not None and not is_known(found.revision) and not is_newer(found):
        raise SchemaMismatch(found)


def is_newer(found: Schema) -> bool:
    """Whether a newer release made the schema in such a way that this program can live on it."""
    return (
        found.revision is not None
        and not is_known(found.revision)
        and found.oldest_release is not None
        and is_known(found.oldest_release)
    )


def is_known(revision: str) -> bool:
    return revision in _revisions()


def newest() -> str:
    return _revisions()[-1]


@cache
def _revisions() -> list[str]:
    """Oldest first; each migration is a file ``v<revision>.py``."""
    return sorted(path.stem.removeprefix("v") for path in _MIGRATIONS.glob("versions/v*.py"))


class Migration(NamedTuple):
    """``oldest_release`` is the schema of the oldest release that can live on it."""

    revision: str
    summary: str
    oldest_release: str


def pending(found: Schema) -> list[Migration]:
    """The migrations that the store lacks, oldest first. Raises SchemaMismatch."""
    check_upgradable(found)
    if found.revision == newest() or is_newer(found):
        return []
    return [each for each in migrations() if each.revision > (found.revision or "")]


def oldest_release() -> str:
    """The schema of the oldest release that can live on the newest schema."""
    return max(each.oldest_release for each in migrations())


@cache
def migrations() -> list[Migration]:
    """Oldest first. Each says in its module which releases can live on it."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415  # see above

    found = ScriptDirectory.from_config(_config()).walk_revisions()
    return [
        Migration(each.revision, each.doc, each.module.OLDEST_RELEASE)
        for each in reversed(list(found))
    ]


def upgrade(connection: Connection, found: Schema) -> None:
    """Upgrades ``found`` to the newest schema, in the connection's transaction."""
    if not pending(found):
        return
    from alembic import command  # noqa: PLC0415  # see above

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.exec_driver_sql(_note_oldest_release())


def upgrade_script(found: Schema, dialect: str) -> str:
    """The SQL that upgrades ``found`` to the newest schema, without BEGIN and COMMIT."""
    if not pending(found):
        return ""
    from alembic import command  # noqa: PLC0415  # see above

    written = StringIO()
    config = _config(written)
    config.attributes["dialect"] = dialect
    command.upgrade(config, f"{found.revision or 'base'}:head", sql=True)
    return f"{written.getvalue()}{_note_oldest_release()};\n\n"


def _note_oldest_release() -> str:
    return f"UPDATE alembic_version SET oldest_release = '{oldest_release()}'"  # noqa: S608  # ours


def _config(output: StringIO | None = None) -> Config:
    from alembic.config import Config  # noqa: PLC0415  # see above

    config = Config(output_buffer=output)
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config
