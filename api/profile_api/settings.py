"""Every setting: an environment variable PROFILE_…, also read from .env."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from profile_api.addresses import check_origin
from profile_api.addresses import public_url as checked_url
from profile_api.sign_in import SignIn
from profile_api.variables import PREFIX, LogForm, resolved
from profile_infra.bounded_files import read_file
from profile_infra.rate_limits.in_process import InProcessRateLimit, parse_rate
from profile_infra.rate_limits.in_redis import RedisRateLimit, safe_redis_url
from profile_infra.secret_urls import is_clear, masked
from profile_infra.stores.by_url import is_postgres, store_of
from profile_infra.stores.store import Store
from profile_infra.tokens.issuers import Issuers, safe_url

# Those that may hold a secret, and be given by PROFILE_…_FILE instead.
SECRET = ("database_url", "issuers", "rate_limit_store")


def _url(text: str) -> str:
    if not is_postgres(text) and not text.startswith("sqlite://"):
        raise ValueError(
            "write it as sqlite:///./file.db, sqlite:////absolute/file.db or"
            " postgresql://role:password@host/database"
        )
    if not is_clear(text):
        # What reads it would take a piece of the password for a port or an option, and say it.
        raise ValueError(
            "percent-encode names and passwords: write @ / ? # and ; as %40 %2F %3F %23 and %3B"
        )
    return text


def _rate(text: str) -> str:
    parse_rate(text)
    return text


PublicUrl = Annotated[str, AfterValidator(checked_url)] | None


class DocumentSettings(BaseSettings):
    """The one setting on which the documents depend."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore"
    )

    public_url: PublicUrl = None


