"""The error catalogue: every code that a client can get, with its message."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Literal

MAX_VIOLATIONS = 100

# Why authentication failed: in the log only, never in a response.
LogReason = Literal[
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
    """Stable, machine-readable error codes."""

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


# A placeholder in braces is a limit of the violation.
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
    """One field that breaks one rule; ``limits`` are the numbers of the rule, such as ``max``."""

    field: str
    code: Code
    limits: Mapping[str, int] = dataclasses.field(default_factory=dict)

    @property
    def message(self) -> str:
        return MESSAGES[self.code].format_map(self.limits)

    def as_dict(self) -> dict[str, Any]:
        return {"field": self.field, "code": self.code, "message": self.message, **self.limits}


class FieldRefused(ValueError):
    """A value that breaks a rule of its field, with the limits of the rule."""

    def __init__(self, code: Code, **limits: int) -> None:
        super().__init__(code)
        self.code = code
        self.limits = limits


class DomainError(Exception):
    """An error with a code of the catalogue; each face renders it in its own format.

    ``retry_after`` is in whole seconds, for ``rate_limited`` and ``unavailable``; it is in
    ``details`` too, for clients that cannot read headers. ``details`` lists at most 100
    ``violations``, and the number of the others, including ``omitted``. ``log_reason`` is for the
    log only.
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
        log_reason: LogReason | None = None,
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
        self.log_reason = log_reason

    def as_dict(self) -> dict[str, Any]:
        """``code`` and ``message``, and ``details`` and ``notices`` if not empty."""
        body: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.details:
            body["details"] = self.details
        if self.notices:
            body["notices"] = list(self.notices)
        return body


def refused_fields(violations: Sequence[Violation], *, omitted: int = 0) -> DomainError:
    """The error for invalid fields, with the code and message of the first violation.

    ``omitted`` is the number of violations that are not listed.
    """
    return DomainError(violations[0].code, violations=violations, omitted=omitted)


def unauthenticated(
    reason: Literal["missing", "invalid", "expired"], log_reason: LogReason
) -> DomainError:
    """``reason`` is sent to the client, ``log_reason`` is not."""
    return DomainError(Code.UNAUTHENTICATED, details={"reason": reason}, log_reason=log_reason)


def unavailable(retry_after: int = 1) -> DomainError:
    """The store or the signing keys cannot be reached. ``retry_after`` is in seconds."""
    return DomainError(Code.UNAVAILABLE, retry_after=retry_after)
