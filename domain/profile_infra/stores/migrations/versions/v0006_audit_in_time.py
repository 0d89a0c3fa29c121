"""An index for the audit of a tenant in the order of time.

It only adds: the release before it goes on working. On a large Postgres it can be built first,
without blocking writes, by the statement below with CONCURRENTLY.
"""

from alembic import op

revision = "0006_audit_in_time"
down_revision = "0005_functions_in_files"
branch_labels = None
depends_on = None

OLDEST_RELEASE = "0003_row_security"


def upgrade() -> None:
    op.execute(
        "CREATE INDEX IF NOT EXISTS ix_profile_changes_in_time"
        " ON profile_changes (tenant_id, at, user_id, new_version)"
    )
