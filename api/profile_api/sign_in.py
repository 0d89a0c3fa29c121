"""``PROFILE_SIGN_IN``: the provider with which people sign in on the pages, and its validation."""

from __future__ import annotations

import re
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from profile_api.addresses import check_origin
from profile_infra.tokens.issuers import safe_url

_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")  # RFC 6749 section 3.3
# What a Content-Security-Policy can name: no IPv6 address, and nothing that ends a directive.
_HOST = re.compile(r"[a-z0-9._-]+(:[0-9]+)?", re.IGNORECASE)
# What the sign-in sends itself, or what would take from it what makes it safe (RFC 9700).
_RESERVED: Final = frozenset({
    "client_id", "client_secret", "code_challenge", "code_challenge_method", "id_token_hint",
    "nonce", "prompt", "redirect_uri", "request", "request_uri", "response_mode", "response_type",
    "scope", "state",
})  # fmt: skip


def _scope(text: str) -> str:
    names = text.split(" ")
    if "openid" not in names:
        raise ValueError('name openid among the scopes, such as "openid profile"')
    if not all(_SCOPE.fullmatch(name) for name in names):
        raise ValueError("write scopes with one space between them, and neither quotes nor \\")
    return text


def _parameters(sent: dict[str, str]) -> dict[str, str]:
    if reserved := sorted(_RESERVED & sent.keys()):
        raise ValueError(f"leave out {', '.join(reserved)}: the pages say it themselves")
    return sent


def _url(text: str) -> str:
    try:
        parts = urlsplit(safe_url(text))
    except ValueError:
        parts = None
    if parts is None or "?" in text or not _HOST.fullmatch(parts.netloc):
        raise ValueError(
            "a provider's URL is https://host or https://host/path; http is for localhost"
            " and 127.0.0.0/8 alone"
        )
    return text


def _origin(text: str) -> str:
    return check_origin(_url(text))


class SignIn(BaseModel):
    """The whole setting; the README documents the keys.

    ``parameters`` are added to the authorization request, ``origins`` are those of the provider's
    other endpoints. A scope or a parameter with ``{tenant}`` in it is left out until a person
    has chosen a tenant.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    issuer: Annotated[str, AfterValidator(_url)]
    client_id: Annotated[str, Field(min_length=1, max_length=512)]
    scope: Annotated[str, AfterValidator(_scope)] = "openid"
    parameters: Annotated[dict[str, str], AfterValidator(_parameters), Field(default_factory=dict)]
    origins: tuple[Annotated[str, AfterValidator(_origin)], ...] = ()

    @property
    def connect(self) -> tuple[str, ...]:
        """The origins that the pages may call besides the service's own."""
        parts = urlsplit(self.issuer)
        own = f"{parts.scheme}://{parts.netloc}".lower()
        return tuple(dict.fromkeys((own, *self.origins)))
