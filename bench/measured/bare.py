"""The bare programs to compare with: a token, a body, one statement, nothing else.

Run by uvicorn as factories: ``bare:sqlite`` commits each update by itself, ``bare:postgres`` sends
one prepared statement on a pool. BENCH_DATABASE and BENCH_SECRET come from the environment.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import sqlite3
import time
from base64 import b64encode, urlsafe_b64decode
from collections.abc import Awaitable, Callable
from typing import Any

Update = Callable[[str, str, str], Awaitable[str | None]]
Read = Callable[[str, str], Awaitable[tuple[str, str | None, bytes | None] | None]]

SECRET = os.environ.get("BENCH_SECRET", "").encode()
BODY = {"type": "http.response.body"}


def subject_of(headers: list[tuple[bytes, bytes]]) -> tuple[str, str] | None:
    """Tenant and subject of an HS256 token whose signature, expiry and audience hold."""
    sent = dict(headers)
    signed, _, signature = sent.get(b"authorization", b"").removeprefix(b"Bearer ").rpartition(b".")
    expected = hmac.new(SECRET, signed, hashlib.sha256).digest()
    if not hmac.compare_digest(expected, urlsafe_b64decode(signature + b"=")):
        return None
    payload = signed.partition(b".")[2]
    claims = json.loads(urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
    if claims["exp"] < time.time() or claims["aud"] != "profile":
        return None
    return claims["tenant_id"], claims["sub"]


async def respond(send: Any, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def program(start: Callable[[], Awaitable[tuple[Update, Read]]]) -> Any:
    calls: tuple[Update, Read]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal calls
        if scope["type"] == "lifespan":
            await receive()
            calls = await start()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        caller = subject_of(scope["headers"])
        if caller is None:
            await respond(send, 401, b"{}")
            return
        update, read = calls
        if scope["method"] == "PUT":
            body = b""
            more = True
            while more:
                message = await receive()
                body += message.get("body", b"")
                more = message.get("more_body", False)
            name = await update(*caller, json.loads(body)["display_name"])
            await respond(send, 200, json.dumps({"id": caller[1], "display_name": name}).encode())
            return
        email, display, image = await read(*caller) or ("", None, None)
        avatar = "data:image/png;base64," + b64encode(image).decode() if image else None
        profile = {
            "id": caller[1],
            "email": email,
            "display_name": display,
            "avatar_base64": avatar,
        }
        await respond(send, 200, json.dumps(profile).encode())

    return app


def sqlite() -> Any:
    async def start() -> tuple[Update, Read]:
        db = sqlite3.connect(os.environ["BENCH_DATABASE"], isolation_level=None)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")

        async def update(tenant: str, subject: str, name: str) -> str | None:
            db.execute(
                "UPDATE bare SET display_name = ?, version = version + 1"
                " WHERE tenant_id = ? AND id = ?",
                (name, tenant, subject),
            )
            return name

        async def read(tenant: str, subject: str) -> tuple[str, str | None, bytes | None] | None:
            row: tuple[str, str | None, bytes | None] | None = db.execute(
                "SELECT email, display_name, image FROM bare WHERE tenant_id = ? AND id = ?",
                (tenant, subject),
            ).fetchone()
            return row  # for its type

        return update, read

    return program(start)


def postgres() -> Any:
    async def start() -> tuple[Update, Read]:
        import asyncpg

        pool = await asyncpg.create_pool(os.environ["BENCH_DATABASE"], min_size=8, max_size=8)

        async def update(tenant: str, subject: str, name: str) -> str | None:
            stored: str | None = await pool.fetchval(
                "UPDATE bare SET display_name = $1, version = version + 1"
                " WHERE tenant_id = $2 AND id = $3 RETURNING display_name",
                name, tenant, subject,
            )  # fmt: skip
            return stored

        async def read(tenant: str, subject: str) -> tuple[str, str | None, bytes | None] | None:
            row = await pool.fetchrow(
                "SELECT email, display_name, image FROM bare WHERE tenant_id = $1 AND id = $2",
                tenant, subject,
            )  # fmt: skip
            return tuple(row) if row else None

        return update, read

    return program(start)
