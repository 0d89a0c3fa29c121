"""Beside the schema's revision: the oldest release that can live on it.

An older release reads it there, since it does not have the migrations that came after it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008_oldest_release"
down_revision = "0006_audit_in_time"
branch_labels = None
depends_on = None

OLDEST_RELEASE = "0003_row_security"


def upgrade() -> None:
    op.add_column("alembic_version", sa.Column("oldest_release", sa.String(32), nullable=True))
