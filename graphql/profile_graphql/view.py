"""The endpoint ``/graphql``: GraphQL over HTTP, in both media types."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable
from itertools import islice
from typing import Any

from graphql import ExecutionResult, GraphQLSchema, OperationType, execute
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from profile_domain.caller import Credentials
from profile_domain.errors import Code, DomainError
from profile_domain.requests.bodies import parse_json_object, read_json_object
from profile_domain.requests.headers import Fields, joined, preferred_type, read_fields
from profile_domain.service import ProfileService
from profile_graphql.errors import (
    RequestRefused,
    entry,
    field_error,
    invalid_queries,
    invalid_query,
    locations_in,
)
from profile_graphql.execution.documents import Documents
from profile_graphql.execution.limits import MAX_ERRORS, MAX_INPUT_FIELDS
from profile_graphql.request import AvatarURL, RequestContext

GRAPHQL_RESPONSE = "application/graphql-response+json"
JSON = "application/json"
HTML = "text/html"
OFFERED = (JSON, GRAPHQL_RESPONSE, HTML)

_ENCODER = json.JSONEncoder(separators=(",", ":"))
_STATUS = {
    Code.MALFORMED_JSON: 400,
    Code.PAYLOAD_TOO_LARGE: 413,
    Code.UNSUPPORTED_MEDIA_TYPE: 415,
}

# Apollo Server's error; Apollo's link then sends the document.
PERSISTED_QUERY_NOT_SUPPORTED = {
    "message": "PersistedQueryNotSupported",
    "extensions": {"code": "PERSISTED_QUERY_NOT_SUPPORTED"},
}


class GraphQLView:
    """Handles POST and GET.

    ``avatar_url`` gives the address of a picture in a size; ``max_body_bytes`` limits the body of
    a POST; ``page`` renders GraphiQL for browsers.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        service: ProfileService,
        avatar_url: AvatarURL,
        *,
        introspection: bool,
        max_body_bytes: int,
        page: Callable[[], Response] | None = None,
    ) -> None:
        self._schema = schema
        self._service = service
        self._avatar_url = avatar_url
        self._hide_suggestions = not introspection
        self._documents = Documents(schema, introspection=introspection)
        self._max_body_bytes = max_body_bytes
        self._page = page

    async def post(self, request: Request) -> Response:
        fields = read_fields(request.scope["headers"])
        try:
            parameters = await read_json_object(
                fields, request.stream(), max_bytes=self._max_body_bytes
            )
            return await self._answer(request, fields, parameters)
        except RequestRefused as refused:
            return _refusal(request, fields, refused)
        except DomainError as error:
            payload = {"errors": [entry(error)]}
            return _respond(request, fields, payload, status=_STATUS[error.code])

    async def get(self, request: Request) -> Response:
        fields = read_fields(request.scope["headers"])
        if self._page is not None and _accepted(fields) == HTML:
            return self._page()
        try:
            return await self._answer(request, fields, _in_query(request.query_params))
        except RequestRefused as refused:
            return _refusal(request, fields, refused)
        except (DomainError, UnicodeEncodeError):
            error = invalid_query("variables and extensions must be JSON objects.")
            return _respond(request, fields, {"errors": [error]}, status=400)

    async def _answer(
        self, request: Request, fields: Fields, parameters: dict[str, Any]
    ) -> Response:
        text, variables, operation_name = _checked(parameters)
        document = self._documents.read(text)
        operation_type = document.operation_type(operation_name)
        document.refuse_null_conditions(variables)
        if request.method == "GET" and operation_type is not OperationType.QUERY:
            error = entry(DomainError(Code.METHOD_NOT_ALLOWED))
            raise RequestRefused([error], status=405, headers={"Allow": "POST"})
        state = request.scope["state"]
        context = RequestContext(
            service=self._service,
            avatar_url=self._avatar_url,
            credentials=Credentials.sent_in(fields),
            request_id=state["request_id"],
            wants_image=document.wants_image,
            wants_editable=document.wants_editable,
            log_fields=state,
        )
        if document.plan is not None:
            planned = await document.plan.run(context, variables)
            return _result(request, fields, text, planned)
        executed: Awaitable[ExecutionResult] | ExecutionResult = execute(
            self._schema,
            document.ast,
            context_value=context,
            variable_values=variables,
            operation_name=operation_name,
            max_coercion_errors=MAX_ERRORS,
            hide_suggestions=self._hide_suggestions,
        )
        result = await executed if isawaitable(executed) else executed
        return _result(request, fields, text, result)


