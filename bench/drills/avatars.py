"""64 pictures at once: updates of names go on."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from concurrent.futures import ProcessPoolExecutor

import httpx2
from PIL import Image
from service import ME, Service, client, p99, service, timed_updates, verdict

UPLOADS = 64
UPDATES = 400


def picture() -> str:
    """A JPEG of 1,600 pixels a side, which must be decoded, scaled and encoded anew."""
    file = io.BytesIO()
    Image.effect_noise((100, 100), 60).resize((1600, 1600)).convert("RGB").save(
        file, "JPEG", quality=40
    )
    assert file.tell() <= 262_144
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def upload_all(address: str, people: list[dict[str, str]], body: bytes) -> int:
    """How many were stored; in a process of its own, so that it slows no other client."""

    async def upload_all_at_once() -> int:
        limits = httpx2.Limits(max_connections=UPLOADS)
        async with httpx2.AsyncClient(base_url=address, limits=limits, timeout=60) as sender:
            typed = {"Content-Type": "application/json"}
            sent = [sender.put(ME, content=body, headers=each | typed) for each in people]
            return sum(answer.status_code == 200 for answer in await asyncio.gather(*sent))

    return asyncio.run(upload_all_at_once())


async def drill(drilled: Service, elsewhere: ProcessPoolExecutor) -> tuple[float, float, int]:
    body = json.dumps({"avatar_base64": picture()}).encode()
    loop = asyncio.get_running_loop()
    async with client(drilled, 1) as sender:
        await timed_updates(sender, drilled.headers[0], 100)
        idle = p99(await timed_updates(sender, drilled.headers[0], UPDATES))
        uploads = loop.run_in_executor(
            elsewhere, upload_all, drilled.address, drilled.headers[1:], body
        )
        took = []
        while not uploads.done():
            took += await timed_updates(sender, drilled.headers[0], 10)
    return idle, p99(took), await uploads


def main() -> None:
    with service(1 + UPLOADS) as drilled, ProcessPoolExecutor(1) as elsewhere:
        elsewhere.submit(int).result()
        idle, under, stored = asyncio.run(drill(drilled, elsewhere))
    result = f"p99 of updates {under / idle:.2f} times idle with {UPLOADS} uploads, {stored} stored"
    verdict("avatars", result, holds=under <= 3 * idle and stored == UPLOADS)


if __name__ == "__main__":
    main()
