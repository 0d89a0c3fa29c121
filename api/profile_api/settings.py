"""Every setting: an environment variable PROFILE_…, also read from .env."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from profile_infra.issuers import Issuers
from profile_infra.rate_limit import parse_rate

PREFIX = "PROFILE_"


def _url(text: str) -> str:
    try:
        make_url(text)
    except ArgumentError:
        raise ValueError("write it as sqlite:///./file.db or sqlite:////absolute/file.db") from None
    return text


def _rate(text: str) -> str:
    parse_rate(text)
    return text


class Settings(BaseSettings):
    """What an operator can say; the defaults are the safe ones."""

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
        description="The store: sqlite:///./file.db, relative, or sqlite:////absolute/file.db.",
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
    policy_dir: Path | None = Field(
        default=None, description="A folder of .cedar files that add to the built-in policy."
    )
    max_body_bytes: int = Field(
        default=2 * 1024 * 1024, ge=1024, description="The largest request body, in bytes."
    )
    rate_limit: Annotated[str, AfterValidator(_rate)] = Field(
        default="120/minute", description="Attempts to write that a user has, or off."
    )
    cors_origins: tuple[str, ...] = Field(
        default=(), description="Origins whose pages may call the service: a JSON list."
    )
    graphiql: bool = Field(default=False, description="GraphiQL at /graphql for browsers.")
    introspection: bool = Field(default=False, description="GraphQL introspection.")
    docs: bool = Field(default=False, description="Swagger UI at /docs and /openapi.json.")

    def shown(self) -> dict[str, str]:
        """Each setting as its environment variable would say it, with secrets masked."""
        values: dict[str, Any] = self.model_dump(mode="json", exclude_none=True)
        values["database_url"] = make_url(self.database_url).render_as_string()
        return {
            PREFIX + name.upper(): value if isinstance(value, str) else json.dumps(value)
            for name, value in values.items()
        }
