"""A release that is to come: this program with one migration more, and with SQL functions that differ."""

import os
import shutil
import subprocess
from pathlib import Path

from profile_infra.stores.revisions import newest
from serving import COMMAND

REVISION = "9999_motto"
_MIGRATION = """
'''A motto of each user.'''

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{before}"
branch_labels = None
depends_on = None

OLDEST_RELEASE = "{oldest}"


def upgrade() -> None:
    op.add_column("users", sa.Column("motto", sa.String(), nullable=True))
"""


class FutureRelease:
    """Its files stand in ``folder``. Releases before ``oldest`` cannot live on its schema."""

    def __init__(self, folder: Path, *, oldest: str | None = None) -> None:
        self._root = folder / "future"
        domain = Path(__file__).parents[2] / "domain"
        shutil.copytree(domain, self._root, ignore=shutil.ignore_patterns("__pycache__"))
        stores = self._root / "profile_infra" / "stores"
        (stores / "migrations" / "versions" / f"v{REVISION}.py").write_text(
            _MIGRATION.format(revision=REVISION, before=newest(), oldest=oldest or newest())
        )
        save = stores / "postgres" / "functions" / "profile_save.sql"
        before = save.read_text()
        save.write_text(before.replace("  version = from", "  motto = 'x', version = from"))
        assert save.read_text() != before

    def environment(self, settings):
        return settings | {"PYTHONPATH": str(self._root)}

    def run(self, *arguments, **settings):
        """The command's output; it must succeed."""
        kept = {name: value for name, value in os.environ.items() if name[:8] != "PROFILE_"}
        return subprocess.run(
            [COMMAND, *arguments], env=self.environment(kept | settings), cwd=self._root,
            check=True, stdout=subprocess.PIPE, text=True, timeout=120,
        ).stdout  # fmt: skip

    def migrate(self, url, *arguments):
        return self.run("migrate", *arguments, PROFILE_DATABASE_URL=url)