def _accepted(fields: Fields) -> str:
    return preferred_type(joined(fields, "accept") or "", OFFERED)


def _in_query(sent: QueryParams) -> dict[str, Any]:
    """The parameters of a GET, those in JSON parsed. Raises RequestRefused for one sent twice."""
    parameters: dict[str, Any] = dict(sent)
    if len(parameters) < len(sent.multi_items()):
        raise RequestRefused([invalid_query("A parameter stands twice.")], status=400)
    for name in {"variables", "extensions"} & parameters.keys():
        parameters[name] = parse_json_object(parameters[name].encode())
    return parameters


def _checked(parameters: dict[str, Any]) -> tuple[str, dict[str, Any], str | None]:
    """The validated parameters of a request (GraphQL over HTTP, section 5.1)."""
    text = parameters.get("query")
    variables = parameters.get("variables")
    extensions = parameters.get("extensions")
    operation_name = parameters.get("operationName")
    if (
        text is None
        and isinstance(extensions, dict)
        and extensions.get("persistedQuery") is not None
    ):
        raise RequestRefused([PERSISTED_QUERY_NOT_SUPPORTED], status=200)
    if not isinstance(text, str):
        problem = "query must be a string."
    elif variables is not None and not isinstance(variables, dict):
        problem = "variables must be an object."
    elif extensions is not None and not isinstance(extensions, dict):
        problem = "extensions must be an object."
    elif operation_name is not None and not isinstance(operation_name, str):
        problem = "operationName must be a string."
    else:
        return text, cut_variables(variables or {}), operation_name or None
    raise RequestRefused([invalid_query(problem)], status=400)


def cut_variables(variables: Mapping[str, object]) -> dict[str, Any]:
    """The variables, of each object in them the first ``MAX_INPUT_FIELDS`` fields.

    An object with more is invalid, cut or not; graphql-core copies all of it for each error.
    """
    return {name: _cut(value) for name, value in variables.items()}


def _cut(value: object) -> object:
    if isinstance(value, dict):
        fields = islice(value.items(), MAX_INPUT_FIELDS)
        return {name: _cut(field) for name, field in fields}
    if isinstance(value, list):
        return [_cut(item) for item in value]
    return value


def _result(request: Request, fields: Fields, text: str, result: ExecutionResult) -> Response:
    errors = result.errors
    if not errors:
        return _respond(request, fields, {"data": result.data})
    if result.data is None and not any(error.path for error in errors):
        raise RequestRefused(invalid_queries(text, errors[:MAX_ERRORS]))
    places = locations_in(text, errors)
    formatted, known = zip(
        *(field_error(error, places, request.state.request_id) for error in errors), strict=True
    )
    for error in filter(None, known[:1]):
        request.scope["state"].update(error.log_fields)
    waits = [error.retry_after for error in known if error and error.retry_after]
    headers = {"Retry-After": str(max(waits))} if waits else {}
    payload = {"errors": formatted, "data": result.data}
    return _respond(request, fields, payload, headers=headers)


def _refusal(request: Request, fields: Fields, refused: RequestRefused) -> Response:
    payload = {"errors": refused.errors}
    return _respond(request, fields, payload, status=refused.status, headers=refused.headers)


def _respond(
    request: Request,
    fields: Fields,
    payload: dict[str, Any],
    *,
    status: int | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """Status 200 by default; 400 for a request error in ``application/graphql-response+json``."""
    if "errors" in payload:
        request.state.code = payload["errors"][0]["extensions"]["code"]
    media_type = _accepted(fields)
    if status is None:
        status = 400 if "data" not in payload and media_type == GRAPHQL_RESPONSE else 200
    if media_type != GRAPHQL_RESPONSE:
        media_type = JSON
    # ASCII, because the payload may echo lone surrogates.
    body = _ENCODER.encode(payload).encode("ascii")
    headers = {"Vary": "Accept", **(headers or {})}
    return Response(body, status, headers, media_type=f"{media_type}; charset=utf-8")
