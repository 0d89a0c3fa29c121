"""The OpenAPI document: FastAPI's, completed with headers, errors and examples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, TypeAdapter

from profile_api.rest import examples
from profile_api.rest.errors import STATUS, error_response
from profile_api.rest.models import (
    OF_REST,
    ChangesBody,
    EditableFieldsBody,
    ErrorBody,
    ExportBody,
    ProfileBody,
)
from profile_domain.audit import DEFAULT_PAGE, MAX_PAGE
from profile_domain.errors import Code
from profile_domain.profile import AVATAR, TEXT_FIELDS, TextField
from profile_domain.public_avatars import SIDES

# Of every route: what is below it, and what nobody foresees.
EVERYWHERE: Final = (
    Code.INVALID_HTTP,
    Code.METHOD_NOT_ALLOWED,
    Code.REQUEST_TIMEOUT,
    Code.HEADERS_TOO_LARGE,
    Code.INTERNAL_ERROR,
    Code.UNAVAILABLE,
)
TO_CALL = (
    Code.INVALID_TENANT_ID,
    Code.UNAUTHENTICATED,
    Code.TENANT_MISMATCH,
    Code.FORBIDDEN,
    Code.NOT_FOUND,
)
TO_CALL_WITH_ARGUMENTS = (Code.INVALID_ARGUMENT, *TO_CALL)
TO_SEE_A_PICTURE = (Code.INVALID_ARGUMENT, Code.NOT_FOUND)
TO_UPDATE = tuple(code for code in OF_REST if code not in {*EVERYWHERE, Code.INVALID_ARGUMENT})

_DESCRIPTIONS = {
    400: "The tenant header, the body or a field breaks a rule.",
    401: "No token, or one that is broken, expired or foreign.",
    403: "The header names another tenant than the token, or a policy refuses.",
    404: "The token's user is not in the tenant.",
    405: "The route does not have this method.",
    408: "The headers or the body took too long to arrive.",
    409: "Concurrent writes won three times in a row.",
    412: "`If-Match` no longer holds.",
    413: "The body is too large.",
    415: "The body is not JSON, or is content-encoded.",
    429: "Too many attempts to write.",
    431: "The headers are too large or too many.",
    500: "Something unforeseen; the log has it under the request's id.",
    503: "The store or the signing keys are out of reach, or too much is at work.",
}
_HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-ID": {
        "description": "The id of this request in the log; the one sent in, if it could be kept.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"},
    },
    "Allow": {
        "description": "The methods that the route has (RFC 9110 section 10.2.1).",
        "schema": {"type": "string"},
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
_COMPONENT = "#/components/schemas/{model}"
_TENANT_HEADER = {
    "name": "X-Tenant-ID",
    "in": "header",
    "required": True,
    "description": "The tenant of the token.",
    "schema": {"type": "string", "format": "uuid"},
    "example": str(examples.TENANT),
}
_REQUEST_ID_HEADER = {
    "name": "X-Request-ID",
    "in": "header",
    "required": False,
    "description": "An id of your own for this request: in the answer, the log and the changes, so"
    " that a lost answer can be found again. 1 to 128 of `A-Z a-z 0-9 . _ -`; any other text is"
    " replaced by a random id.",
    "schema": {"type": "string"},
    "example": "rename-1",
}

_EXAMPLES: Final = {
    ProfileBody: examples.ADA.document,
    EditableFieldsBody: examples.EDITABLE_FIELDS,
    ChangesBody: examples.CHANGES,
    ExportBody: examples.EXPORT,
}


def headers(*names: str) -> dict[str, Any]:
    """Response headers; ``X-Request-ID`` is on every response."""
    return {name: _HEADERS[name] for name in ("X-Request-ID", *names)}


def condition(name: str, effect: str, example: str) -> dict[str, Any]:
    """A conditional request header that takes a list of entity tags."""
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": effect,
        "schema": {"type": "string"},
        "example": example,
    }


IF_MATCH = condition(
    "If-Match",
    "Entity tags, one of which the profile must still have; `*` always holds. A tag that a proxy"
    " made weak or gave a suffix such as `-gzip` is the same tag.",
    "*",
)
IF_NONE_MATCH = condition(
    "If-None-Match", "Entity tags; 304 if the answer has one of them.", examples.ADA.etag
)
PREFER = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "`return=minimal` (RFC 7240): 204 instead of the profile, whose entity tag is"
    " all that is answered. Any other preference is passed over.",
    "schema": {"type": "string"},
    "example": "return=representation",
}
PAGE: tuple[dict[str, Any], ...] = (
    {
        "name": "first",
        "in": "query",
        "required": False,
        "description": f"How many at most; {DEFAULT_PAGE} if left out.",
        "schema": {"type": "integer", "minimum": 1, "maximum": MAX_PAGE},
        "example": DEFAULT_PAGE,
    },
    {
        "name": "after",
        "in": "query",
        "required": False,
        "description": "`next` of the page before.",
        "schema": {"type": "string", "pattern": "^[0-9]{1,19}$"},
        "example": "42",
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
                "example": str(example),
            }
            for name, description, example in (
                ("tenant", "The tenant's id.", examples.TENANT),
                ("user", "The user's id.", examples.ADA.id),
                (
                    "digest",
                    "SHA-256 of the picture as it is stored, in base64url.",
                    examples.DIGEST,
                ),
            )
        ),
        {
            "name": "size",
            "in": "query",
            "required": False,
            "description": "The longest side, in pixels, at most; a smaller picture is not scaled"
            " up. As it is stored if left out.",
            "schema": {"type": "integer", "enum": list(SIDES)},
            "example": 64,
        },
        IF_NONE_MATCH,
    ],
}


def schema_of(model: type) -> dict[str, Any]:
    """A reference, because FastAPI would load 8 MiB of pydantic.v1 for a model."""
    return {"$ref": _COMPONENT.format(model=model.__name__)}


def of_a_caller(*parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters and the security scheme of every operation on a profile."""
    return {
        "tags": ["Profile"],
        "security": [{"bearer": []}],
        "parameters": [_TENANT_HEADER, *parameters, _REQUEST_ID_HEADER],
    }


