"""``PROFILE_ISSUERS``: the configuration of each trusted issuer, and its validation."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Final, Literal, Self, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

from profile_domain.caller import parse_uuid
from profile_domain.profile import AuthProvider

Algorithm = Literal[
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
    "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
]  # fmt: skip
SYMMETRIC: Final = frozenset({"HS256", "HS384", "HS512"})
SECRET_BYTES: Final = 32
MAX_SECRETS: Final = 8
# Code points of a configured claim, and the number of claims to try.
CLAIM_LENGTH: Final = 512
MAX_CLAIMS: Final = 100

_LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
_BAD_ESCAPE = re.compile("~(?![01])")
_T = TypeVar("_T")


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str | SecretStr) else value


def _distinct(values: tuple[_T, ...]) -> tuple[_T, ...]:
    if len(set(values)) != len(values):
        raise ValueError("remove the value that stands twice")
    return values


def _tenant(value: object) -> UUID:
    tenant = value if isinstance(value, UUID) else parse_uuid(value if type(value) is str else "")
    if tenant is None:
        raise ValueError("write a tenant as a UUID: 8-4-4-4-12 hexadecimal digits")
    return tenant


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value().encode("utf-8", "ignore")) < SECRET_BYTES:
        raise ValueError("use a random secret of at least 32 bytes, from `openssl rand -base64 48`")
    return secret


def _claim(path: str) -> str:
    """A claim's name, or a JSON Pointer (RFC 6901) to where it is within others."""
    if path.startswith("/") and _BAD_ESCAPE.search(path):
        raise ValueError("in a JSON Pointer write ~ as ~0, and / within a name as ~1")
    return path


def safe_url(url: str, *, allow_http: bool = False) -> str:
    """Checks that a URL is https with a host, and has neither user name nor fragment.

    http is accepted for loopback addresses, or with ``allow_http``. Raises ValueError.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # whose words would quote what may be a piece of a password
        host = None
    if not host or not url.isascii() or not url.isprintable() or set(url) & set(" \\@#"):
        raise ValueError("write the URL of an issuer, a key set or an account as https://host/path")
    if port == 0 or not (
        parts.scheme == "https" or (parts.scheme == "http" and (allow_http or _is_loopback(host)))
    ):
        raise ValueError(
            "the URL of an issuer, a key set or an account is https; http is for localhost,"
            " 127.0.0.0/8 and ::1, and elsewhere needs allow_http"
        )
    return url


def _is_loopback(host: str) -> bool:
    try:
        return any(ip_address(host) in network for network in _LOOPBACK)
    except ValueError:
        return host == "localhost"


_Text = Annotated[str, Field(min_length=1)]
_Tenant = Annotated[UUID, BeforeValidator(_tenant)]
# The first claim that a token has is used.
_Claims = Annotated[
    tuple[Annotated[_Text, Field(max_length=CLAIM_LENGTH), AfterValidator(_claim)], ...],
    BeforeValidator(_as_list),
    AfterValidator(_distinct),
    Field(min_length=1, max_length=MAX_CLAIMS),
]


class Issuer(BaseModel):
    """One object of ``PROFILE_ISSUERS``; the README documents the fields."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    issuer: _Text
    audience: Annotated[
        tuple[_Text, ...], BeforeValidator(_as_list), AfterValidator(_distinct), Field(min_length=1)
    ]
    algorithms: Annotated[tuple[Algorithm, ...], AfterValidator(_distinct), Field(min_length=1)]
    # Newest first: the first signs, all verify.
    secret: (
        Annotated[
            tuple[Annotated[SecretStr, AfterValidator(_long_enough)], ...],
            BeforeValidator(_as_list),
            AfterValidator(_distinct),
            Field(min_length=1, max_length=MAX_SECRETS),
        ]
        | None
    ) = None
    jwks_file: Path | None = None
    jwks_url: str | None = None
    discovery: bool = False
    allow_http: bool = False
    tenants: (
        Annotated[tuple[_Tenant, ...], AfterValidator(_distinct), Field(min_length=1)] | None
    ) = None
    tenant_claim: _Claims = ("tenant_id",)
    subject_claim: _Claims = ("sub",)
    email_claim: _Claims = ("email",)
    audience_claim: _Claims = ("aud",)
    tenant_ids: Annotated[dict[_Text, _Tenant], Field(min_length=1)] | None = None
    provision: bool = False
    auth_provider: AuthProvider = AuthProvider.OIDC
    # Where its users change what it manages: a link of the settings page.
    account_url: str | None = None

    def __hash__(self) -> int:
        return hash(self.issuer)

    @model_validator(mode="after")
    def _keys_have_one_source_that_fits(self) -> Self:
        """Secrets and public keys are never mixed, so no public key can serve as a secret."""
        sources = (self.secret, self.jwks_file, self.jwks_url, self.discovery or None)
        if sum(source is not None for source in sources) != 1:
            raise ValueError("set exactly one of secret, jwks_file, jwks_url, discovery (true)")
        symmetric = [each in SYMMETRIC for each in self.algorithms]
        if self.secret is not None and not all(symmetric):
            raise ValueError("with secret, choose algorithms among HS256, HS384 and HS512 only")
        if self.secret is None and any(symmetric):
            raise ValueError("HS256, HS384 and HS512 need secret; choose RS…, PS…, ES… or EdDSA")
        return self

    @model_validator(mode="after")
    def _keys_come_by_a_safe_way(self) -> Self:
        """``issuer`` is fetched only with discovery; otherwise it need not be a URL.

        ``account_url`` is for browsers, and may have a fragment.
        """
        account, _, _ = (self.account_url or "").partition("#")
        for url in (self.jwks_url, account or None, self.issuer if self.discovery else None):
            if url is not None:
                safe_url(url, allow_http=self.allow_http)
        return self

    @model_validator(mode="after")
    def _it_speaks_for_each_tenant_that_it_names(self) -> Self:
        if self.tenants and self.tenant_ids and set(self.tenant_ids.values()) - set(self.tenants):
            raise ValueError("tenant_ids leads to a tenant that is not among tenants")
        return self


