#!/bin/sh
# Run once by the image of Postgres, when its data is new: the roles, with the passwords of the secrets.
set -e
secrets=${SECRETS:-/run/secrets}
POSTGRES_OWNER_PASSWORD=$(cat "$secrets/owner.password")
POSTGRES_SERVICE_PASSWORD=$(cat "$secrets/service.password")
export POSTGRES_OWNER_PASSWORD POSTGRES_SERVICE_PASSWORD
psql --quiet --username postgres --file "${ROLES:-/roles.sql}"
