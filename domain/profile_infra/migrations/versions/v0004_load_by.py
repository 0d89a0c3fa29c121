"""On Postgres: a load that names both issuers a user may be stored under.

``profile_load`` stays for the release before, which may still be serving.
"""

from alembic import op

revision = "0004_load_by"
down_revision = "0003_row_security"
branch_labels = None
depends_on = None

LOAD_BY = """
CREATE FUNCTION profile_load_by(
  of_tenant uuid, by_issuer text, or_issuer text, by_subject text, with_image boolean,
  OUT id uuid, OUT version bigint, OUT email text, OUT auth_provider text,
  OUT first_name text, OUT last_name text, OUT display_name text,
  OUT avatar_type text, OUT avatar_digest bytea, OUT active boolean, OUT image bytea
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM set_config('profile.tenant_id', of_tenant::text, true);
  IF with_image THEN
    SELECT u.id, u.version, u.email, u.auth_provider, u.first_name, u.last_name, u.display_name,
        u.avatar_type, u.avatar_digest, u.active, a.image
      INTO id, version, email, auth_provider, first_name, last_name, display_name,
        avatar_type, avatar_digest, active, image
      FROM users u LEFT JOIN avatars a ON a.tenant_id = u.tenant_id AND a.user_id = u.id
      WHERE u.tenant_id = of_tenant AND u.issuer IN (by_issuer, or_issuer)
        AND u.subject = by_subject
      ORDER BY u.issuer DESC LIMIT 1;
  ELSE
    SELECT u.id, u.version, u.email, u.auth_provider, u.first_name, u.last_name, u.display_name,
        u.avatar_type, u.avatar_digest, u.active
      INTO id, version, email, auth_provider, first_name, last_name, display_name,
        avatar_type, avatar_digest, active
      FROM users u
      WHERE u.tenant_id = of_tenant AND u.issuer IN (by_issuer, or_issuer)
        AND u.subject = by_subject
      ORDER BY u.issuer DESC LIMIT 1;
  END IF;
END $$;
"""


def upgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.execute(LOAD_BY)
