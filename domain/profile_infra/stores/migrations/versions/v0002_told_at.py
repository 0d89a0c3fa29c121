"""The ``iat`` of the token whose claims were applied to a user last."""

import sqlalchemy as sa
from alembic import op

revision = "0002_told_at"
down_revision = "0001_profiles"
branch_labels = None
depends_on = None

OLDEST_RELEASE = "0001_profiles"


def upgrade() -> None:
    op.add_column("users", sa.Column("told_at", sa.Float(), nullable=True))
