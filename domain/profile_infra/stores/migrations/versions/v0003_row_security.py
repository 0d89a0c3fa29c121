"""On Postgres: row security by tenant."""

from alembic import op

revision = "0003_row_security"
down_revision = "0002_told_at"
branch_labels = None
depends_on = None

OLDEST_RELEASE = "0003_row_security"

# Compared as text: an invalid setting then matches no rows, where a cast would raise an error.
ROW_SECURITY = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY of_the_tenant ON {table}
  USING (tenant_id::text = lower(current_setting('profile.tenant_id', true)))
  WITH CHECK (tenant_id::text = lower(current_setting('profile.tenant_id', true)));
"""


def upgrade() -> None:
    if op.get_context().dialect.name != "postgresql":
        return
    for table in ("users", "avatars", "profile_changes"):
        op.execute(ROW_SECURITY.format(table=table))
    # Pictures are compressed already: Postgres must not try to compress them.
    op.execute("ALTER TABLE avatars ALTER COLUMN image SET STORAGE EXTERNAL")
