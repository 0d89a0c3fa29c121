"""The OpenAPI document: FastAPI's, completed with headers, errors and examples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import version
from types import MappingProxyType
from typing import Any
from uuid import UUID

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from profile_api.rest.errors import STATUS, error_response
from profile_api.rest.models import (
    ChangesBody,
    EditableFieldsBody,
    ErrorBody,
    ExportBody,
    ProfileBody,
)
from profile_domain.audit import DEFAULT_PAGE, MAX_PAGE
from profile_domain.errors import Code, DomainError, Violation, refused_fields, unauthenticated
from profile_domain.names import MAX_CODE_POINTS
from profile_domain.pictures.avatar import MAX_BYTES, MAX_SIDE
from profile_domain.profile import (
    AVATAR,
    DISPLAY_NAME,
    FIRST_NAME,
    LAST_NAME,
    TEXT_FIELDS,
    AuthProvider,
    Profile,
    ProfileChanged,
    TextField,
)
from profile_domain.public_avatars import SIDES

TO_CALL = (
    Code.INVALID_TENANT_ID,
    Code.UNAUTHENTICATED,
    Code.TENANT_MISMATCH,
    Code.FORBIDDEN,
    Code.NOT_FOUND,
    Code.INTERNAL_ERROR,
    Code.UNAVAILABLE,
)
TO_CALL_WITH_ARGUMENTS = (Code.INVALID_ARGUMENT, *TO_CALL)
TO_SEE_A_PICTURE = (
    Code.INVALID_ARGUMENT,
    Code.NOT_FOUND,
    Code.INTERNAL_ERROR,
    Code.UNAVAILABLE,
)
# Errors of requests without a route, and of those that only read.
_NOT_OF_AN_UPDATE = {
    Code.INVALID_HTTP,
    Code.REQUEST_TIMEOUT,
    Code.HEADERS_TOO_LARGE,
    Code.INVALID_QUERY,
    Code.INVALID_ARGUMENT,
    Code.METHOD_NOT_ALLOWED,
}
TO_UPDATE = tuple(code for code in Code if code not in _NOT_OF_AN_UPDATE)

_DESCRIPTIONS = {
    400: "The tenant header, the body or a field breaks a rule.",
    401: "No token, or one that is broken, expired or foreign.",
    403: "The header names another tenant than the token, or a policy refuses.",
    404: "The token's user is not in the tenant.",
    409: "Concurrent writes won three times in a row.",
    412: "`If-Match` no longer holds.",
    413: "The body is too large.",
    415: "The body is not JSON, or is content-encoded.",
    429: "Too many attempts to write.",
    500: "Something unforeseen; the log has it under the request's id.",
    503: "The store or the signing keys are out of reach, or too much is at work.",
}
_HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-ID": {
        "description": "The id of this request in the log; the one sent in, if it could be kept.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"},
    },
    "ETag": {
        "description": "The version of what is answered (RFC 9110 section 8.8.3); the profile's,"
        " for If-Match, where an update is refused.",
        "schema": {"type": "string"},
    },
    "Content-Location": {
        "description": "Where anybody sees this picture, in four sizes too.",
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "Preference-Applied": {
        "description": "RFC 7240 section 3.",
        "schema": {"const": "return=minimal"},
    },
    "Content-Disposition": {
        "description": "Browsers save it as a file (RFC 6266).",
        "schema": {"type": "string"},
    },
    "Cache-Control": {
        "description": "Caches may keep it for a year without asking again.",
        "schema": {"type": "string"},
    },
    "WWW-Authenticate": {"description": "RFC 6750 section 3.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}},
}
_FIELDS_IN_EXAMPLES: dict[Code, tuple[str, dict[str, int]]] = {
    Code.UNKNOWN_FIELD: ("nickname", {}),
    Code.INVALID_TYPE: (FIRST_NAME, {}),
    Code.TOO_LONG: (DISPLAY_NAME, {"max": MAX_CODE_POINTS}),
    Code.INVALID_CHARACTERS: (LAST_NAME, {}),
    Code.SSO_MANAGED_FIELD: (FIRST_NAME, {}),
    Code.AVATAR_MALFORMED: (AVATAR, {}),
    Code.AVATAR_TOO_LARGE: (AVATAR, {"max_bytes": MAX_BYTES}),
    Code.AVATAR_UNSUPPORTED_TYPE: (AVATAR, {}),
    Code.AVATAR_ANIMATED: (AVATAR, {}),
    Code.AVATAR_DIMENSIONS: (AVATAR, {"max_side": MAX_SIDE}),
    Code.AVATAR_CORRUPT: (AVATAR, {}),
}
_COMPONENT = "#/components/schemas/{model}"
_TENANT_HEADER = {
    "name": "X-Tenant-ID",
    "in": "header",
    "required": True,
    "description": "The tenant of the token.",
    "schema": {"type": "string", "format": "uuid"},
}

# Without nulls, which FastAPI takes out of examples.
_ADA = {
    "id": "2f6a0d3c-63d3-4c5a-9f2e-0d8a3f6b1c11",
    "email": "ada@acme.example",
    "name": "Countess",
    "auth_provider": "local",
    "first_name": "Ada",
    "last_name": "Lovelace",
    "display_name": "Countess",
    "avatar_base64": "data:image/png;base64,iVBORw0KGgo=",
}
_CHANGE = {
    "at": "2026-01-02T03:04:05.678901+00:00",
    "issuer": "https://login.example",
    "subject": "2f6a0d3c-63d3-4c5a-9f2e-0d8a3f6b1c11",
    "face": "rest",
    "request_id": "e1c1f0b0d1f04a6f8f6d0a4f4f0e7c55",
    "old_version": 1,
    "new_version": 2,
    "fields": [{"field": "display_name", "old": "Ada", "new": "Countess"}],
}
_EXAMPLES: Mapping[type[BaseModel], object] = {
    ProfileBody: _ADA,
    EditableFieldsBody: {"editable_fields": [DISPLAY_NAME, AVATAR]},
    ChangesBody: {"changes": [_CHANGE], "next": "2"},
    ExportBody: {
        "profile": _ADA,
        "created_at": "2026-01-01T00:00:00+00:00",
        "updated_at": _CHANGE["at"],
        "changes": [_CHANGE],
    },
}
MODELS: tuple[type[BaseModel], ...] = (*_EXAMPLES, ErrorBody)


def headers(*names: str) -> dict[str, Any]:
    """Response headers; ``X-Request-ID`` is on every response."""
    return {name: _HEADERS[name] for name in ("X-Request-ID", *names)}


def condition(name: str, effect: str) -> dict[str, Any]:
    """A conditional request header that takes a list of entity tags."""
    schema = {"type": "string"}
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": effect,
        "schema": schema,
    }


IF_MATCH = condition(
    "If-Match",
    "Entity tags, one of which the profile must still have; `*` always holds. A tag that a proxy"
    " made weak or gave a suffix such as `-gzip` is the same tag.",
)
IF_NONE_MATCH = condition("If-None-Match", "Entity tags; 304 if the answer has one of them.")
PREFER = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "`return=minimal` (RFC 7240): 204 instead of the profile, whose entity tag is"
    " all that is answered.",
    "schema": {"type": "string"},
}
PAGE: tuple[dict[str, Any], ...] = (
    {
        "name": "first",
        "in": "query",
        "required": False,
        "description": f"How many at most; {DEFAULT_PAGE} if left out.",
        "schema": {"type": "integer", "minimum": 1, "maximum": MAX_PAGE},
    },
    {
        "name": "after",
        "in": "query",
        "required": False,
        "description": "`next` of the page before.",
        "schema": {"type": "string", "pattern": "^[0-9]{1,19}$"},
    },
)
AVATAR_ADDRESS: dict[str, Any] = {
    "tags": ["Pictures"],
    "security": [],
    "parameters": [
        *(
            {
                "name": name,
                "in": "path",
                "required": True,
                "description": description,
                "schema": {"type": "string"},
            }
            for name, description in {
                "tenant": "The tenant's id.",
                "user": "The user's id.",
                "digest": "SHA-256 of the picture as it is stored, in base64url.",
            }.items()
        ),
        {
            "name": "size",
            "in": "query",
            "required": False,
            "description": "The longest side, in pixels, at most; a smaller picture is not scaled"
            " up. As it is stored if left out.",
            "schema": {"type": "integer", "enum": list(SIDES)},
        },
        IF_NONE_MATCH,
    ],
}


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """A reference, because FastAPI would load 8 MiB of pydantic.v1 for a model."""
    return {"$ref": _COMPONENT.format(model=model.__name__)}


def of_a_caller(*parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters and the security scheme of every operation on a profile."""
    return {
        "tags": ["Profile"],
        "security": [{"bearer": []}],
        "parameters": [_TENANT_HEADER, *parameters],
    }