class Settings(BaseSettings):
    """What an operator can say; the defaults are the safe ones.

    Raises UnusableVariable for a variable that it does not know, or a file that cannot be read.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    database_url: Annotated[str, AfterValidator(_url)] = Field(
        default="sqlite:///./profile.db",
        description="The store: sqlite:///./file.db, relative, sqlite:////absolute/file.db, or"
        " postgresql://role:password@host/database.",
    )
    database_connections: int = Field(
        default=10,
        ge=1,
        le=1000,
        description="On Postgres: connections of a process at most, besides one that watches it.",
    )
    prepared_statements: bool = Field(
        default=True,
        description="On Postgres: off for a PgBouncer before 1.21, at twice the round trips.",
    )
    history_days: int | None = Field(
        default=None,
        ge=1,
        le=36_500,
        description="How many days the audit trail is shown and kept; for ever without.",
    )
    issuers: Issuers = Field(
        default=[], description="Whose tokens are trusted: a JSON list of objects."
    )
    keys_kept_seconds: int = Field(
        default=3600,
        ge=0,
        le=3600,
        description="How long fetched keys go on working while their issuer is out of reach.",
    )
    public_url: PublicUrl = Field(
        default=None,
        description="Where people reach the service, with the prefix that a proxy strips; addresses"
        " of pictures begin with it, and are paths without it.",
    )
    sign_in: SignIn | None = Field(
        default=None,
        description="The settings page at /, and sign-in there and in GraphiQL, by one of the"
        ' issuers: JSON {"issuer", "client_id"}, and perhaps "scope", "parameters", "origins".',
    )
    policy_dir: Path | None = Field(
        default=None, description="A folder of .cedar files that add to the built-in policy."
    )
    max_body_bytes: int = Field(
        default=2 * 1024 * 1024, ge=1024, description="The largest request body, in bytes."
    )
    max_header_bytes: int = Field(
        default=32 * 1024, ge=1024, description="The largest request line and headers, in bytes."
    )
    max_headers: int = Field(default=100, ge=8, description="The most headers of a request.")
    max_connections: int = Field(
        default=1000, ge=1, description="Connections that a worker holds; more are refused."
    )
    max_requests: int = Field(
        default=512, ge=1, description="Requests at work in a worker; more are refused."
    )
    max_buffered_bytes: int = Field(
        default=64 * 1024 * 1024,
        ge=1024 * 1024,
        description="Bytes of bodies not yet read whole and of answers not yet taken, together in a"
        " worker; more is refused.",
    )
    header_seconds: float = Field(
        default=10, gt=0, description="What a client may take to send its headers."
    )
    body_seconds: float = Field(
        default=30, gt=0, description="What a client may take to send a body, or to read an answer."
    )
    request_seconds: float = Field(
        default=30, gt=0, description="What an answer may take once the body is there."
    )
    keep_alive_seconds: int = Field(
        default=75, ge=1, description="How long an idle connection is kept; a proxy's is shorter."
    )
    picture_workers: int = Field(
        default=1 + min(2, max(1, (os.cpu_count() or 1) - 1)),
        ge=1,
        le=64,
        description="Pictures at work at once, each in a process of its own, at 160 MiB at most;"
        " the last only beside slow ones. By default two, or three where that leaves a core.",
    )
    log: LogForm = Field(
        default="auto", description="json, pretty, or auto: pretty on a terminal, JSON elsewhere."
    )
    rate_limit: Annotated[str, AfterValidator(_rate)] = Field(
        default="120/minute", description="Attempts to write that a user has, or off."
    )
    rate_limit_store: Annotated[str, AfterValidator(safe_redis_url)] | None = Field(
        default=None,
        description="A Redis that counts them for all processes, redis://host:6379/0 or rediss://…"
        " (the extra redis); each process counts for itself without.",
    )
    cors_origins: tuple[Annotated[str, AfterValidator(check_origin)], ...] = Field(
        default=(),
        description="Origins whose pages may call the service, as browsers send them: a JSON list.",
    )
    graphiql: bool = Field(default=False, description="GraphiQL at /graphql for browsers.")
    introspection: bool = Field(default=False, description="GraphQL introspection.")
    docs: bool = Field(default=False, description="Swagger UI at /docs and /openapi.json.")

    @field_validator("sign_in")
    @classmethod
    def _its_tokens_are_trusted(cls, sign_in: SignIn | None, info: ValidationInfo) -> SignIn | None:
        issuers = info.data.get("issuers")  # absent where they are wrong themselves
        if sign_in and issuers is not None and sign_in.issuer not in {i.issuer for i in issuers}:
            raise ValueError(
                "its issuer is none of PROFILE_ISSUERS, whose tokens alone the service trusts:"
                " write it there too, letter for letter"
            )
        return sign_in

    @field_validator("sign_in")
    @classmethod
    def _its_page_is_safe(cls, sign_in: SignIn | None, info: ValidationInfo) -> SignIn | None:
        if sign_in and (public := info.data.get("public_url")):
            try:
                safe_url(public)
            except ValueError:
                raise ValueError(
                    "browsers sign nobody in on a page that came by http, but on loopback:"
                    " write PROFILE_PUBLIC_URL with https"
                ) from None
        return sign_in

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # pydantic's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        for source in (env_settings, dotenv_settings):
            if isinstance(source, EnvSettingsSource):
                source.env_vars = resolved(
                    source.env_vars, settings_cls.model_fields, SECRET, read_file
                )
                source.decode_complex_value = _bounded(source.decode_complex_value)  # type: ignore[method-assign]  # of one source
        return init_settings, env_settings, dotenv_settings

    def store(self) -> Store:
        """The store of the database URL, not yet open. Raises UnusableDatabase."""
        return store_of(
            self.database_url,
            connections=self.database_connections,
            prepared=self.prepared_statements,
            history_days=self.history_days,
        )

    def limit(self) -> InProcessRateLimit | RedisRateLimit:
        """How often a user may try to write. Raises UnusableRateLimitStore."""
        rate = parse_rate(self.rate_limit)
        if rate is None or self.rate_limit_store is None:
            return InProcessRateLimit(rate)
        return RedisRateLimit(rate, self.rate_limit_store)

    def shown(self) -> dict[str, str]:
        """Each setting as its environment variable would say it, with secrets masked, wherever
        they came from; empty where it has no value.
        """
        values = _masked(self.model_dump(mode="json", exclude_none=True))
        names = type(self).model_fields
        return {PREFIX + name.upper(): _as_variable(values.get(name)) for name in names}


def _bounded(decode: Callable[..., Any]) -> Callable[..., Any]:
    """The decoder of JSON, with a ValueError for what is nested too deeply."""

    def decoded(*arguments: object) -> Any:  # noqa: ANN401  # of JSON
        try:
            return decode(*arguments)
        except RecursionError:
            raise ValueError("nested too deeply") from None

    return decoded


def _masked(value: Any) -> Any:  # noqa: ANN401  # of JSON
    if isinstance(value, dict):
        return {masked(name): _masked(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_masked(each) for each in value]
    return masked(value) if isinstance(value, str) else value


# JSON can do without the characters that shells and .env files quote in different ways.
_IN_JSON = (("\\\\", r"\u005c"), ("'", r"\u0027"), ("$", r"\u0024"))


def _as_variable(value: Any) -> str:  # noqa: ANN401  # of JSON
    if value is None or isinstance(value, str):
        return value or ""
    text = json.dumps(value)
    for character, instead in _IN_JSON:
        text = text.replace(character, instead)
    return text
