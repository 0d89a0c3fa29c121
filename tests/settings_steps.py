"""What people do on the settings page, and what the service has of them afterwards."""

import base64
from io import BytesIO

import httpx2
from PIL import Image
from playwright.async_api import expect

from profile_api.app import ME

ADA, GRACE, ALAN, EDSGER = range(4)


async def stored(demo, who=ADA):
    async with httpx2.AsyncClient() as client:
        answer = await client.get(f"{demo.address}{ME}", headers=demo.headers(who))
    return answer.json()


async def put(demo, body, who=ADA):
    async with httpx2.AsyncClient() as client:
        answer = await client.put(f"{demo.address}{ME}", json=body, headers=demo.headers(who))
    assert answer.status_code == 200


async def saved(page):
    await page.click("#save")
    await expect(page.locator("#status")).to_have_text("Saved")


def uri(image):
    return f"data:image/png;base64,{base64.b64encode(image).decode()}"


def file(data, name="me.png", media_type="image/png"):
    return {"name": name, "mimeType": media_type, "buffer": data}


async def chosen(page, data):
    await page.set_input_files("#file", files=[file(data)])
    await page.click("text=Use picture")
    await expect(page.locator("#picture img")).to_be_visible()


def image_of(profile):
    head, _, data = profile["avatar_base64"].partition(",")
    decoded = base64.b64decode(data)
    return head, decoded, Image.open(BytesIO(decoded))
