-- The two roles and their database, for psql as a superuser; passwords come from the environment.
-- It may run again: to set new passwords, and with -v database=… for one restored from a backup,
-- which has lost what is granted on the database itself.
\set ON_ERROR_STOP on
\set owner_password ''
\set service_password ''
\getenv owner_password POSTGRES_OWNER_PASSWORD
\getenv service_password POSTGRES_SERVICE_PASSWORD
\if :{?database}
\else
  \set database profile
\endif

SELECT '' IN (:'owner_password', :'service_password') AS lacks_password \gset
\if :lacks_password
  DO $$ BEGIN
    RAISE 'Set POSTGRES_OWNER_PASSWORD and POSTGRES_SERVICE_PASSWORD, and run this again.';
  END $$;
\endif

SELECT format('CREATE ROLE %I', name) FROM unnest(ARRAY['profile_owner', 'profile_service']) AS name
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec

-- Owns the tables, runs `profile-service migrate`, serves nobody.
ALTER ROLE profile_owner LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'owner_password';

-- Serves. Its rights on tables come from `profile-service migrate --grant-to profile_service`.
ALTER ROLE profile_service LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'service_password';
ALTER ROLE profile_service SET statement_timeout = '4s';
ALTER ROLE profile_service SET lock_timeout = '3s';
ALTER ROLE profile_service SET idle_in_transaction_session_timeout = '10s';

SELECT format('CREATE DATABASE %I OWNER profile_owner', :'database')
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO profile_service;
