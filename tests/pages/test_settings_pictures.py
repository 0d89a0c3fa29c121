"""The picture on the settings page, in a real browser."""

import base64
import random
from io import BytesIO

import pytest
from PIL import Image
from playwright.async_api import expect

from browsing import looking_at, needs_chromium
from profile_domain.pictures.avatar import MAX_BYTES
from profile_testing.images import photo, png
from settings_steps import chosen, file, image_of, offered, put, saved, stored, uri, used

pytestmark = needs_chromium


def noise(width, height):
    """A picture that no coding makes small."""
    image = Image.frombytes("RGB", (width, height), random.Random(1).randbytes(3 * width * height))
    out = BytesIO()
    image.save(out, "PNG", compress_level=0)
    return out.getvalue()


async def test_a_picture_is_chosen_cropped_and_shrunk_to_fit(tab, demo):
    async with looking_at(tab, demo) as page:
        await chosen(page, noise(700, 560))
        await saved(page)
    _, image, opened = image_of(await stored(demo))
    assert len(image) <= MAX_BYTES
    assert opened.size == (512, 512)


async def test_the_crop_is_what_was_moved_into_the_circle(tab, demo):
    halves = Image.new("RGB", (400, 200), "red")
    halves.paste("blue", (200, 0, 400, 200))
    out = BytesIO()
    halves.save(out, "PNG")
    async with looking_at(tab, demo) as page:
        await offered(page, out.getvalue())
        await page.focus(".stage")
        for _ in range(25):
            await page.keyboard.press("ArrowRight")
        await used(page)
        await saved(page)
        right = image_of(await stored(demo))[2].convert("RGB")
        await offered(page, out.getvalue())
        stage = await page.locator(".stage").bounding_box()
        await page.mouse.move(stage["x"] + 20, stage["y"] + 60)
        await page.mouse.down()
        await page.mouse.move(stage["x"] + stage["width"] - 10, stage["y"] + 60, steps=8)
        await page.mouse.up()
        await page.get_by_label("Zoom").fill("2")
        await used(page)
        await saved(page)
    left = image_of(await stored(demo))[2].convert("RGB")
    assert right.size == (200, 200)
    assert left.size == (100, 100)
    (red, _, blue), (other_red, _, other_blue) = right.getpixel((10, 100)), left.getpixel((90, 50))
    assert (red < 60, blue > 200) == (True, True)
    assert (other_red > 200, other_blue < 60) == (True, True)


HAND_OVER = """([how, data]) => {
    const bytes = Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], "me.png", { type: "image/png" }));
    const init = { bubbles: true, cancelable: true };
    const event = how === "paste"
        ? new ClipboardEvent(how, { ...init, clipboardData: transfer })
        : new DragEvent(how, { ...init, dataTransfer: transfer });
    return document.getElementById("fields").dispatchEvent(event);
}"""


async def test_a_picture_is_dropped(tab, demo):
    data = base64.b64encode(png(photo(40, 40))).decode()
    async with looking_at(tab, demo) as page:
        await expect(page.locator("h1")).to_have_text("Ada Lovelace")
        assert not await page.evaluate(HAND_OVER, ["dragover", data])
        await expect(page.locator("#picture")).to_have_class("picture hovered")
        await page.evaluate(HAND_OVER, ["drop", data])
        await used(page)
        await expect(page.locator("#picture")).to_have_class("picture")
        await saved(page)
    assert image_of(await stored(demo))[2].size == (40, 40)


async def test_a_picture_is_pasted(tab, demo):
    data = base64.b64encode(png(photo(40, 40))).decode()
    async with looking_at(tab, demo) as page:
        await expect(page.locator("h1")).to_have_text("Ada Lovelace")
        await page.evaluate(HAND_OVER, ["paste", data])
        await used(page)
        await saved(page)
    assert (await stored(demo))["avatar_base64"]


async def test_a_picture_is_removed(tab, demo):
    await put(demo, {"avatar_base64": uri(png(photo(40, 40)))})
    async with looking_at(tab, demo) as page:
        await expect(page.get_by_alt_text("Your picture")).to_be_visible()
        await page.click("#remove")
        await expect(page.locator(".initials")).to_have_text("AL")
        await expect(page.locator("#choose")).to_be_focused()
        await saved(page)
    assert (await stored(demo))["avatar_base64"] is None


async def test_changing_ones_mind_while_cropping_keeps_the_picture(tab, demo):
    async with looking_at(tab, demo) as page:
        await offered(page, png(photo(40, 40)))
        await page.keyboard.press("Escape")
        await expect(page.locator("#choose")).to_be_focused()
        await expect(page.locator("#picture img")).to_be_hidden()
        await expect(page.locator("#pending")).to_have_text("Everything is saved")
