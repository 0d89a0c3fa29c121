"""The SQL statements, derived from the tables and compiled once for a driver's dialect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Dialect,
    Select,
    Update,
    UpdateBase,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    null,
    or_,
    select,
    tuple_,
    update,
)

from profile_infra.stores.audit import CHANGE_COLUMNS
from profile_infra.stores.records import PROFILE_COLUMNS, USER_COLUMNS
from profile_infra.stores.tables import AVATARS, CHANGES, USERS

_TENANT = bindparam("of_tenant", type_=USERS.c.tenant_id.type)
_USER = bindparam("of_user", type_=USERS.c.id.type)
_THIS_USER = (USERS.c.tenant_id == _TENANT) & (USERS.c.id == _USER)
_ITS_AVATAR = (AVATARS.c.tenant_id == _TENANT) & (AVATARS.c.user_id == _USER)
_ITS_CHANGES = (CHANGES.c.tenant_id == _TENANT) & (CHANGES.c.user_id == _USER)


def _by_token(*more: ColumnElement[Any]) -> Select[Any]:
    """At most two rows, see ``matching_issuers``; the one with the token's issuer comes first."""
    return (
        select(*(USERS.c[column] for column in PROFILE_COLUMNS), *more)
        .where(
            USERS.c.tenant_id == _TENANT,
            USERS.c.issuer.in_([bindparam("issuer"), bindparam("or_issuer")]),
            USERS.c.subject == bindparam("subject"),
        )
        .order_by(USERS.c.issuer.desc())
    )


LOAD = _by_token()
_WITH_AVATAR = and_(AVATARS.c.tenant_id == USERS.c.tenant_id, AVATARS.c.user_id == USERS.c.id)
LOAD_WITH_IMAGE = _by_token(AVATARS.c.image).outerjoin_from(USERS, AVATARS, _WITH_AVATAR)
AVATAR = select(USERS.c.avatar_type, USERS.c.avatar_digest).where(
    _THIS_USER, USERS.c.active, USERS.c.avatar_digest.is_not(null())
)
AVATAR_WITH_IMAGE = AVATAR.add_columns(AVATARS.c.image).join_from(USERS, AVATARS, _WITH_AVATAR)

STORED_PROFILE = (
    select(
        *(USERS.c[column] for column in PROFILE_COLUMNS),
        AVATARS.c.image,
        USERS.c.created_at,
        USERS.c.updated_at,
    )
    .outerjoin_from(USERS, AVATARS, _WITH_AVATAR)
    .where(_THIS_USER)
)
_A_USER = select(*(USERS.c[column] for column in USER_COLUMNS)).where(USERS.c.tenant_id == _TENANT)
BY_ID = _A_USER.where(USERS.c.id == _USER)
BY_EMAIL = _A_USER.where(USERS.c.email == bindparam("email")).order_by(USERS.c.id)
LIST = _A_USER.order_by(USERS.c.id).limit(bindparam("first"))
LIST_AFTER = LIST.where(USERS.c.id > _USER)


def _tenants() -> CTE:
    """The ids of all tenants, by one look into the primary key for each, and a last null."""
    ids = select(USERS.c.tenant_id).order_by(USERS.c.tenant_id).limit(1)
    found = select(ids.scalar_subquery().label("id")).cte("tenants", recursive=True)
    following = ids.where(USERS.c.tenant_id > found.c.id).correlate(found).scalar_subquery()
    return found.union_all(select(following).where(found.c.id.is_not(None)))


_TENANTS = _tenants()
_ANYBODY = (
    select(USERS.c.tenant_id, *(USERS.c[column] for column in USER_COLUMNS))
    .join_from(USERS, _TENANTS, USERS.c.tenant_id == _TENANTS.c.id)
    .order_by(USERS.c.tenant_id, USERS.c.id)
)
ANYBODY_BY_ID = _ANYBODY.where(USERS.c.id == _USER)
ANYBODY_BY_EMAIL = _ANYBODY.where(
    USERS.c.email.in_([bindparam("email"), bindparam("email_in_lower_case")])
)
COUNT_BY_TENANT = (
    select(
        USERS.c.tenant_id,
        func.count(),
        func.count(case((USERS.c.active.is_(False), 1))),
    )
    .group_by(USERS.c.tenant_id)
    .order_by(USERS.c.tenant_id)
)

