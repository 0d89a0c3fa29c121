"""What can go wrong with Postgres: which errors are outages, and what an operator does about it."""

from __future__ import annotations

import socket
import ssl
from typing import Final

import asyncpg

READ_ONLY: Final = "25006"
# SQLSTATE classes of an outage: connection, rollback, resources, operator, system.
_OUTAGE_CLASSES: Final = frozenset({"08", "40", "53", "57", "58"})
_OUTAGES: Final = frozenset(
    {
        READ_ONLY,
        "25P03",  # idle_in_transaction_session_timeout
        "25P04",  # transaction_timeout
        "26000",  # a pooler lost a prepared statement
        "28000",  # the role may not connect
        "28P01",  # the password was changed
        "3D000",  # the database is gone
        "42P05",  # a pooler mixed up prepared statements
        "55000",  # the database takes no connections
        "55P03",  # lock_timeout
        "XX001",  # data_corrupted
        "XX002",  # index_corrupted
    }
)

# TimeoutError is an OSError.
FAILURES: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)

_POOLER: Final = (
    "a pooler between here and Postgres lost a prepared statement: set max_prepared_statements in"
    " PgBouncer (1.21 or later), or PROFILE_PREPARED_STATEMENTS=false"
)
# By SQLSTATE, in the order of its appendix.
_ADVICE: Final = {
    "08P01": "what listens there does not speak Postgres' protocol, or refuses a parameter of the"
    " URL",
    "26000": _POOLER,
    "28000": "the role does not exist, may not log in, or has no line in pg_hba.conf;"
    " deploy/roles.sql makes the roles",
    "28P01": "the role's password is wrong: write it percent-encoded in PROFILE_DATABASE_URL, or"
    " set it anew with deploy/roles.sql",
    "3D000": "the server has no such database; deploy/roles.sql makes it",
    "42501": "the role lacks a right: deploy/roles.sql lets it connect, and"
    " `profile-service migrate --grant-to ROLE`, run as the owner, lets it serve",
    "42704": "Postgres does not know a parameter of the URL",
    "42P05": _POOLER,
    "53300": "Postgres has no connection left: raise max_connections, or lower"
    " PROFILE_DATABASE_CONNECTIONS or the number of processes",
    "57P03": "Postgres is starting or stopping: try again in a moment",
}
# The first that fits. The driver says itself which option of the URL it does not understand, but a
# parser would quote what it cannot read.
_BY_TYPE: Final = (
    (TimeoutError, "no answer in time from the host and port of the URL"),
    (ConnectionRefusedError, "nothing listens at the host and port of the URL"),
    (socket.gaierror, "the host of the URL is not known"),
    (ssl.SSLError, "TLS fails; see sslmode and sslrootcert of the URL"),
    (
        asyncpg.TargetServerAttributeNotMatched,
        "no host of the URL is what its target_session_attrs asks for",
    ),
    (asyncpg.ClientConfigurationError, None),
    (ValueError, "its URL cannot be read; percent-encode names and passwords"),
)


def is_outage(error: Exception) -> bool:
    """Whether the error is an outage, so that trying again later may help."""
    if isinstance(error, OSError | asyncpg.InternalClientError):
        return True
    state = getattr(error, "sqlstate", None) or ""
    return state in _OUTAGES or state[:2] in _OUTAGE_CLASSES


def is_gone(error: Exception) -> bool:
    """Whether the connection was closed meanwhile, for which the driver raises InterfaceError."""
    return isinstance(error, asyncpg.InterfaceError) and not isinstance(error, ValueError)


def explained(error: Exception) -> str:
    """A sentence that says what to do; it quotes neither the URL nor the password."""
    return f"The database cannot be used: {advice(error) or str(error) or type(error).__name__}."


def advice(error: Exception) -> str | None:
    """What an operator can do, if it is known, in words that quote nothing."""
    known = _ADVICE.get(getattr(error, "sqlstate", None) or "")
    return known or next((each for kind, each in _BY_TYPE if isinstance(error, kind)), None)
