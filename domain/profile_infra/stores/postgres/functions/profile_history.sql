-- A user's changes before a version, newest first.
CREATE OR REPLACE FUNCTION profile_history(
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
