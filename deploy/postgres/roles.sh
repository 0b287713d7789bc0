#!/bin/sh
# Makes the two roles of the stores and their schema, in a database that is empty. PostgreSQL's
# container runs it once, when it makes its volume; elsewhere run it as a superuser with the same
# variables.
#
# `migrator` owns the tables and is only used to migrate. `app` reads and writes them, and makes
# nothing.
set -eu

: "${MIGRATOR_PASSWORD:?the password of the role migrator}"
: "${APP_PASSWORD:?the password of the role app}"

# Passwords go through the environment: arguments can be seen by others.
psql --no-psqlrc --set ON_ERROR_STOP=1 \
    --username "${POSTGRES_USER:-postgres}" --dbname "${POSTGRES_DB:-stores}" <<'SQL'
\getenv migrator_password MIGRATOR_PASSWORD
\getenv app_password APP_PASSWORD
CREATE ROLE migrator LOGIN PASSWORD :'migrator_password';
CREATE ROLE app LOGIN PASSWORD :'app_password';
CREATE SCHEMA stores AUTHORIZATION migrator;
GRANT USAGE ON SCHEMA stores TO app;
ALTER DEFAULT PRIVILEGES FOR ROLE migrator IN SCHEMA stores
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO app;
ALTER DEFAULT PRIVILEGES FOR ROLE migrator IN SCHEMA stores
    GRANT USAGE, SELECT ON SEQUENCES TO app;
SQL
