"""On Postgres: row security by tenant, and the functions that load and save in one trip.

A function sets the tenant for its transaction and then works, so that row security costs no round
trip of its own and leaves nothing in the session. They run with their caller's rights.
"""

from alembic import op

revision = "0003_row_security"
down_revision = "0002_told_at"
branch_labels = None
depends_on = None

# Compared as text: junk in the setting then shows no rows, where a cast would be an error.
ROW_SECURITY = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY of_the_tenant ON {table}
  USING (tenant_id::text = lower(current_setting('profile.tenant_id', true)))
  WITH CHECK (tenant_id::text = lower(current_setting('profile.tenant_id', true)));
"""

LOAD = """
CREATE FUNCTION profile_load(
  of_tenant uuid, by_issuer text, by_subject text, with_image boolean,
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
      WHERE u.tenant_id = of_tenant AND u.issuer IN (by_issuer, '') AND u.subject = by_subject
      ORDER BY u.issuer DESC LIMIT 1;
  ELSE
    SELECT u.id, u.version, u.email, u.auth_provider, u.first_name, u.last_name, u.display_name,
        u.avatar_type, u.avatar_digest, u.active
      INTO id, version, email, auth_provider, first_name, last_name, display_name,
        avatar_type, avatar_digest, active
      FROM users u
      WHERE u.tenant_id = of_tenant AND u.issuer IN (by_issuer, '') AND u.subject = by_subject
      ORDER BY u.issuer DESC LIMIT 1;
  END IF;
END $$;
"""

# The user's row and the trail's in one statement; the picture in the same transaction.
SAVE = """
CREATE FUNCTION profile_save(
  of_tenant uuid, of_user uuid, from_version bigint,
  by_issuer text, by_subject text, by_face text, in_request text,
  of_fields jsonb, from_values jsonb, to_values jsonb,
  from_avatar bytea, to_avatar bytea, to_avatar_type text, to_image bytea,
  to_told_at double precision
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  of_avatar boolean := of_fields ? 'avatar_base64';
BEGIN
  PERFORM set_config('profile.tenant_id', of_tenant::text, true);
  WITH changed AS (
    UPDATE users u SET
      email = CASE WHEN to_values ? 'email' THEN to_values->>'email' ELSE u.email END,
      auth_provider = CASE WHEN to_values ? 'auth_provider'
        THEN to_values->>'auth_provider' ELSE u.auth_provider END,
      issuer = CASE WHEN to_values ? 'issuer' THEN to_values->>'issuer' ELSE u.issuer END,
      subject = CASE WHEN to_values ? 'subject' THEN to_values->>'subject' ELSE u.subject END,
      active = CASE WHEN to_values ? 'active'
        THEN (to_values->>'active')::boolean ELSE u.active END,
      first_name = CASE WHEN to_values ? 'first_name'
        THEN to_values->>'first_name' ELSE u.first_name END,
      last_name = CASE WHEN to_values ? 'last_name'
        THEN to_values->>'last_name' ELSE u.last_name END,
      display_name = CASE WHEN to_values ? 'display_name'
        THEN to_values->>'display_name' ELSE u.display_name END,
      avatar_type = CASE WHEN of_avatar THEN to_avatar_type ELSE u.avatar_type END,
      avatar_digest = CASE WHEN of_avatar THEN to_avatar ELSE u.avatar_digest END,
      told_at = coalesce(to_told_at, u.told_at),
      version = from_version + 1,
      updated_at = now()
    WHERE u.tenant_id = of_tenant AND u.id = of_user AND u.version = from_version
    RETURNING u.updated_at
  )
  INSERT INTO profile_changes (
    tenant_id, user_id, new_version, old_version, at, issuer, subject, face, request_id,
    fields, old_values, new_values, old_avatar, new_avatar
  )
  SELECT of_tenant, of_user, from_version + 1, from_version, changed.updated_at,
    by_issuer, by_subject, by_face, in_request,
    of_fields, from_values, to_values, from_avatar, to_avatar
  FROM changed;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  IF of_avatar AND to_avatar IS NULL THEN
    DELETE FROM avatars a WHERE a.tenant_id = of_tenant AND a.user_id = of_user;
  ELSIF of_avatar THEN
    INSERT INTO avatars (tenant_id, user_id, image) VALUES (of_tenant, of_user, to_image)
      ON CONFLICT (tenant_id, user_id) DO UPDATE SET image = excluded.image;
  END IF;
  RETURN true;
END $$;
"""

HISTORY = """
CREATE FUNCTION profile_history(
  of_tenant uuid, of_user uuid, before_version bigint, since timestamptz, first_rows integer
) RETURNS SETOF profile_changes LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('profile.tenant_id', of_tenant::text, true);
  RETURN QUERY
    SELECT c.* FROM profile_changes c
    WHERE c.tenant_id = of_tenant AND c.user_id = of_user
      AND c.new_version < before_version AND c.at >= since
    ORDER BY c.new_version DESC LIMIT first_rows;
END $$;
"""


def upgrade() -> None:
    if op.get_context().dialect.name != "postgresql":
        return
    for table in ("users", "avatars", "profile_changes"):
        op.execute(ROW_SECURITY.format(table=table))
    # Pictures are compressed already: kept out of line as they are, no time is spent on them.
    op.execute("ALTER TABLE avatars ALTER COLUMN image SET STORAGE EXTERNAL")
    for function in (LOAD, SAVE, HISTORY):
        op.execute(function)