HISTORY = (
    select(*(CHANGES.c[column] for column in CHANGE_COLUMNS))
    .where(
        _ITS_CHANGES,
        CHANGES.c.new_version < bindparam("before"),
        CHANGES.c.at >= bindparam("since"),
    )
    .order_by(CHANGES.c.new_version.desc())
    .limit(bindparam("first"))
)

_PLACE = (CHANGES.c.at, CHANGES.c.user_id, CHANGES.c.new_version)
AUDIT = (
    select(CHANGES.c.user_id, *(CHANGES.c[column] for column in CHANGE_COLUMNS))
    .where(
        CHANGES.c.tenant_id == _TENANT,
        CHANGES.c.at < bindparam("until"),
        tuple_(*_PLACE) > tuple_(*(bindparam(c.key, type_=c.type) for c in _PLACE)),
    )
    .order_by(*_PLACE)
    .limit(bindparam("first"))
)
DELETED = (
    select(CHANGES.c.user_id, CHANGES.c.at)
    .where(_ITS_CHANGES, ~exists().where(_THIS_USER))
    .order_by(CHANGES.c.new_version.desc())
    .limit(1)
)

_NEWER = CHANGES.alias("newer")
# The last entry of a deleted user is kept: a user with the same id continues its version.
FORGET = delete(CHANGES).where(
    CHANGES.c.tenant_id == _TENANT,
    CHANGES.c.at < bindparam("since"),
    or_(
        exists().where(USERS.c.tenant_id == CHANGES.c.tenant_id, USERS.c.id == CHANGES.c.user_id),
        exists().where(
            _NEWER.c.tenant_id == CHANGES.c.tenant_id,
            _NEWER.c.user_id == CHANGES.c.user_id,
            _NEWER.c.new_version > CHANGES.c.new_version,
        ),
    ),
)

_VERSION_AFTER_HISTORY = (
    select(func.coalesce(func.max(CHANGES.c.new_version), 0) + 1)
    .where(_ITS_CHANGES)
    .scalar_subquery()
)
ADD_USER = insert(USERS).values(
    {column.key: bindparam(column.key) for column in USERS.c if column.key != "version"}
    | {"version": _VERSION_AFTER_HISTORY}
)
ADD_CHANGE = insert(CHANGES)
FORGET_VALUES = update(CHANGES).where(_ITS_CHANGES).values(old_values=null(), new_values=null())
DELETE_USER = delete(USERS).where(_THIS_USER, USERS.c.version == bindparam("old_version"))
ADD_AVATAR = insert(AVATARS)
REPLACE_AVATAR = update(AVATARS).where(_ITS_AVATAR).values(image=bindparam("image"))
DROP_AVATAR = delete(AVATARS).where(_ITS_AVATAR)


def replace_user(columns: Sequence[str]) -> Update:
    """Updates these columns if the user is at version ``old_version``."""
    return (
        update(USERS)
        .where(_THIS_USER, USERS.c.version == bindparam("old_version"))
        .values({column: bindparam(column) for column in (*columns, "version", "updated_at")})
    )


class Statement:
    """A statement's SQL; converts parameters by name and rows by position."""

    def __init__(self, statement: Select[Any] | UpdateBase, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        if compiled.positiontup is None:
            raise TypeError(dialect.paramstyle)
        self.text = compiled.string
        types = {name: parameter.type for parameter, name in compiled.bind_names.items()}
        self._parameters = [
            (name, compiled.params[name], types[name].dialect_impl(dialect).bind_processor(dialect))
            for name in compiled.positiontup
        ]
        self._columns = statement.selected_columns if isinstance(statement, Select) else ()
        self._dialect = dialect

    @cached_property
    def _readers(self) -> list[tuple[int, Callable[[Any], Any]]]:
        dialect = self._dialect
        readers = [
            column.type.dialect_impl(dialect).result_processor(dialect, None)
            for column in self._columns
        ]
        return [(position, reader) for position, reader in enumerate(readers) if reader]

    def bind(self, values: Mapping[str, Any]) -> list[Any]:
        """The parameters in the driver's order and types."""
        return [
            process(values.get(name, default)) if process else values.get(name, default)
            for name, default, process in self._parameters
        ]

    def read(self, row: Sequence[Any]) -> list[Any]:
        """The row's values, converted to Python types where the driver does not do it."""
        values = list(row)
        for position, reader in self._readers:
            values[position] = reader(values[position])
        return values


@lru_cache(128)
def replace_user_statement(columns: tuple[str, ...], dialect: Dialect) -> Statement:
    return Statement(replace_user(columns), dialect)
