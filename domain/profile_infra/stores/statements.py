"""The SQL of both stores, and how a driver takes its parameters and gives its rows.

It is text, so that a serving process imports nothing that writes SQL (ADR 0139).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from profile_infra.stores.audit import CHANGE_COLUMNS
from profile_infra.stores.records import IN_DATABASE, PROFILE_COLUMNS, USER_COLUMNS, USER_ROW

_PARAMETER: Final = re.compile(r":(\w+)")
Convert = Callable[[Any], Any]


class Sql(NamedTuple):
    """A statement with parameters as ``:name``, and the columns that it selects."""

    text: str
    columns: tuple[str, ...] = ()


def _select(table: str, columns: Sequence[str], rest: str, *more: str) -> Sql:
    """``more`` are columns of other tables, with their tables."""
    names = [f"{table}.{IN_DATABASE.get(column, column)}" for column in columns]
    last = tuple(name.rpartition(".")[2] for name in more)
    return Sql(f"SELECT {', '.join([*names, *more])} {rest}", (*columns, *last))


def insert(table: str, columns: Sequence[str], **values: str) -> Sql:
    """``values`` are expressions, for columns whose value is no parameter."""
    names = ", ".join(IN_DATABASE.get(column, column) for column in columns)
    placed = ", ".join(values.get(column, f":{column}") for column in columns)
    return Sql(f"INSERT INTO {table} ({names}) VALUES ({placed})")  # noqa: S608  # our own names


_THIS_USER = "users.tenant_id = :of_tenant AND users.id = :of_user"
_ITS_AVATAR = "tenant_id = :of_tenant AND user_id = :of_user"
_ITS_CHANGES = "profile_changes.tenant_id = :of_tenant AND profile_changes.user_id = :of_user"
_AVATAR_OF_USER = "avatars ON avatars.tenant_id = users.tenant_id AND avatars.user_id = users.id"

# At most two rows, see ``matching_issuers``; the one with the token's issuer comes first.
_MATCHING = (
    "WHERE users.tenant_id = :of_tenant AND users.issuer IN (:issuer, :or_issuer)"
    " AND users.subject = :subject ORDER BY users.issuer DESC"
)
LOAD: Final = _select("users", PROFILE_COLUMNS, f"FROM users {_MATCHING}")
LOAD_WITH_IMAGE: Final = _select(
    "users",
    PROFILE_COLUMNS,
    f"FROM users LEFT JOIN {_AVATAR_OF_USER} {_MATCHING}",
    "avatars.image",
)
_AVATAR = ("avatar_type", "avatar_digest")
_HAS_AVATAR = f"WHERE {_THIS_USER} AND users.active AND users.avatar_digest IS NOT NULL"
AVATAR: Final = _select("users", _AVATAR, f"FROM users {_HAS_AVATAR}")
AVATAR_WITH_IMAGE: Final = _select(
    "users", _AVATAR, f"FROM users JOIN {_AVATAR_OF_USER} {_HAS_AVATAR}", "avatars.image"
)
STORED_PROFILE: Final = _select(
    "users",
    PROFILE_COLUMNS,
    f"FROM users LEFT JOIN {_AVATAR_OF_USER} WHERE {_THIS_USER}",
    *("avatars.image", "users.created_at", "users.updated_at"),
)
_OF_TENANT = "FROM users WHERE users.tenant_id = :of_tenant"
_IN_ORDER = "ORDER BY users.id LIMIT :first"
BY_ID: Final = _select("users", USER_COLUMNS, f"{_OF_TENANT} AND users.id = :of_user")
BY_EMAIL: Final = _select(
    "users", USER_COLUMNS, f"{_OF_TENANT} AND users.email = :email ORDER BY users.id"
)
LIST: Final = _select("users", USER_COLUMNS, f"{_OF_TENANT} {_IN_ORDER}")
LIST_AFTER: Final = _select(
    "users", USER_COLUMNS, f"{_OF_TENANT} AND users.id > :of_user {_IN_ORDER}"
)


def _anybody(condition: str) -> Sql:
    found = _select(
        "users",
        ("tenant_id", *USER_COLUMNS),
        "FROM users JOIN tenants ON users.tenant_id = tenants.id"
        f" WHERE {condition} ORDER BY users.tenant_id, users.id",
    )
    return Sql(_WITH_TENANTS + found.text, found.columns)


# The ids of all tenants, by one look into the primary key for each, and a last null.
_WITH_TENANTS = """
WITH RECURSIVE tenants(id) AS (
  SELECT (SELECT tenant_id FROM users ORDER BY tenant_id LIMIT 1)
  UNION ALL
  SELECT (SELECT tenant_id FROM users WHERE tenant_id > tenants.id ORDER BY tenant_id LIMIT 1)
  FROM tenants WHERE tenants.id IS NOT NULL
)
"""
ANYBODY_BY_ID: Final = _anybody("users.id = :of_user")
ANYBODY_BY_EMAIL: Final = _anybody("users.email IN (:email, :email_in_lower_case)")
COUNT_BY_TENANT: Final = Sql(
    "SELECT tenant_id, count(*), count(CASE WHEN NOT active THEN 1 END) FROM users"
    " GROUP BY tenant_id ORDER BY tenant_id",
    ("tenant_id", "users", "deactivated"),
)

HISTORY: Final = _select(
    "profile_changes",
    CHANGE_COLUMNS,
    f"FROM profile_changes WHERE {_ITS_CHANGES} AND new_version < :before AND at >= :since"
    " ORDER BY new_version DESC LIMIT :first",
)
AUDIT: Final = _select(
    "profile_changes",
    ("user_id", *CHANGE_COLUMNS),
    "FROM profile_changes WHERE tenant_id = :of_tenant AND at < :until"
    " AND (at, user_id, new_version) > (:at, :user_id, :new_version)"
    " ORDER BY at, user_id, new_version LIMIT :first",
)
_IS_A_USER = f"EXISTS (SELECT 1 FROM users WHERE {_THIS_USER})"  # noqa: S608  # our own text
DELETED: Final = _select(
    "profile_changes",
    ("user_id", "at"),
    f"FROM profile_changes WHERE {_ITS_CHANGES}"
    f" AND NOT {_IS_A_USER}"
    " ORDER BY new_version DESC LIMIT 1",
)
# The last entry of a deleted user is kept: a user with the same id continues its version.
FORGET: Final = Sql("""
DELETE FROM profile_changes WHERE tenant_id = :of_tenant AND at < :since AND (
  EXISTS (
    SELECT 1 FROM users
    WHERE users.tenant_id = profile_changes.tenant_id AND users.id = profile_changes.user_id
  ) OR EXISTS (
    SELECT 1 FROM profile_changes AS newer
    WHERE newer.tenant_id = profile_changes.tenant_id
      AND newer.user_id = profile_changes.user_id
      AND newer.new_version > profile_changes.new_version
  )
)
""")

_VERSION_AFTER_HISTORY = (
    f"(SELECT coalesce(max(new_version), 0) + 1 FROM profile_changes WHERE {_ITS_CHANGES})"  # noqa: S608  # as above
)
ADD_USER: Final = insert("users", USER_ROW, version=_VERSION_AFTER_HISTORY)
ADD_CHANGE: Final = insert("profile_changes", ("tenant_id", "user_id", *CHANGE_COLUMNS))
FORGET_VALUES: Final = Sql(
    f"UPDATE profile_changes SET old_values = NULL, new_values = NULL WHERE {_ITS_CHANGES}"  # noqa: S608  # as above
)
DELETE_USER: Final = Sql(f"DELETE FROM users WHERE {_THIS_USER} AND version = :old_version")  # noqa: S608  # as above
ADD_AVATAR: Final = insert("avatars", ("tenant_id", "user_id", "image"))
REPLACE_AVATAR: Final = Sql(f"UPDATE avatars SET image = :image WHERE {_ITS_AVATAR}")  # noqa: S608  # as above
DROP_AVATAR: Final = Sql(f"DELETE FROM avatars WHERE {_ITS_AVATAR}")  # noqa: S608  # as above


def replace_user(columns: Sequence[str]) -> Sql:
    """Updates these columns if the user is at version ``old_version``."""
    changed = (*columns, "version", "updated_at")
    values = ", ".join(f"{IN_DATABASE.get(column, column)} = :{column}" for column in changed)
    return Sql(f"UPDATE users SET {values} WHERE {_THIS_USER} AND version = :old_version")  # noqa: S608  # our own columns


class Driver(NamedTuple):
    """How a driver takes parameters, by number or one after another, and what it cannot hold.

    ``bind`` and ``read`` convert values by the name of their parameter or column; null stays null.
    """

    numbered: bool
    bind: Mapping[str, Convert]
    read: Mapping[str, Convert]


class Statement:
    """A statement for a driver; converts parameters by name and rows by position."""

    def __init__(self, sql: Sql, driver: Driver) -> None:
        names = _PARAMETER.findall(sql.text)
        if driver.numbered:
            names = list(dict.fromkeys(names))
            self.text = _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", sql.text)
        else:
            self.text = _PARAMETER.sub("?", sql.text)
        self._parameters = [(name, driver.bind.get(name)) for name in names]
        self._readers = [
            (place, driver.read[column])
            for place, column in enumerate(sql.columns)
            if column in driver.read
        ]

    def bind(self, values: Mapping[str, Any]) -> list[Any]:
        """The parameters in the driver's order and types; those that are left out are null."""
        return [
            value if convert is None or value is None else convert(value)
            for name, convert in self._parameters
            for value in (values.get(name),)
        ]

    def read(self, row: Sequence[Any]) -> list[Any]:
        """The row's values, converted to Python types where the driver does not do it."""
        values = list(row)
        for place, convert in self._readers:
            if values[place] is not None:
                values[place] = convert(values[place])
        return values
