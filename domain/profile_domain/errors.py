"""The catalogue of errors: every code a client can meet, with its one English sentence."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Literal

MAX_VIOLATIONS = 100

# What failed in a token, for the log alone.
Why = Literal[
    "signature",
    "key",
    "issuer",
    "audience",
    "expired",
    "not_yet",
    "tenant",
    "subject",
    "scope",
    "header",
    "form",
]


class Code(StrEnum):
    """Stable, machine-readable names of what can go wrong."""

    INVALID_HTTP = "invalid_http"
    REQUEST_TIMEOUT = "request_timeout"
    HEADERS_TOO_LARGE = "headers_too_large"
    MALFORMED_JSON = "malformed_json"
    INVALID_QUERY = "invalid_query"
    INVALID_ARGUMENT = "invalid_argument"
    UNKNOWN_FIELD = "unknown_field"
    INVALID_TYPE = "invalid_type"
    TOO_LONG = "too_long"
    INVALID_CHARACTERS = "invalid_characters"
    SSO_MANAGED_FIELD = "sso_managed_field"
    AVATAR_MALFORMED = "avatar_malformed"
    AVATAR_TOO_LARGE = "avatar_too_large"
    AVATAR_UNSUPPORTED_TYPE = "avatar_unsupported_type"
    AVATAR_ANIMATED = "avatar_animated"
    AVATAR_DIMENSIONS = "avatar_dimensions"
    AVATAR_CORRUPT = "avatar_corrupt"
    INVALID_TENANT_ID = "invalid_tenant_id"
    UNAUTHENTICATED = "unauthenticated"
    TENANT_MISMATCH = "tenant_mismatch"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    CONFLICT = "conflict"
    PRECONDITION_FAILED = "precondition_failed"
    PAYLOAD_TOO_LARGE = "payload_too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    RATE_LIMITED = "rate_limited"
    INTERNAL_ERROR = "internal_error"
    UNAVAILABLE = "unavailable"


# A name in braces is a limit of the violation.
MESSAGES: Mapping[Code, str] = {
    Code.INVALID_HTTP: "The request is not valid HTTP.",
    Code.REQUEST_TIMEOUT: "The request took too long to arrive.",
    Code.HEADERS_TOO_LARGE: "The request's headers are too large or too many.",
    Code.MALFORMED_JSON: "The body must be one JSON object in UTF-8, without repeated keys.",
    Code.INVALID_QUERY: "The document is not a valid GraphQL operation for this schema.",
    Code.INVALID_ARGUMENT: "An argument is outside its range.",
    Code.UNKNOWN_FIELD: "This field does not exist or cannot be changed.",
    Code.INVALID_TYPE: "The value must be a string.",
    Code.TOO_LONG: "At most {max} characters are allowed.",
    Code.INVALID_CHARACTERS: "Control, direction and invalid characters are not allowed.",
    Code.SSO_MANAGED_FIELD: "Your identity provider manages this field.",
    Code.AVATAR_MALFORMED: "The picture must be a base64 data URI of an image, or null.",
    Code.AVATAR_TOO_LARGE: "The picture has at most 256 KiB.",
    Code.AVATAR_UNSUPPORTED_TYPE: "The picture must be the PNG, JPEG, WebP or GIF it declares.",
    Code.AVATAR_ANIMATED: "The picture must not be animated.",
    Code.AVATAR_DIMENSIONS: "Each side of the picture must measure 1 to 4,096 pixels.",
    Code.AVATAR_CORRUPT: "The picture is damaged or incomplete.",
    Code.INVALID_TENANT_ID: "The X-Tenant-ID header must be sent once and be a UUID.",
    Code.UNAUTHENTICATED: "A valid bearer token is required.",
    Code.TENANT_MISMATCH: "The token does not belong to the tenant in X-Tenant-ID.",
    Code.FORBIDDEN: "A policy does not permit this.",
    Code.NOT_FOUND: "There is nothing here.",
    Code.METHOD_NOT_ALLOWED: "This address does not support the method.",
    Code.CONFLICT: "Others changed the profile at the same time; try again.",
    Code.PRECONDITION_FAILED: "The profile has changed since the version in the precondition.",
    Code.PAYLOAD_TOO_LARGE: "The request body is too large.",
    Code.UNSUPPORTED_MEDIA_TYPE: "The body must be application/json without content encoding.",
    Code.RATE_LIMITED: "Too many updates; wait before the next one.",
    Code.INTERNAL_ERROR: "Something went wrong on our side.",
    Code.UNAVAILABLE: "The service cannot answer right now; try again shortly.",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Violation:
    """One field that breaks one rule; ``limits`` are numbers a form can show."""

    field: str
    code: Code
    limits: Mapping[str, int] = dataclasses.field(default_factory=dict)

    @property
    def message(self) -> str:
        return MESSAGES[self.code].format_map(self.limits)

    def as_dict(self) -> dict[str, Any]:
        return {"field": self.field, "code": self.code, "message": self.message, **self.limits}


class FieldRefused(ValueError):
    """A value that breaks a rule of its field, with the limits behind the rule."""

    def __init__(self, code: Code, **limits: int) -> None:
        super().__init__(code)
        self.code = code
        self.limits = limits


class DomainError(Exception):
    """A refusal with a code of the catalogue; faces turn it into their own form.

    ``retry_after`` is in whole seconds, for ``rate_limited`` and ``unavailable``; the details say
    it too, for clients that see no headers. Of ``violations`` 100 are listed; the details say how
    many are left out, with ``omitted`` more that the caller left out. ``why`` is told to the log,
    never to the client.
    """

    def __init__(
        self,
        code: Code,
        *,
        details: Mapping[str, Any] | None = None,
        notices: Sequence[str] = (),
        violations: Sequence[Violation] = (),
        omitted: int = 0,
        retry_after: int | None = None,
        why: Why | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.message = violations[0].message if violations else MESSAGES[code]
        self.violations = tuple(violations[:MAX_VIOLATIONS])
        self.details = dict(details) if details else {}
        if violations:
            self.details["violations"] = [each.as_dict() for each in self.violations]
            omitted += len(violations) - len(self.violations)
            if omitted:
                self.details["omitted"] = omitted
        if retry_after is not None:
            self.details["retry_after"] = retry_after
        self.notices = tuple(notices)
        self.retry_after = retry_after
        self.why = why

    def as_dict(self) -> dict[str, Any]:
        """``code`` and ``message``, with ``details`` and ``notices`` only if there are any."""
        body: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.details:
            body["details"] = self.details
        if self.notices:
            body["notices"] = list(self.notices)
        return body


def refused_fields(violations: Sequence[Violation], *, omitted: int = 0) -> DomainError:
    """The error for a request whose fields break rules; the first one names the whole.

    ``omitted`` is how many violations there are besides.
    """
    return DomainError(violations[0].code, violations=violations, omitted=omitted)


def unauthenticated(reason: Literal["missing", "invalid", "expired"], why: Why) -> DomainError:
    """``reason`` is all that the client is ever told."""
    return DomainError(Code.UNAUTHENTICATED, details={"reason": reason}, why=why)


def unavailable(retry_after: int = 1) -> DomainError:
    """The store or the signing keys are out of reach."""
    return DomainError(Code.UNAVAILABLE, retry_after=retry_after)
