"""Errors in REST's format: a status for each code, one body for all."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi.routing import APIRoute
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from profile_domain.errors import Code, DomainError
from profile_domain.profile import ProfileChanged

STATUS: Mapping[Code, int] = {
    Code.INVALID_HTTP: 400,
    Code.REQUEST_TIMEOUT: 408,
    Code.HEADERS_TOO_LARGE: 431,
    Code.MALFORMED_JSON: 400,
    Code.INVALID_QUERY: 400,
    Code.INVALID_ARGUMENT: 400,
    Code.UNKNOWN_FIELD: 400,
    Code.INVALID_TYPE: 400,
    Code.TOO_LONG: 400,
    Code.INVALID_CHARACTERS: 400,
    Code.SSO_MANAGED_FIELD: 400,
    Code.AVATAR_MALFORMED: 400,
    Code.AVATAR_TOO_LARGE: 400,
    Code.AVATAR_UNSUPPORTED_TYPE: 400,
    Code.AVATAR_ANIMATED: 400,
    Code.AVATAR_DIMENSIONS: 400,
    Code.AVATAR_CORRUPT: 400,
    Code.INVALID_TENANT_ID: 400,
    Code.UNAUTHENTICATED: 401,
    Code.TENANT_MISMATCH: 403,
    Code.FORBIDDEN: 403,
    Code.NOT_FOUND: 404,
    Code.METHOD_NOT_ALLOWED: 405,
    Code.CONFLICT: 409,
    Code.PRECONDITION_FAILED: 412,
    Code.PAYLOAD_TOO_LARGE: 413,
    Code.UNSUPPORTED_MEDIA_TYPE: 415,
    Code.RATE_LIMITED: 429,
    Code.INTERNAL_ERROR: 500,
    Code.UNAVAILABLE: 503,
}

_CHALLENGES = {
    "missing": 'Bearer realm="profile"',
    "invalid": 'Bearer realm="profile", error="invalid_token"',
    "expired": 'Bearer realm="profile", error="invalid_token", '
    'error_description="The token has expired"',
}


def error_response(error: DomainError) -> Response:
    """The error body, with ``WWW-Authenticate`` or ``Retry-After`` where required, and the ``ETag``
    of a profile that is another by now.
    """
    answer = Response(to_json(error.as_dict()), STATUS[error.code], media_type="application/json")
    if error.code is Code.UNAUTHENTICATED:
        # RFC 6750 section 3: no error code where no token was sent.
        answer.headers["WWW-Authenticate"] = _CHALLENGES[error.details["reason"]]
    if error.retry_after is not None:
        answer.headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, ProfileChanged):
        answer.headers["ETag"] = error.current.etag
    return answer


async def answer_domain_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, DomainError)  # noqa: S101  # for the type checker: registered so
    request.scope["state"].update(error.log_fields, code=error.code)
    return error_response(error)


async def answer_http_error(request: Request, error: Exception) -> Response:
    """Starlette's own errors: unknown route, or unknown method of a route."""
    assert isinstance(error, HTTPException)  # noqa: S101  # for the type checker: registered so
    if error.status_code != 405:
        return await answer_domain_error(request, DomainError(Code.NOT_FOUND))
    answer = await answer_domain_error(request, DomainError(Code.METHOD_NOT_ALLOWED))
    methods = {
        method
        for route in request.app.routes
        if isinstance(route, APIRoute) and route.path_regex.match(request.url.path)
        for method in route.methods or ()
    }
    if "GET" in methods:
        methods.add("HEAD")
    answer.headers["Allow"] = ", ".join(sorted(methods))
    return answer
