"""Users for tests of the stores."""

from uuid import UUID, uuid4

from profile_domain.caller import Caller, Identity
from profile_domain.pictures.avatar import Avatar
from profile_domain.profile import AuthProvider, Profile
from profile_infra.stores.changes import Author
from profile_infra.stores.records import User
from profile_infra.stores.store import Store

TENANT = UUID("00000000-0000-4000-8000-00000000000a")
OTHER_TENANT = UUID("00000000-0000-4000-8000-00000000000b")
ISSUER = "https://login.example.org"
IMPORT = Author("", "", "import", "test")
OPERATOR = Author("", "", "operator", "test")
PICTURE = Avatar.of("image/png", b"\x89PNG a picture \x00\xff" * 1000)
OTHER_PICTURE = Avatar.of("image/webp", b"RIFF another picture")


def person(tenant: UUID = TENANT, *, issuer: str = "", subject: str = "", **fields: object) -> User:
    known = {"email": "ada@example.org", "auth_provider": AuthProvider.LOCAL, "first_name": "Ada"}
    profile = Profile(tenant, uuid4(), **(known | fields))  # type: ignore[arg-type]  # by name
    return User(profile, issuer, subject)


def token_of(user: User, issuer: str = ISSUER) -> Identity:
    return Identity(user.profile.tenant_id, issuer, user.subject)


def caller_of(user: User) -> Caller:
    return Caller(token_of(user), "rest", "request-1")


async def stored(store: Store, *users: User) -> None:
    await store.apply(IMPORT, users, [])


async def rename(store: Store, user: User, **names: str | None) -> bool:
    before = await load(store, user)
    return await store.save(caller_of(user), before, before.with_changes(names))


async def load(store: Store, user: User, *, with_image: bool = False) -> Profile:
    profile = await store.load(token_of(user), with_image=with_image)
    assert profile is not None
    return profile
