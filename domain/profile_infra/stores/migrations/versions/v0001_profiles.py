"""Users, their pictures, and the audit trail."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001_profiles"
down_revision = None
branch_labels = None
depends_on = None

OLDEST_RELEASE = "0001_profiles"


def upgrade() -> None:
    json = sa.JSON().with_variant(JSONB(), "postgresql")
    op.create_table(
        "users",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("auth_provider", sa.String(), nullable=False),
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("first_name", sa.String(), nullable=True),
        sa.Column("last_name", sa.String(), nullable=True),
        sa.Column("display_name", sa.String(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("avatar_type", sa.String(), nullable=True),
        sa.Column("avatar_digest", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint(
            "tenant_id", "issuer", "subject", name=op.f("uq_users_tenant_id_issuer_subject")
        ),
        sa.CheckConstraint(
            "auth_provider IN ('local', 'oidc', 'saml')", name=op.f("ck_users_auth_provider")
        ),
        sa.CheckConstraint(
            "(avatar_type IS NULL) = (avatar_digest IS NULL)", name=op.f("ck_users_avatar")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_users")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_users_tenant_id_email"), "users", ["tenant_id", "email"])
    op.create_table(
        "avatars",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("image", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id"],
            ["users.tenant_id", "users.id"],
            name=op.f("fk_avatars_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "user_id", name=op.f("pk_avatars")),
    )
    op.create_table(
        "profile_changes",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("new_version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("old_version", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("face", sa.String(), nullable=False),
        sa.Column("request_id", sa.String(), nullable=False),
        sa.Column("fields", json, nullable=False),
        sa.Column("old_values", json, nullable=True),
        sa.Column("new_values", json, nullable=True),
        sa.Column("old_avatar", sa.LargeBinary(), nullable=True),
        sa.Column("new_avatar", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint(
            "tenant_id", "user_id", "new_version", name=op.f("pk_profile_changes")
        ),
        sqlite_with_rowid=False,
    )