def answer(model: type[BaseModel], description: str, *header_names: str) -> dict[str, Any]:
    # Its example is a reference, because FastAPI leaves out what is null in an example.
    example = {"$ref": f"#/components/examples/{model.__name__}"}
    content = {"schema": schema_of(model), "examples": {"example": example}}
    return {
        "description": description,
        "headers": headers(*header_names),
        "content": {"application/json": content},
    }


def picture(*header_names: str) -> dict[str, Any]:
    return {
        "description": "The picture.",
        "headers": headers(*header_names),
        "content": {media_type: {"example": it} for media_type, it in examples.PICTURES.items()},
    }


def unchanged(what: str, *header_names: str) -> dict[str, Any]:
    return {
        "description": f"The {what} is still the one in `If-None-Match`.",
        "headers": headers(*header_names),
    }


def errors(
    codes: Iterable[Code] = (),
    descriptions: Mapping[int, str] = MappingProxyType({}),
    *,
    argument: str = "size",
) -> dict[int | str, dict[str, Any]]:
    """A response for each status, with an example for each code; those of every route included.

    ``descriptions`` are those of statuses that mean something else here; ``argument`` is the one
    in the example of ``invalid_argument``.
    """
    described = {**_DESCRIPTIONS, **descriptions}
    responses: dict[int | str, dict[str, Any]] = {}
    for code in sorted({*codes, *EVERYWHERE}, key=lambda code: (STATUS[code], OF_REST.index(code))):
        example = examples.error(code, argument)
        sent = error_response(example).headers
        allow = ["Allow"] if code is Code.METHOD_NOT_ALLOWED else []
        response = responses.setdefault(
            STATUS[code],
            {
                "description": described[STATUS[code]],
                "headers": headers(*(name for name in _HEADERS if name in sent), *allow),
                "content": {"application/json": {"schema": schema_of(ErrorBody), "examples": {}}},
            },
        )
        shown = response["content"]["application/json"]["examples"]
        shown[code.value] = {"summary": example.message, "value": example.as_dict()}
    return responses