def answer(model: type[BaseModel], description: str, *header_names: str) -> dict[str, Any]:
    return {
        "description": description,
        "headers": headers(*header_names),
        "content": {"application/json": {"schema": schema_of(model), "example": _EXAMPLES[model]}},
    }


def picture(*header_names: str) -> dict[str, Any]:
    types = ("image/png", "image/jpeg", "image/webp")
    return {
        "description": "The picture.",
        "headers": headers(*header_names),
        "content": {each: {} for each in types},
    }


def unchanged(what: str, *header_names: str) -> dict[str, Any]:
    return {
        "description": f"The {what} is still the one in `If-None-Match`.",
        "headers": headers(*header_names),
    }


def errors(
    codes: Iterable[Code],
    descriptions: Mapping[int, str] = MappingProxyType({}),
    *,
    argument: str = "size",
) -> dict[int | str, dict[str, Any]]:
    """A response for each status, with an example for each code.

    ``descriptions`` are those of statuses that mean something else here; ``argument`` is the one
    in the example of ``invalid_argument``.
    """
    described = {**_DESCRIPTIONS, **descriptions}
    responses: dict[int | str, dict[str, Any]] = {}
    for code in codes:
        example = _example(code, argument)
        answer = error_response(example)
        response = responses.setdefault(
            STATUS[code],
            {
                "description": described[STATUS[code]],
                "headers": headers(*(name for name in _HEADERS if name in answer.headers)),
                "content": {"application/json": {"schema": schema_of(ErrorBody), "examples": {}}},
            },
        )
        examples = response["content"]["application/json"]["examples"]
        examples[code.value] = {"summary": example.message, "value": example.as_dict()}
    return responses


