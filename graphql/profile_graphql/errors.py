"""Errors in GraphQL's format: ``errors[]``, with the catalogue's code in ``extensions``."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any

from graphql import GraphQLError
from starlette.responses import JSONResponse

from profile_domain.errors import Code, DomainError
from profile_graphql.types import details_of

MAX_EXPLANATION = 500  # code points
log = logging.getLogger("profile.graphql")


class RequestRefused(Exception):
    """A request error: nothing is executed. ``errors`` are the entries of ``errors[]``."""

    def __init__(
        self,
        errors: list[dict[str, Any]],
        *,
        status: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(errors[0]["extensions"]["code"])
        self.errors = errors
        self.status = status
        self.headers = headers or {}


def entry(error: DomainError) -> dict[str, Any]:
    """A domain error as an entry of ``errors[]``."""
    extensions: dict[str, Any] = {"code": error.code}
    if error.details:
        extensions["details"] = details_of(error)
    if error.notices:
        extensions["notices"] = list(error.notices)
    return {"message": error.message, "extensions": extensions}


def invalid_query(explanation: str) -> dict[str, Any]:
    """An entry for an invalid request; the explanation is for the client's developer."""
    return entry(
        DomainError(Code.INVALID_QUERY, details={"explanation": explanation[:MAX_EXPLANATION]})
    )


def invalid_queries(text: str, errors: Sequence[GraphQLError]) -> list[dict[str, Any]]:
    """An entry for each error of a document, in the order given."""
    return [
        _with_locations(invalid_query(error.message), error, locations)
        for locations in [locations_in(text, errors)]
        for error in errors
    ]


def locations_in(text: str, errors: Iterable[GraphQLError]) -> dict[int, dict[str, int]]:
    """Line and column, starting at 1, of each position of the errors in ``text``.

    One pass over the text; graphql-core makes one for each error.
    """
    locations = {}
    line, line_start, before = 1, 0, 0
    for position in sorted({each for error in errors for each in error.positions or ()}):
        line += (
            text.count("\n", before, position)
            + text.count("\r", before, position)
            - text.count("\r\n", before, position)
        )
        last = max(text.rfind("\n", before, position), text.rfind("\r", before, position))
        line_start = last + 1 if last >= 0 else line_start
        locations[position] = {"line": line, "column": position - line_start + 1}
        before = position
    return locations


def _with_locations(
    formatted: dict[str, Any], error: GraphQLError, locations: dict[int, dict[str, int]]
) -> dict[str, Any]:
    if error.positions:
        formatted["locations"] = [locations[position] for position in error.positions]
    return formatted


def field_error(
    error: GraphQLError, locations: dict[int, dict[str, int]], request_id: str
) -> tuple[dict[str, Any], DomainError | None]:
    """The entry for a field error, and its domain error; an unexpected one is logged and masked."""
    cause = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    if cause is None:
        formatted, known = invalid_query(error.message), None
    else:
        if not isinstance(cause, DomainError):
            log.error("request %s failed", request_id, exc_info=cause)
            cause = DomainError(Code.INTERNAL_ERROR)
        formatted, known = entry(cause), cause
    _with_locations(formatted, error, locations)
    if error.path:
        formatted["path"] = error.path
    return formatted, known


def refusal(error: DomainError, status: int) -> JSONResponse:
    """The response for an error outside of GraphQL execution."""
    answer = JSONResponse({"errors": [entry(error)]}, status)
    if error.retry_after is not None:
        answer.headers["Retry-After"] = str(error.retry_after)
    return answer