class UnusableKeys(ValueError):
    """An issuer whose keys cannot be loaded; the message says what to change."""

    def __init__(self, issuer: Issuer, reason: str) -> None:
        super().__init__(f"issuer {issuer.issuer!r}: {reason}")


def _without_plain_secrets(items: object) -> object:
    """Wraps possible secrets, under misspelt keys too, so that no validation error prints them."""
    if not isinstance(items, list):
        return None
    return [
        item if isinstance(item, Issuer) else _masked(item) if isinstance(item, dict) else None
        for item in items
    ]


def _masked(item: dict[str, object]) -> dict[str, object]:
    shown = Issuer.model_fields.keys() - {"secret"}
    return {
        name: value
        if name in shown or value is None
        else [_hidden(each) for each in value]
        if isinstance(value, list | tuple)
        else _hidden(value)
        for name, value in item.items()
    }


def _hidden(value: object) -> SecretStr:
    if isinstance(value, SecretStr):
        return value
    return SecretStr(value if isinstance(value, str) else "")


def refuse_duplicates(issuers: Iterable[Issuer]) -> None:
    """Raises ValueError if two entries have the same ``issuer``."""
    for name, count in Counter(each.issuer for each in issuers).items():
        if count > 1:
            raise ValueError(f"issuer {name!r} stands twice; merge the two entries into one")


def _unique(issuers: list[Issuer]) -> list[Issuer]:
    refuse_duplicates(issuers)
    return issuers


Issuers = Annotated[
    list[Issuer], BeforeValidator(_without_plain_secrets), AfterValidator(_unique)
]  # fmt: skip
"""The whole setting; as a field's type it keeps secrets out of validation errors."""
