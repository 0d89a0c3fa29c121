"""How this face tells errors: GraphQL's ``errors[]``, with the catalogue in ``extensions``."""

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
    """A request that is answered before anything is executed, by ``status`` and ``errors``."""

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
    """A domain error as one entry of ``errors[]``."""
    extensions: dict[str, Any] = {"code": error.code}
    if error.details:
        extensions["details"] = details_of(error)
    if error.notices:
        extensions["notices"] = list(error.notices)
    return {"message": error.message, "extensions": extensions}


def invalid_query(explanation: str) -> dict[str, Any]:
    """An entry for a request that cannot be run; the explanation is for its developer."""
    return entry(
        DomainError(Code.INVALID_QUERY, details={"explanation": explanation[:MAX_EXPLANATION]})
    )


def invalid_queries(text: str, errors: Sequence[GraphQLError]) -> list[dict[str, Any]]:
    """An entry for each thing that is wrong with a document, in its order."""
    return [
        _with_locations(invalid_query(error.message), error, locations)
        for locations in [locations_in(text, errors)]
        for error in errors
    ]


def locations_in(text: str, errors: Iterable[GraphQLError]) -> dict[int, dict[str, int]]:
    """Line and column, from 1 on, of each position of ``text`` that the errors name.

    In one walk over the text, where graphql-core goes through it once for each error.
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
    """The entry for a field that failed; what nobody foresaw is logged and masked."""
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
    """An answer to a request that no operation was read from."""
    answer = JSONResponse({"errors": [entry(error)]}, status)
    if error.retry_after is not None:
        answer.headers["Retry-After"] = str(error.retry_after)
    return answer