def _status(status: str, **optional: Any) -> dict[str, Any]:  # noqa: ANN401  # schemas
    schema = {
        "type": "object",
        "properties": {"status": {"const": status}, **optional},
        "required": ["status"],
    }
    return {
        "description": "Yes.",
        "headers": headers(),
        "content": {"application/json": {"schema": schema, "example": {"status": status}}},
    }


def _text(field: TextField) -> dict[str, Any]:
    managed = "; managed by the identity provider where there is one" if field.sso_managed else ""
    return {
        "type": "string",
        **field.schema,
        "description": f'{field.label}{managed}. `""` or only white space clears it; `null` is'
        " refused (`invalid_type`).",
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
    "examples": [examples.UPDATE, {"first_name": "Ada", "avatar_base64": None}],
}
UPDATE_BODY: dict[str, Any] = {
    "description": "What to change.",
    "required": True,
    "content": {
        "application/json": {
            "schema": {"$ref": "#/components/schemas/ProfileUpdate"},
            "example": examples.UPDATE,
        },
    },
}


def _of_operations(operation_id: str, summary: str, description: str) -> dict[str, Any]:
    return {
        "tags": ["Operations"],
        "openapi_extra": {"security": []},
        "operation_id": operation_id,
        "summary": summary,
        "description": description,
    }


_BELOW: Final = {400: "What arrived is not HTTP."}
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
HEALTHZ: dict[str, Any] = {
    **_of_operations(
        "healthz", "Is the process alive?", "The process lives; nothing else is asked."
    ),
    "responses": {200: _status("ok"), **errors(descriptions=_BELOW)},
}
READYZ: dict[str, Any] = {
    **_of_operations(
        "readyz",
        "Can it serve requests now?",
        "Whether requests can be served now; `unavailable` names what is not ready.",
    ),
    "responses": {
        200: _status("ready", outdated=_OUTDATED, workers_missing=_WORKERS_MISSING),
        **errors(
            descriptions={
                **_BELOW,
                503: "The store, its migrations or the signing keys are not ready (`not_ready`), or"
                " the service is about to end.",
            }
        ),
    },
}
METRICS: dict[str, Any] = {
    **_of_operations("metrics", "Metrics for Prometheus", "Prometheus text format."),
    "responses": {
        200: {
            "description": "Prometheus text format.",
            "headers": headers(),
            "content": {"text/plain": {"schema": {"type": "string"}, "example": examples.METRICS}},
        },
        **errors(descriptions=_BELOW),
    },
}
DESCRIPTION: Final = Path(__file__).with_name("description.md").read_text("utf-8")


def document(app: FastAPI, *, codes: str, public_url: str | None) -> dict[str, Any]:
    """The document of these routes.

    ``codes`` is what the description says of each code, in Markdown. Without ``public_url`` the
    server is relative to the document, so that it holds wherever the service is installed.
    """
    described = get_openapi(
        title="Profile service",
        version=version("profile-service"),
        summary="See and change your own profile.",
        description=f"{DESCRIPTION}\n{codes}",
        routes=app.routes,
        contact={"name": "Those who run the service"},
        license_info={"name": "MIT", "identifier": "MIT"},
        servers=[
            {"url": public_url, "description": "Where people reach the service."}
            if public_url
            else {"url": ".", "description": "Relative to this document."}
        ],
        tags=[
            {"name": "Profile", "description": "Your own profile, and nobody else's."},
            {"name": "Pictures", "description": "By address, for whoever knows it."},
            {"name": "Operations", "description": "For those who run the service."},
        ],
    )
    _, models = TypeAdapter.json_schemas(
        [(model, "serialization", TypeAdapter(model)) for model in (*_EXAMPLES, ErrorBody)],
        ref_template=_COMPONENT,
    )
    models["$defs"]["ErrorCode"]["x-enum-descriptions"] = [code.meaning for code in OF_REST]
    described["components"] = {
        "schemas": models["$defs"] | {"ProfileUpdate": PROFILE_UPDATE},
        "examples": {model.__name__: {"value": value} for model, value in _EXAMPLES.items()},
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
