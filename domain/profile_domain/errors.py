"""The error catalogue: every code that a client can get, what it means, and what to do about it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Literal, Self

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
    """Stable, machine-readable error codes.

    ``message`` is for people; in it a placeholder in braces is a limit of the violation.
    ``meaning`` says when the code is given, ``remedy`` what a client does about it; both are in
    Markdown, and all documents are written from them.
    """

    _value_: str
    message: str
    meaning: str
    remedy: str

    # Type checkers take a lookup, Code("too_long"), for a call of this: hence the defaults.
    def __new__(cls, value: str, message: str = "", meaning: str = "", remedy: str = "") -> Self:
        code = str.__new__(cls, value)
        code._value_ = value
        code.message, code.meaning, code.remedy = message, meaning, remedy
        return code

    INVALID_HTTP = (
        "invalid_http",
        "The request is not valid HTTP.",
        "What arrived is not HTTP/1.1 as RFC 9112 has it; answered below both faces.",
        "Correct the client, or the proxy in between; no HTTP library sends such a request.",
    )
    REQUEST_TIMEOUT = (
        "request_timeout",
        "The request took too long to arrive.",
        "The headers or the body took too long to arrive; answered below both faces.",
        (
            "Send it again on a new connection. Scale a picture down before it is sent over a slow"
            " line."
        ),
    )
    HEADERS_TOO_LARGE = (
        "headers_too_large",
        "The request's headers are too large or too many.",
        "Over 32 KiB of headers, or over 100 of them; answered below both faces.",
        "Send fewer or smaller headers; no cookie is of use here.",
    )
    MALFORMED_JSON = (
        "malformed_json",
        "The body must be one JSON object in UTF-8, without repeated keys.",
        (
            "The body is not one JSON object in UTF-8, repeats a key, nests over 32 deep, or has"
            " over 100,000 values."
        ),
        "Write the body with a JSON library. The same body is refused again.",
    )
    INVALID_QUERY = (
        "invalid_query",
        "The document is not a valid GraphQL operation for this schema.",
        (
            "GraphQL only: the document or its variables do not parse or validate, or exceed a"
            " limit; `details.explanation` has the parser's words."
        ),
        (
            "Correct the document or its variables; validate documents against the schema when the"
            " client is built."
        ),
    )
    INVALID_ARGUMENT = (
        "invalid_argument",
        "An argument is outside its range.",
        (
            "A query parameter or an argument outside its range, such as `first`, `after` and"
            " `size`; `details.argument` names it."
        ),
        (
            "Send a value of the range that the reference gives, and cursors only as the service"
            " gave them."
        ),
    )
    UNKNOWN_FIELD = (
        "unknown_field",
        "This field does not exist or cannot be changed.",
        "REST only: a field that does not exist or cannot be changed.",
        "Leave it out: of a profile that was read, send back only what changes.",
    )
    INVALID_TYPE = (
        "invalid_type",
        "The value must be a string.",
        "A value of another type than its field has; a name cannot be `null`.",
        'Send a string. `""` clears a name, `null` removes a picture.',
    )
    TOO_LONG = (
        "too_long",
        "At most {max} characters are allowed.",
        "A text over its limit in code points (`max`; 100 for a name).",
        (
            "Show the message beside the field. A form can count code points before it sends: not"
            " bytes, nor UTF-16 units."
        ),
    )
    INVALID_CHARACTERS = (
        "invalid_characters",
        "Control, direction and invalid characters are not allowed.",
        (
            "A name with control characters, line separators, direction overrides, noncharacters or"
            " lone surrogates."
        ),
        "Show the message beside the field; such characters come with pasted text.",
    )
    SSO_MANAGED_FIELD = (
        "sso_managed_field",
        "Your identity provider manages this field.",
        "A change of a name that the identity provider manages.",
        (
            "Show the fields that are not among the editable ones as locked; their values are"
            " changed at the provider."
        ),
    )
    AVATAR_MALFORMED = (
        "avatar_malformed",
        "The picture must be a base64 data URI of an image, or null.",
        "The picture is not a base64 data URI of an image.",
        (
            "Send `data:image/png;base64,…`, in the alphabet of RFC 4648 section 4 and padded, as"
            " browsers' `readAsDataURL` writes it."
        ),
    )
    AVATAR_TOO_LARGE = (
        "avatar_too_large",
        "The picture has at most 256 KiB.",
        "The picture has over 256 KiB once decoded (`max_bytes`).",
        "Scale it down before it is sent; it is stored with at most 512 pixels a side.",
    )
    AVATAR_UNSUPPORTED_TYPE = (
        "avatar_unsupported_type",
        "The picture must be the PNG, JPEG, WebP or GIF it declares.",
        (
            "The picture is not PNG, JPEG, WebP or GIF by its bytes, or not the type that its data"
            " URI declares."
        ),
        "Convert it to one of these; SVG is never taken.",
    )
    AVATAR_ANIMATED = (
        "avatar_animated",
        "The picture must not be animated.",
        "The picture has more than one frame.",
        "Send one frame of it.",
    )
    AVATAR_DIMENSIONS = (
        "avatar_dimensions",
        "Each side of the picture must measure 1 to 4,096 pixels.",
        "A side of the picture has 0 or over 4,096 pixels (`max_side`).",
        "Scale it down before it is sent.",
    )
    AVATAR_CORRUPT = (
        "avatar_corrupt",
        "The picture is damaged or incomplete.",
        "The picture is damaged or incomplete, or takes too much work to decode.",
        "Ask for another file, or for the same one saved anew by a program for pictures.",
    )
    INVALID_TENANT_ID = (
        "invalid_tenant_id",
        "The X-Tenant-ID header must be sent once and be a UUID.",
        "`X-Tenant-ID` is missing, sent twice, or no UUID.",
        "Send the tenant's id once, in the form 8-4-4-4-12.",
    )
    UNAUTHENTICATED = (
        "unauthenticated",
        "A valid bearer token is required.",
        "No valid token; `details.reason` is `missing`, `invalid` or `expired`.",
        "Where it is `expired`, get a new token and send the request again, once; else sign in.",
    )
    TENANT_MISMATCH = (
        "tenant_mismatch",
        "The token does not belong to the tenant in X-Tenant-ID.",
        "`X-Tenant-ID` is not the token's tenant.",
        "Send the token's tenant, or get a token for this one.",
    )
    FORBIDDEN = (
        "forbidden",
        "A policy does not permit this.",
        (
            "A policy refuses, or the person was deactivated; `notices` are what the policies have"
            " to say."
        ),
        "Show the notices. The same request is refused until the policy changes.",
    )
    NOT_FOUND = (
        "not_found",
        "There is nothing here.",
        "No such route or picture, or the token's user is not in the tenant.",
        (
            "Check the address and the tenant; a person is there once imported, or signed in by a"
            " provider that makes users."
        ),
    )
    METHOD_NOT_ALLOWED = (
        "method_not_allowed",
        "This address does not support the method.",
        "The route does not have this method; `Allow` lists those it has.",
        "Send one of the methods in `Allow`; a mutation is sent by POST.",
    )
    CONFLICT = (
        "conflict",
        "Others changed the profile at the same time; try again.",
        "Concurrent writes won three times in a row; nothing was changed.",
        "Read the profile as it is now, and send the change again.",
    )
    PRECONDITION_FAILED = (
        "precondition_failed",
        "The profile has changed since the version in the precondition.",
        "`If-Match` (`ifMatch`) no longer holds; nothing was changed.",
        (
            "Show what differs from the profile as it is now, and send the change again with its"
            " entity tag."
        ),
    )
    PAYLOAD_TOO_LARGE = (
        "payload_too_large",
        "The request body is too large.",
        "A body over 2 MiB.",
        "Send less: a picture that is taken, in base64, takes 350 KB.",
    )
    UNSUPPORTED_MEDIA_TYPE = (
        "unsupported_media_type",
        "The body must be application/json without content encoding.",
        "A body that is not JSON, or is content-encoded.",
        "Send `Content-Type: application/json`, and the body uncompressed.",
    )
    RATE_LIMITED = (
        "rate_limited",
        "Too many updates; wait before the next one.",
        (
            "Too many attempts to write; `Retry-After` and `details.retry_after` have the seconds"
            " to wait."
        ),
        "Wait for that long, then send the same again.",
    )
    INTERNAL_ERROR = (
        "internal_error",
        "Something went wrong on our side.",
        "Anything unforeseen; the log has the cause under the request's id.",
        (
            "Tell those who run the service the `X-Request-ID`. A write may have happened: see the"
            " lost answer."
        ),
    )
    UNAVAILABLE = (
        "unavailable",
        "The service cannot answer right now; try again shortly.",
        (
            "The store or the signing keys are out of reach, or too much is at work; `Retry-After`"
            " and `details.retry_after` have the seconds to wait."
        ),
        (
            "Wait for that long, then send the same again. A write may have happened: see the lost"
            " answer."
        ),
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Violation:
    """One field that breaks one rule; ``limits`` are the numbers of the rule, such as ``max``."""

    field: str
    code: Code
    limits: Mapping[str, int] = dataclasses.field(default_factory=dict)

    @property
    def message(self) -> str:
        return self.code.message.format_map(self.limits)

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
    ``violations``, and the number of the others, including ``omitted``. ``log_reason`` and
    ``log_fields`` are for the request's log line only: ``reason``, or ``policies``, the ids of
    those that determined a denial.
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
        log_fields: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.message = violations[0].message if violations else code.message
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
        self.log_fields: Mapping[str, object] = log_fields or (
            {"reason": log_reason} if log_reason else {}
        )

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
