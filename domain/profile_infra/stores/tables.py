"""The tables, for SQLite and Postgres, as migrations make them. Serving does not import them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKeyConstraint,
    Index,
    MetaData,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

_JSON = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


class Row(SQLModel):
    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(referred_table_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        }
    )


class UserRow(Row, table=True):
    """A user. An empty ``issuer`` matches any issuer that speaks for the tenant.

    ``claims_issued_at`` is the ``iat`` of the token whose claims were applied last.
    """

    __tablename__ = "users"
    __table_args__ = (
        UniqueConstraint("tenant_id", "issuer", "subject"),
        Index(None, "tenant_id", "email"),
        CheckConstraint("auth_provider IN ('local', 'oidc', 'saml')", name="auth_provider"),
        CheckConstraint("(avatar_type IS NULL) = (avatar_digest IS NULL)", name="avatar"),
        {"sqlite_with_rowid": False},
    )

    tenant_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    email: str
    auth_provider: str
    issuer: str
    subject: str
    first_name: str | None
    last_name: str | None
    display_name: str | None
    version: int = Field(sa_type=BigInteger)
    active: bool = True
    avatar_type: str | None
    avatar_digest: bytes | None
    created_at: datetime
    updated_at: datetime
    # Named ``told_at`` in the database: docs/adr/0101.
    claims_issued_at: float | None = Field(
        sa_column=Column("told_at", Float, key="claims_issued_at", nullable=True)
    )


class AvatarRow(Row, table=True):
    """The bytes of a picture, apart from the user, so that other updates do not rewrite them."""

    __tablename__ = "avatars"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "user_id"], ["users.tenant_id", "users.id"], ondelete="CASCADE"
        ),
    )

    tenant_id: UUID = Field(primary_key=True)
    user_id: UUID = Field(primary_key=True)
    image: bytes


class ChangeRow(Row, table=True):
    """An audit entry. It outlives the user, so there is no foreign key.

    ``new_version`` is the cursor. A user who is deleted and created again continues after the last
    version here, so neither this key nor an entity tag is ever reused.
    """

    __tablename__ = "profile_changes"
    __table_args__ = (
        Index("ix_profile_changes_in_time", "tenant_id", "at", "user_id", "new_version"),
        {"sqlite_with_rowid": False},
    )

    tenant_id: UUID = Field(primary_key=True)
    user_id: UUID = Field(primary_key=True)
    new_version: int = Field(primary_key=True, sa_type=BigInteger)
    old_version: int = Field(sa_type=BigInteger)
    at: datetime
    issuer: str
    subject: str
    face: str
    request_id: str
    fields: list[str] = Field(sa_type=_JSON)
    old_values: dict[str, object] | None = Field(sa_type=_JSON)
    new_values: dict[str, object] | None = Field(sa_type=_JSON)
    old_avatar: bytes | None
    new_avatar: bytes | None


USERS = Row.metadata.tables["users"]
AVATARS = Row.metadata.tables["avatars"]
CHANGES = Row.metadata.tables["profile_changes"]
