"""The reference: each code of the catalogue with an answer of each face, and OpenAPI's document."""

from __future__ import annotations

import json
from typing import Any

from fastapi import FastAPI

from profile_api.rest import examples, openapi
from profile_api.rest.errors import STATUS
from profile_domain.errors import Code
from profile_graphql.codes import IN_ERRORS, REQUEST_ERRORS, place_of
from profile_graphql.errors import entry
from profile_graphql.types import ProfileError


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of an application, as it is served and printed."""
    codes = (
        "### Codes\n\n<details><summary>Each code: what it means, an answer of each face, and what"
        f" to do</summary>\n\n{sections('####')}\n</details>\n"
    )
    return openapi.document(app, codes=codes, public_url=app.state.settings.public_url)


def table() -> str:
    """The codes by status, as a table in Markdown."""
    rows = [f"| `{code}` | {STATUS[code]} | {code.meaning} |" for code in _by_status()]
    return "\n".join(["| code | HTTP | when |", "|---|---|---|", *rows]) + "\n"


def sections(heading: str) -> str:
    """A section for each code, in Markdown."""
    return "\n".join(_section(heading, code) for code in _by_status())


def _by_status() -> list[Code]:
    return sorted(Code, key=lambda code: STATUS[code])


def _section(heading: str, code: Code) -> str:
    lines = [f"{heading} `{code}`", "", code.meaning, "", f"**What to do.** {code.remedy}", ""]
    if code is not Code.INVALID_QUERY:
        lines += [f"REST, {STATUS[code]}:", "", _json(examples.error(code).as_dict()), ""]
    by_graphql = _graphql_answer(code)
    if by_graphql is None:
        lines += [f"GraphQL: {place_of(code)[0].lower()}{place_of(code)[1:]}", ""]
    else:
        lines += ["GraphQL:", "", _json(by_graphql), ""]
    return "\n".join(lines)


def _graphql_answer(code: Code) -> dict[str, Any] | None:
    """An answer to ``updateMyProfile``; None if GraphQL does not give this code.

    Of ``invalid_argument``, to ``me { avatarUrl(size: 5) }``.
    """
    error = examples.error(code)
    if code in {Code.UNKNOWN_FIELD, Code.INVALID_HTTP}:
        return None
    if code is Code.INVALID_ARGUMENT:
        located = entry(error) | {"path": ["me", "avatarUrl"]}
        return {"errors": [located], "data": {"me": {"avatarUrl": None}}}
    if code in REQUEST_ERRORS:
        return {"errors": [entry(error) | {"path": ["updateMyProfile"]}], "data": None}
    if code in IN_ERRORS:
        return {"errors": [entry(error)]}
    refused = ProfileError.of(error)
    result: dict[str, Any] = {
        "__typename": "ProfileError",
        "code": refused.code,
        "message": refused.message,
    }
    if refused.violations:
        result["violations"] = [
            {
                "field": violation.field.name,
                "code": violation.code,
                "message": violation.message,
                **{
                    name: limit
                    for name, limit in (
                        ("max", violation.max),
                        ("maxBytes", violation.max_bytes),
                        ("maxSide", violation.max_side),
                    )
                    if limit is not None
                },
            }
            for violation in refused.violations
        ]
    if refused.notices:
        result["notices"] = refused.notices
    if refused.current:
        result["current"] = {"etag": refused.current.etag}
    return {"data": {"updateMyProfile": result}}


def _json(value: object) -> str:
    return f"```json\n{json.dumps(value, indent=2, ensure_ascii=False)}\n```"
