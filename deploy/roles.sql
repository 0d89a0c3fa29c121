-- The two roles, for psql as a superuser, once per server; passwords come from the environment.
\set ON_ERROR_STOP on
\getenv owner_password POSTGRES_OWNER_PASSWORD
\getenv service_password POSTGRES_SERVICE_PASSWORD

-- Owns the tables, runs `profile-service migrate`, serves nobody.
CREATE ROLE profile_owner LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'owner_password';

-- Serves. Its rights on tables come from `profile-service migrate --grant-to profile_service`.
CREATE ROLE profile_service LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'service_password';
ALTER ROLE profile_service SET statement_timeout = '4s';
ALTER ROLE profile_service SET lock_timeout = '3s';
ALTER ROLE profile_service SET idle_in_transaction_session_timeout = '10s';

CREATE DATABASE profile OWNER profile_owner;
REVOKE ALL ON DATABASE profile FROM PUBLIC;
GRANT CONNECT ON DATABASE profile TO profile_service;
