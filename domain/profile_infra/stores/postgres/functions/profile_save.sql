-- A user's row and the entry in the trail in one statement, the picture in the same transaction;
-- false when the user is no longer at the version to start from.
CREATE OR REPLACE FUNCTION profile_save(
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
