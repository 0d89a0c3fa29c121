"""What people do on the settings page, and what the service has of them afterwards."""

import asyncio
import base64
import json
from io import BytesIO
from pathlib import Path

import httpx2
from PIL import Image
from playwright.async_api import expect

from profile_api.rest.documented import ME

ADA, GRACE, ALAN, EDSGER = range(4)


async def stored(demo, who=ADA):
    async with httpx2.AsyncClient(timeout=60) as client:
        answer = await client.get(f"{demo.address}{ME}", headers=demo.headers(who))
    return answer.json()


async def put(demo, body, who=ADA):
    async with httpx2.AsyncClient(timeout=60) as client:
        answer = await client.put(f"{demo.address}{ME}", json=body, headers=demo.headers(who))
    assert answer.status_code == 200


async def saved(page):
    await page.evaluate("document.getElementById('status').textContent = ''")
    await page.click("#save")
    await expect(page.locator("#status")).to_have_text("Saved")


def uri(image):
    return f"data:image/png;base64,{base64.b64encode(image).decode()}"


def file(data, name="me.png", media_type="image/png"):
    return {"name": name, "mimeType": media_type, "buffer": data}


async def offered(page, data):
    """The dialog in which a picture is cropped is open."""
    await expect(page.locator("#choose")).to_be_enabled()  # the page takes no file before
    await page.set_input_files("#file", files=[file(data)])
    await expect(page.locator("dialog")).to_be_visible()


async def used(page):
    """What was cropped is the picture to save."""
    await page.click("text=Use picture")
    await expect(page.locator("#picture img")).to_be_visible()
    await expect(page.locator("#pending")).to_have_text("Not saved yet")


async def chosen(page, data):
    await offered(page, data)
    await used(page)


async def downloaded(page):
    """The name of the file with all that is kept, and what is in it."""
    async with page.expect_download() as file_of:
        await page.get_by_role("button", name="Download all of it").click()
    download = await file_of.value
    text = await asyncio.to_thread(Path(await download.path()).read_text, "utf-8")
    return download.suggested_filename, json.loads(text)


def image_of(profile):
    head, _, data = profile["avatar_base64"].partition(",")
    decoded = base64.b64decode(data)
    return head, decoded, Image.open(BytesIO(decoded))
