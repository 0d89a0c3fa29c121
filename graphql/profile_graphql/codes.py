"""The catalogue's codes as an enum of the schema, and where a client meets each."""

from __future__ import annotations

from enum import Enum
from typing import Any, Final

import strawberry

from profile_domain.errors import Code

# Errors that concern the caller or the request: in errors[], not as ProfileError.
REQUEST_ERRORS: Final = frozenset(
    {
        Code.UNAUTHENTICATED,
        Code.INVALID_TENANT_ID,
        Code.TENANT_MISMATCH,
        Code.NOT_FOUND,
        Code.RATE_LIMITED,
        Code.UNAVAILABLE,
        Code.INTERNAL_ERROR,
    }
)
# Those of the body, the document, an argument, and what is below both faces.
_NEVER_OF_AN_UPDATE: Final = frozenset(
    {
        Code.INVALID_HTTP,
        Code.REQUEST_TIMEOUT,
        Code.HEADERS_TOO_LARGE,
        Code.MALFORMED_JSON,
        Code.INVALID_QUERY,
        Code.INVALID_ARGUMENT,
        Code.METHOD_NOT_ALLOWED,
        Code.PAYLOAD_TOO_LARGE,
        Code.UNSUPPORTED_MEDIA_TYPE,
    }
)
IN_ERRORS: Final = REQUEST_ERRORS | _NEVER_OF_AN_UPDATE


def place_of(code: Code) -> str:
    """Where a GraphQL client meets a code, as a sentence in Markdown."""
    match code:
        case Code.UNKNOWN_FIELD:
            return "Not by GraphQL, where an unknown field is `invalid_query`."
        case Code.FORBIDDEN:
            return "An update's in `ProfileError`, else in `errors[]`."
        case Code.INVALID_HTTP:
            return "In REST's form, since no face was reached."
        case _ if code in IN_ERRORS:
            return "In `errors[]`."
    return "In `ProfileError`."


_DESCRIBED: Final = {
    code.value: strawberry.enum_value(code.value, description=f"{code.meaning} {place_of(code)}")
    for code in Code
}
_new_enum: Any = Enum  # for the type checker, which wants to read the members of one here
ErrorCode: Any = strawberry.enum(
    _new_enum("ErrorCode", _DESCRIBED),
    description="Why something was refused. Those of an update are in `ProfileError.code`; those of"
    " the caller or the whole request are in `errors[].extensions.code`. New ones may come: treat"
    " one that you do not know by its message.",
)