def _example(code: Code, argument: str) -> DomainError:
    if code in _FIELDS_IN_EXAMPLES:
        field, limits = _FIELDS_IN_EXAMPLES[code]
        return refused_fields([Violation(field, code, limits)])
    if code is Code.UNAUTHENTICATED:
        return unauthenticated("expired", "expired")
    if code is Code.FORBIDDEN:
        return DomainError(code, notices=["Profiles are frozen during the audit."])
    if code is Code.INVALID_ARGUMENT:
        return DomainError(code, details={"argument": argument})
    if code in {Code.CONFLICT, Code.PRECONDITION_FAILED}:
        nobody = Profile(UUID(int=0), UUID(int=0), "ada@acme.example", AuthProvider.LOCAL)
        return ProfileChanged(code, nobody)
    waits = code in {Code.RATE_LIMITED, Code.UNAVAILABLE}
    return DomainError(code, retry_after=1 if waits else None)


def _status(status: str, **optional: Any) -> dict[str, Any]:  # noqa: ANN401  # schemas
    schema = {
        "type": "object",
        "properties": {"status": {"const": status}, **optional},
        "required": ["status"],
        "additionalProperties": False,
    }
    return {
        "description": "Yes.",
        "headers": headers(),
        "content": {"application/json": {"schema": schema}},
    }


