"""64 pictures at once: updates of names go on."""

from __future__ import annotations

import asyncio
import base64
import io

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


async def drill(drilled: Service) -> tuple[float, float, int]:
    uri = picture()
    async with client(drilled, 1) as sender, client(drilled, UPLOADS) as uploader:
        await timed_updates(sender, drilled.headers[0], 100)
        idle = p99(await timed_updates(sender, drilled.headers[0], UPDATES))

        async def upload(number: int) -> int:
            headers = drilled.headers[1 + number]
            answer: httpx2.Response = await uploader.put(
                ME, json={"avatar_base64": uri}, headers=headers
            )
            return answer.status_code

        uploads = [asyncio.create_task(upload(number)) for number in range(UPLOADS)]
        took = []
        while not all(each.done() for each in uploads):
            took += await timed_updates(sender, drilled.headers[0], 10)
        statuses = await asyncio.gather(*uploads)
    return idle, p99(took), sum(status == 200 for status in statuses)


def main() -> None:
    with service(1 + UPLOADS) as drilled:
        idle, under, stored = asyncio.run(drill(drilled))
    told = f"p99 of updates {under / idle:.2f} times idle with {UPLOADS} uploads, {stored} stored"
    verdict("avatars", told, holds=under <= 3 * idle and stored == UPLOADS)


main()
