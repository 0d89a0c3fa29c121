"""The statements, which are text, are held to the tables, which only migrations import."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import JSON, BigInteger, Boolean, Float, LargeBinary, Uuid
from sqlalchemy.dialects import sqlite
from sqlmodel import AutoString, UTCDateTime

from profile_infra.stores import statements
from profile_infra.stores.audit import CHANGE_COLUMNS
from profile_infra.stores.changes import as_json
from profile_infra.stores.postgres.writes import DRIVER as POSTGRES
from profile_infra.stores.records import IN_DATABASE, USER_ROW
from profile_infra.stores.sqlite.writes import DRIVER as SQLITE
from profile_infra.stores.statements import Sql, Statement
from profile_infra.stores.tables import AVATARS, CHANGES, USERS

DIALECT = sqlite.dialect(json_serializer=as_json)
# A value of each type that SQLite keeps as another.
VALUES = {
    Uuid: UUID("7f1b3c5e-2d4a-4c6b-8e9f-0a1b2c3d4e5f"),
    UTCDateTime: datetime(26, 1, 5, 10, 15, tzinfo=UTC),
    JSON: {"first_name": "Éve", "last_name": None},
    Boolean: True,
}
AS_IT_IS = (AutoString, BigInteger, Float, LargeBinary)
COLUMNS = [*USERS.c, *AVATARS.c, *CHANGES.c]


def test_the_statements_have_every_column_that_the_tables_declare():
    assert tuple(USERS.c.keys()) == USER_ROW
    assert {c.key: c.name for c in COLUMNS if c.key != c.name} == IN_DATABASE
    assert tuple(CHANGES.c.keys()) == ("tenant_id", "user_id", *CHANGE_COLUMNS)
    assert f"({', '.join(AVATARS.c.keys())})" in statements.ADD_AVATAR.text


@pytest.mark.parametrize("column", COLUMNS, ids=str)
def test_sqlite_holds_each_column_in_the_form_that_its_type_has_there(column):
    if isinstance(column.type, AS_IT_IS):
        assert column.key not in {*SQLITE.bind, *SQLITE.read}
        return
    value = next(value for kind, value in VALUES.items() if isinstance(column.type, kind))
    kept = Statement(Sql(f"SELECT :{column.key}"), SQLITE).bind({column.key: value})
    declared = column.type.dialect_impl(DIALECT)
    assert kept == [declared.bind_processor(DIALECT)(value)]
    read = Statement(Sql("", (column.key,)), SQLITE).read(kept)
    assert read == [declared.result_processor(DIALECT, None)(kept[0])] == [value]


def test_a_parameter_that_stands_twice_is_given_twice_to_sqlite_and_once_to_postgres():
    twice = Sql("SELECT :of_user, :first, :of_user")
    values = {"of_user": VALUES[Uuid], "first": 3}
    by_place, by_number = Statement(twice, SQLITE), Statement(twice, POSTGRES)
    assert (by_place.text, by_number.text) == ("SELECT ?, ?, ?", "SELECT $1, $2, $1")
    assert by_place.bind(values) == [VALUES[Uuid].hex, 3, VALUES[Uuid].hex]
    assert by_number.bind(values) == [VALUES[Uuid], 3]


def test_what_is_null_or_left_out_is_null():
    statement = Statement(statements.ADD_CHANGE, SQLITE)
    assert statement.bind({"old_values": None}) == [None] * len(CHANGES.c)
    history = Statement(statements.HISTORY, SQLITE)
    assert history.read([None] * len(CHANGE_COLUMNS)) == [None] * len(CHANGE_COLUMNS)
