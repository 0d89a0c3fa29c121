"""How this face tells errors: GraphQL's ``errors[]``, with the catalogue in ``extensions``."""

from __future__ import annotations

import logging
from typing import Any

from graphql import GraphQLError
from starlette.responses import JSONResponse

from profile_domain.errors import Code, DomainError
from profile_graphql.types import details_of

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


def invalid_query(explanation: str, error: GraphQLError | None = None) -> dict[str, Any]:
    """An entry for a document that cannot be run; the explanation is for its developer."""
    told = entry(DomainError(Code.INVALID_QUERY, details={"explanation": explanation[:500]}))
    if error is not None and error.locations:
        told["locations"] = [location.formatted for location in error.locations]
    return told


def field_error(error: GraphQLError, request_id: str) -> tuple[dict[str, Any], DomainError | None]:
    """The entry for a field that failed; what nobody foresaw is logged and masked."""
    cause = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    if cause is None:
        told, known = invalid_query(error.message, error), None
    else:
        if not isinstance(cause, DomainError):
            log.error("request %s failed", request_id, exc_info=cause)
            cause = DomainError(Code.INTERNAL_ERROR)
        told, known = entry(cause), cause
        if error.locations:
            told["locations"] = [location.formatted for location in error.locations]
    if error.path:
        told["path"] = error.path
    return told, known


def refusal(error: DomainError, status: int) -> JSONResponse:
    """An answer to a request that no operation was read from."""
    answer = JSONResponse({"errors": [entry(error)]}, status)
    if error.retry_after is not None:
        answer.headers["Retry-After"] = str(error.retry_after)
    return answer
