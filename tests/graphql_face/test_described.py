"""Every name of the GraphQL schema says what it is, and each code where a client meets it."""

import pytest
from graphql import GraphQLEnumType, GraphQLNonNull, is_specified_scalar_type

from profile_domain.errors import Code
from profile_graphql.codes import IN_ERRORS, REQUEST_ERRORS, place_of
from profile_graphql.schema import schema

TYPES = {
    name: each
    for name, each in schema._schema.type_map.items()
    if not name.startswith("__") and not is_specified_scalar_type(each)
}


def names():
    """Each type, field, argument and value of an enum, with what it is."""
    for name, each in TYPES.items():
        yield name, each
        if isinstance(each, GraphQLEnumType):
            yield from ((f"{name}.{value}", it) for value, it in each.values.items())
        for field, it in getattr(each, "fields", {}).items():
            yield f"{name}.{field}", it
            for argument, its in getattr(it, "args", {}).items():
                yield f"{name}.{field}({argument})", its


NAMES = dict(names())


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_described_in_a_sentence_without_pythons_spelling(name):
    description = NAMES[name].description
    assert description
    assert "``" not in description
    assert description.endswith(".") or name in {"JSON", "DateTime"}


def test_what_can_be_null_says_when():
    for name, each in NAMES.items():
        kind = getattr(each, "type", None)
        if kind is not None and not isinstance(kind, GraphQLNonNull):
            assert "null" in each.description.lower(), name


def test_the_codes_are_the_catalogues_spelled_as_there():
    values = TYPES["ErrorCode"].values
    assert list(values) == [code.value for code in Code]
    for code in Code:
        assert values[code].description == f"{code.meaning} {place_of(code)}"


def test_the_fields_of_the_schema_name_the_codes_of_the_caller():
    mutation = TYPES["Mutation"].fields["updateMyProfile"].description
    query = TYPES["Query"].fields["me"].description
    assert {code for code in Code if f"`{code}`" in mutation} == REQUEST_ERRORS
    assert {code for code in Code if f"`{code}`" in query} == (
        REQUEST_ERRORS - {Code.RATE_LIMITED} | {Code.FORBIDDEN}
    )


def test_a_code_is_met_in_one_place_or_says_where():
    assert IN_ERRORS.isdisjoint({Code.FORBIDDEN, Code.UNKNOWN_FIELD})
    assert {place_of(code) for code in REQUEST_ERRORS} == {"In `errors[]`."}
