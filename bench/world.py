"""The people of a run: who they are, and the tokens that their requests carry."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from uuid import UUID, uuid4

from profile_api.cli.signing import token_for
from profile_domain.people import new_profile, read_record
from profile_domain.pictures.avatar import Avatar
from profile_infra.stores.records import User
from profile_infra.tokens.issuers import Issuer

# More than the cache of tokens holds (docs/caches.md: some 11,000), and some who come again and again.
MANY, FEW = 15_000, 64
TENANT = UUID("7f1b3c5e-2d4a-4c6b-8e9f-0a1b2c3d4e5f")


@dataclass(frozen=True)
class World:
    """People who send requests in turn; ``people_file`` is where wrk reads their tokens."""

    folder: Path
    issuer: Issuer
    users: Sequence[User]

    def first(self, people: int) -> World:
        """The same with fewer people."""
        return replace(self, users=self.users[:people])

    @cached_property
    def tokens(self) -> list[str]:
        return [token_for(self.issuer, user, minutes=600) for user in self.users]

    @cached_property
    def people_file(self) -> Path:
        file = self.folder / f"people-{uuid4().hex[:8]}.txt"
        file.write_text("".join(f"{token} {TENANT}\n" for token in self.tokens))
        return file

    @property
    def secret(self) -> str:
        assert self.issuer.secret is not None
        return self.issuer.secret[0].get_secret_value()


def make_world(
    folder: Path,
    *,
    people: int = FEW,
    image: bytes | None = None,
    media_type: str = "image/png",
) -> World:
    """``image`` is everybody's picture; it is stored as it is, whatever it shows."""
    issuer = Issuer.model_validate(
        {
            "issuer": "https://bench.invalid",
            "audience": "profile",
            "algorithms": ["HS256"],
            "secret": secrets.token_urlsafe(48),
        }
    )
    avatar = Avatar.of(media_type, image) if image else None
    users = []
    for number in range(people):
        record = read_record(f"p{number}@example.com", "local", {"first_name": f"P{number}"})
        profile = new_profile(TENANT, uuid4(), record)
        users.append(User(profile.with_changes({"avatar_base64": avatar}) if avatar else profile))
    return World(folder, issuer, users)
