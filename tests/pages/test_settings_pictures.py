"""The picture on the settings page, in a real browser."""

import base64
import random
import re
import struct
from io import BytesIO

import pytest
from PIL import Image
from playwright.async_api import expect

from browsing import looking_at, needs_chromium, other_tab
from profile_domain.pictures.avatar import MAX_BYTES
from profile_testing.images import photo, png
from settings_steps import ALAN, chosen, file, image_of, offered, put, saved, stored, uri, used

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


def heif(brand):
    return struct.pack(">I4s4s4s", 24, b"ftyp", brand, b"\0\0\0\0") + b"mif1heic" + bytes(40)


FILES = {
    "empty": (b"", "is empty"),
    "heic": (heif(b"heic"), "cannot open HEIC photos. Save or export it as JPEG"),
    "heif": (heif(b"mif1"), "cannot open HEIC photos. Save or export it as JPEG"),
    "mp4": (heif(b"isom"), "is a video"),
    "webm": (b"\x1a\x45\xdf\xa3" + bytes(9), "is a video"),
    "svg": (
        b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>',
        "Export it as PNG",
    ),
    "pdf": (b"%PDF-1.7\n", "is a PDF"),
    "tiff": (b"II*\0" + bytes(9), "is a TIFF picture"),
    "text": ("Grüße,\n\tno picture".encode(), "is a text"),
    "program": (b"\x7fELF\0\0", "is no picture that this browser can open"),
    "cut": (png(photo(40, 40))[:60], "is damaged or incomplete"),
}


@pytest.mark.parametrize("kind", FILES)
async def test_a_file_that_cannot_be_opened_is_named_with_what_to_do(tab, demo, kind):
    data, words = FILES[kind]
    async with looking_at(tab, demo) as page:
        await expect(page.locator("#choose")).to_be_enabled()
        await page.set_input_files("#file", files=[file(data)])
        await expect(page.locator("#avatarBase64-error")).to_contain_text(words)
        await expect(page.locator("#choose")).to_be_focused()
        await expect(page.locator("#choose")).to_have_accessible_description(re.compile(words))


async def test_a_decoder_that_never_ends_is_given_up(tab, demo):
    async with other_tab(tab) as page:
        await page.clock.install()
        async with looking_at(page, demo):
            await expect(page.locator("#choose")).to_be_enabled()
            await page.evaluate("() => { window.createImageBitmap = () => new Promise(() => {}); }")
            await page.set_input_files("#file", files=[file(png(photo(40, 40)))])
            await expect(page.locator("#opening")).to_have_text("Opening the picture…")
            await page.clock.fast_forward(30_000)
            await expect(page.locator("#avatarBase64-error")).to_contain_text("takes too long")
            await expect(page.locator("#opening")).to_be_empty()


async def pinched(page, x, y, spreads):
    """Two fingers on the glass, at both sides of a point, so far from it one after the other."""
    session = await page.context.new_cdp_session(page)
    for number, spread in enumerate(spreads):
        at = [{"x": x - spread, "y": y, "id": 1}, {"x": x + spread, "y": y, "id": 2}]
        kind = "touchMove" if number else "touchStart"
        await session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})
    await session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    await session.detach()


async def test_two_fingers_zoom_into_what_is_between_them(tab, demo):
    halves = Image.new("RGB", (400, 400), "red")
    halves.paste("blue", (200, 0, 400, 400))
    out = BytesIO()
    halves.save(out, "PNG")
    async with (
        other_tab(tab, has_touch=True, is_mobile=True) as phone,
        looking_at(phone, demo, width=390) as page,
    ):
        await expect(page.locator("#avatarBase64-hint")).to_have_text(
            "From your photos or your camera."
        )
        await offered(page, out.getvalue())
        await expect(page.locator("#crop-hint")).to_contain_text("pinch")
        stage = await page.locator(".stage").bounding_box()
        x, y = stage["x"] + stage["width"] * 0.75, stage["y"] + stage["height"] * 0.5
        await pinched(page, x, y, range(10, 50, 4))
        await expect(page.get_by_label("Zoom")).to_have_value("4")
        await expect(page.get_by_label("Zoom")).to_have_attribute("aria-valuetext", "400%")
        await used(page)
        await saved(page)
    cut = image_of(await stored(demo))[2].convert("RGB")
    assert cut.size == (100, 100)
    for at in ((3, 50), (96, 50)):
        red, _, blue = cut.getpixel(at)
        assert (red < 60, blue > 200) == (True, True)


async def test_what_a_policy_says_stands_at_the_picture_that_it_keeps(tab, demo):
    async with looking_at(tab, demo, "/#3") as page:
        await expect(page.locator("#avatarBase64-hint")).to_have_text(
            "Acme takes the pictures itself: ask at reception for a new one."
        )
        await expect(page.locator("#choose")).to_be_disabled()
        await expect(page.locator("#notice")).to_be_hidden()
    assert (await stored(demo, ALAN))["avatar_base64"] is None
