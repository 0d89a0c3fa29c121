"""The revisions of the schema that this program knows, and the one that it needs."""

from __future__ import annotations

from functools import cache
from io import StringIO
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

_MIGRATIONS = Path(__file__).with_name("migrations")


class UnusableDatabase(ValueError):
    """The database URL, or what it names, cannot serve; the text says what to do."""


class SchemaMismatch(Exception):
    """The store's schema is not the one that this program is made for."""

    def __init__(self, found: str | None) -> None:
        needed = newest()
        if found is None or is_known(found):
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
    """Raises SchemaMismatch for a schema that is not an older one of ours."""
    if found is not None and not is_known(found):
        raise SchemaMismatch(found)


def is_known(revision: str) -> bool:
    return any(script.revision == revision for script in _scripts().walk_revisions())


@cache
def newest() -> str:
    head = _scripts().get_current_head()
    if head is None:
        raise RuntimeError(f"no migrations in {_MIGRATIONS}")
    return head


def upgrade_script(found: str | None, dialect: str) -> str:
    """The SQL that brings a schema at this revision to the newest, without BEGIN and COMMIT."""
    check_upgradable(found)
    if found == newest():
        return ""
    written = StringIO()
    config = alembic_config(written)
    config.attributes["dialect"] = dialect
    command.upgrade(config, f"{found or 'base'}:head", sql=True)
    return written.getvalue()


def alembic_config(output: StringIO | None = None) -> Config:
    config = Config(output_buffer=output)
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config


@cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(alembic_config())
