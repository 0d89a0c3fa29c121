-- The user whom a token meets, and the picture if it is asked for; all NULL where there is none.
-- A whole row of the table, so that a new column changes nothing here.
CREATE OR REPLACE FUNCTION profile_load_user(
  of_tenant uuid, by_issuer text, or_issuer text, by_subject text, with_image boolean,
  OUT person users, OUT image bytea
) LANGUAGE plpgsql AS $$
DECLARE
  found record;
BEGIN
  PERFORM set_config('profile.tenant_id', of_tenant::text, true);
  IF with_image THEN
    -- One statement, so that the picture is the one of the row's digest.
    SELECT u AS person, a.image INTO found
      FROM users u LEFT JOIN avatars a ON a.tenant_id = u.tenant_id AND a.user_id = u.id
      WHERE u.tenant_id = of_tenant AND u.issuer IN (by_issuer, or_issuer)
        AND u.subject = by_subject
      ORDER BY u.issuer DESC LIMIT 1;
    person := found.person;
    image := found.image;
  ELSE
    SELECT u.* INTO person FROM users u
      WHERE u.tenant_id = of_tenant AND u.issuer IN (by_issuer, or_issuer)
        AND u.subject = by_subject
      ORDER BY u.issuer DESC LIMIT 1;
  END IF;
END $$;