def _text(field: TextField) -> dict[str, Any]:
    managed = "; managed by the identity provider where there is one" if field.sso_managed else ""
    return {
        "type": "string",
        **field.schema,
        "description": f'{field.label}{managed}. `""` or only white space clears it.',
    }


PROFILE_UPDATE: dict[str, Any] = {
    "title": "ProfileUpdate",
    "type": "object",
    "description": "What to change. A key that is left out stays as it is.",
    "additionalProperties": False,
    "properties": {
        **{field.name: _text(field) for field in TEXT_FIELDS},
        AVATAR: {
            "type": ["string", "null"],
            "format": "image-data-uri",
            "description": "A PNG, JPEG, WebP or GIF of one frame as a base64 data URI; at most"
            " 256 KiB decoded, each side 1 to 4,096 pixels. `null` removes the picture.",
        },
    },
    "examples": [{"display_name": "Ada"}, {"first_name": "Ada", "avatar_base64": None}],
}
UPDATE_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {"schema": {"$ref": "#/components/schemas/ProfileUpdate"}},
    },
}


_OPEN_TO_ALL: dict[str, Any] = {"tags": ["Operations"], "openapi_extra": {"security": []}}
HEALTHZ: dict[str, Any] = {
    **_OPEN_TO_ALL,
    "summary": "Is the process alive?",
    "operation_id": "healthz",
    "responses": {200: _status("ok"), **errors([Code.INTERNAL_ERROR])},
}
_OUTDATED: dict[str, Any] = {
    "type": "array",
    "items": {"enum": ["policies", "signing_keys"]},
    "description": "What goes on as it was, since its files have changed and cannot be used.",
}
_WORKERS_MISSING: dict[str, Any] = {
    "type": "integer",
    "minimum": 1,
    "description": "How many workers of this process's command do not serve, and are replaced.",
}
READYZ: dict[str, Any] = {
    **_OPEN_TO_ALL,
    "summary": "Can it serve requests now?",
    "operation_id": "readyz",
    "responses": {
        200: _status("ready", outdated=_OUTDATED, workers_missing=_WORKERS_MISSING),
        **errors([Code.INTERNAL_ERROR, Code.UNAVAILABLE]),
    },
}
METRICS: dict[str, Any] = {
    **_OPEN_TO_ALL,
    "summary": "Metrics for Prometheus",
    "operation_id": "metrics",
    "responses": {
        200: {
            "description": "Prometheus text format.",
            "headers": headers(),
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
        **errors([Code.INTERNAL_ERROR]),
    },
}


def document(app: FastAPI) -> dict[str, Any]:
    """The document of these routes, which holds wherever the service is installed."""
    described = get_openapi(
        title="Profile service",
        version=version("profile-service"),
        summary="See and change your own profile.",
        description="The same rules answer by GraphQL at `/graphql`. Every error has the same"
        " shape, and a `code` that does not change.",
        routes=app.routes,
        license_info={"name": "MIT", "identifier": "MIT"},
        servers=[{"url": "."}],  # relative to the document: it may stand behind a prefix
        tags=[
            {"name": "Profile", "description": "Your own profile, and nobody else's."},
            {"name": "Pictures", "description": "By address, for whoever knows it."},
            {"name": "Operations", "description": "For those who run the service."},
        ],
    )
    _, models = models_json_schema(
        [(model, "serialization") for model in MODELS], ref_template=_COMPONENT
    )
    described["components"] = {
        "schemas": models["$defs"] | {"ProfileUpdate": PROFILE_UPDATE},
        "securitySchemes": {
            "bearer": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "A token of one of the configured issuers.",
            }
        },
    }
    return described
