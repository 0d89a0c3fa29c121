"""The service for tests: the ASGI application on SQLite, with Cedar policies and a signing key."""

import asyncio
import io
import json
import queue
import threading
import time
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from uuid import UUID, uuid4

import httpx2
import uvicorn
from fastapi import FastAPI

from profile_api.app import create_app
from profile_api.cli.store import opened
from profile_api.rest.documented import ME
from profile_api.server.protocol import GuardedProtocol
from profile_api.server.serving import GuardedServer
from profile_api.settings import Settings
from profile_domain.people import new_profile, read_record
from profile_domain.profile import EDITABLE
from profile_graphql.names import camel_case
from profile_infra.stores.by_url import migrate
from profile_infra.stores.changes import Author
from profile_infra.stores.records import User
from profile_infra.stores.store import Store
from profile_infra.tokens.issuers import Issuer
from profile_infra.tokens.jose import sign
from profile_testing.signing import AUDIENCE, ISSUER, OTHER_TENANT, SECRET, TENANT

SIGNER = Issuer(issuer=ISSUER, audience=AUDIENCE, algorithms=["HS256"], secret=SECRET)
POLICIES = """
@id("b-frozen") @notice("Names are frozen until Monday.")
forbid (principal, action == ProfileService::Action::"updateMyProfile", resource)
when { principal.email like "frozen*" && context.changes.contains("display_name") };

@id("a-audit") @notice("An audit is running.")
forbid (principal, action == ProfileService::Action::"updateMyProfile", resource)
when { principal.email like "frozen*" && context.changes.contains("display_name") };

@id("no-pictures")
forbid (principal, action == ProfileService::Action::"updateMyProfile", resource)
when { principal.email like "faceless*" && context.changes.contains("avatar_base64") };

@id("hidden") @notice("You may not look.")
forbid (principal, action == ProfileService::Action::"viewMyProfile", resource)
when { principal.email like "hidden*" };

@id("read-only") @notice("This token may only read.")
forbid (principal, action == ProfileService::Action::"updateMyProfile", resource)
when { context.scopes.contains("profile:read") && !context.scopes.contains("profile:write") };
"""

PROFILE_FIELDS = " ".join(
    ["id email name authProvider", *map(camel_case, EDITABLE), "etag editableFields"]
)
ME_QUERY = f"{{ me {{ {PROFILE_FIELDS} }} }}"
UPDATE = f"""
mutation Update($input: UpdateMyProfileInput!, $ifMatch: String) {{
  updateMyProfile(input: $input, ifMatch: $ifMatch) {{
    __typename
    ... on Profile {{ {PROFILE_FIELDS} }}
    ... on ProfileError {{
      code message details notices current {{ etag }}
      violations {{ field code message max maxBytes maxSide }}
    }}
  }}
}}
"""


@dataclass
class Running:
    """One running service, and what a test does with it."""

    app: FastAPI
    store: Store
    client: httpx2.AsyncClient
    issuer: Issuer
    settings: Settings
    author: Author = field(default=Author("", "", "test", "test"))

    async def person(
        self, provider="local", *, tenant=TENANT, email=None, issuer="", subject="", **names
    ) -> User:
        """A new user; names are cleaned as an import would."""
        user_id = uuid4()
        record = read_record(email or f"{user_id.hex[:8]}@example.com", provider, names)
        user = User(new_profile(UUID(tenant), user_id, record), issuer, subject)
        await self.store.apply(self.author, [user], [])
        return user

    def token(self, user: User, **claims) -> str:
        now = int(time.time())
        own = {
            "sub": user.subject,
            "tenant_id": str(user.profile.tenant_id),
            "iat": now,
            "exp": now + 600,
        }
        present = {name: value for name, value in (own | claims).items() if value is not None}
        return sign(self.issuer, present)

    def headers(self, user: User, **claims) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self.token(user, **claims)}",
            "X-Tenant-ID": str(user.profile.tenant_id),
        }

    async def get(self, user: User, **headers) -> httpx2.Response:
        return await self.client.get(ME, headers=self.headers(user) | headers)

    async def put(self, user: User, body: object, **headers) -> httpx2.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} | self.headers(user) | headers
        return await self.client.put(ME, content=content, headers=sent)

    async def graphql(
        self, user: User | None, query: str, variables=None, **headers
    ) -> httpx2.Response:
        content = json.dumps({"query": query, "variables": variables}).encode()
        sent = {"Content-Type": "application/json"} | headers
        if user is not None:
            sent = self.headers(user) | sent
        return await self.client.post("/graphql", content=content, headers=sent)


@asynccontextmanager
async def running(folder: Path, **changed):
    """A service on its own store, open until the block ends."""
    policies = folder / "policies"
    policies.mkdir()
    (policies / "test.cedar").write_text(POLICIES)
    settings = Settings(
        _env_file=None,
        **{
            "database_url": f"sqlite:///{folder / 'profile.db'}",
            "issuers": [SIGNER],
            "policy_dir": policies,
            "rate_limit": "off",
            "graphiql": True,
            "introspection": True,
            "docs": True,
            **changed,
        },
    )
    await asyncio.to_thread(migrate, settings.database_url)
    app = create_app(settings)
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        opened(settings) as store,
        httpx2.AsyncClient(transport=transport, base_url="http://profile.test") as client,
    ):
        yield Running(app, store, client, SIGNER, settings)


@contextmanager
def served(folder: Path, **changed):
    """The same behind a real server on the loopback interface, in a thread of its own."""
    started: queue.Queue[Served] = queue.Queue()
    stop = threading.Event()

    async def serve():
        async with running(folder, **changed) as service:
            config = uvicorn.Config(
                service.app,
                port=0,
                lifespan="off",
                log_config=None,
                http=GuardedProtocol,
                ws="none",
                server_header=False,
                proxy_headers=False,
            )
            server = GuardedServer(config)
            serving = asyncio.create_task(server.serve())
            while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
                await asyncio.sleep(0.01)
            port = server.servers[0].sockets[0].getsockname()[1]
            user = await service.person(subject="ada", first_name="Ada", last_name="Lovelace")
            address, headers = f"http://127.0.0.1:{port}", service.headers(user)
            started.put(Served(address, headers, service, server, asyncio.get_running_loop()))
            await asyncio.to_thread(stop.wait)
            server.should_exit = True
            await serving

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        yield started.get(timeout=120)  # other programs may keep the machine busy
    finally:
        stop.set()
        thread.join(120)


class Served(NamedTuple):
    """Where it is, and the headers of one of its people, whose subject is ``ada``.

    The server works in its own loop, in another thread.
    """

    address: str
    headers: dict[str, str]
    service: Running
    server: GuardedServer
    loop: asyncio.AbstractEventLoop


class Nowhere(io.StringIO):
    """Where tests send a log that they do not read."""

    def write(self, text):
        return len(text)


__all__ = [
    "ME",
    "ME_QUERY",
    "OTHER_TENANT",
    "PROFILE_FIELDS",
    "TENANT",
    "UPDATE",
    "Nowhere",
    "Running",
    "running",
    "served",
]
