"""Whose answer it is: on the settings page each belongs to the moment that it was asked in."""

import asyncio
import json
from pathlib import Path

import pytest
from playwright.async_api import expect

from browsing import looking_at, needs_chromium
from profile_testing.images import photo, png
from settings_steps import (
    ADA,
    EDSGER,
    GRACE,
    downloaded,
    file,
    image_of,
    offered,
    put,
    saved,
    stored,
    used,
)

pytestmark = [pytest.mark.journey, needs_chromium]
WALK = (Path(__file__).parents[1] / "support/browser/answers.js").read_text("utf-8")


@pytest.mark.parametrize("seed", range(12))
async def test_answers_in_any_order_neither_go_back_nor_lose_anything(tab, demo, seed):
    async with looking_at(tab, demo) as page:
        await expect(page.locator("h1")).to_have_text("Ada Lovelace")
        assert await page.evaluate(WALK, {"seed": seed, "steps": 150}) == []


class Held:
    """Requests that wait until the test lets them go on, each by what it asks for."""

    def __init__(self, page):
        self.page = page
        self.routes = asyncio.Queue()

    async def __aenter__(self):
        await self.page.route("**/graphql", self.routes.put)
        return self

    async def __aexit__(self, *_):
        await self.page.unroute("**/graphql", self.routes.put)

    async def next(self, word):
        """The next request with this word; the others go on."""
        while True:
            route = await self.routes.get()
            if word in route.request.post_data:
                return route
            await route.continue_()


async def test_a_read_begun_before_a_save_is_dropped(tab, demo):
    async with looking_at(tab, demo) as page:
        await page.get_by_label("Display name").fill("Mine")
        async with Held(page) as held:
            await page.evaluate("window.dispatchEvent(new Event('focus'))")
            read = await held.next("query Me")
            old = await read.fetch()
            await page.click("#save")
            await (await held.next("mutation")).continue_()
            await expect(page.locator("#status")).to_have_text("Saved")
            await read.fulfill(response=old)
        await expect(page.get_by_label("Display name")).to_have_value("Mine")
        await expect(page.locator("h1")).to_have_text("Mine")
        await expect(page.locator("#pending")).to_have_text("Everything is saved")


async def test_a_save_goes_on_while_another_person_is_looked_at(tab, demo):
    async with looking_at(tab, demo) as page:
        await page.get_by_label("Display name").fill("Mine")
        async with Held(page) as held:
            await page.click("#save")
            save = await held.next("mutation")
            await page.get_by_label("Act as").select_option(str(GRACE))
            await (await held.next("query Me")).continue_()
            await expect(page.locator("#email")).to_have_text("grace@acme.example")
            await expect(page.locator("#save")).to_have_text("Save changes")
            await page.get_by_label("Act as").select_option(str(ADA))
            await expect(page.locator("#save")).to_have_text("Saving…")
            await save.continue_()
            await expect(page.locator("#pending")).to_have_text("Everything is saved")
        await expect(page.get_by_label("Display name")).to_have_value("Mine")


async def test_a_save_whose_answer_is_lost_is_not_saved_twice(tab, demo):
    async with looking_at(tab, demo) as page:
        await page.get_by_label("Display name").fill(" Mine ")
        async with Held(page) as held:
            await page.click("#save")
            save = await held.next("mutation")
            await save.fetch()
            await save.fulfill(body="<h1>Bad gateway</h1>")
            await expect(page.locator("#notice")).to_contain_text("do not understand each other")
            await expect(page.get_by_label("Display name")).to_have_value(" Mine ")
        await page.get_by_role("button", name="Save again").click()
        await expect(page.locator("#status")).to_have_text("Saved")
        await expect(page.locator("#notice")).to_be_hidden()
        await expect(page.locator("#pending")).to_have_text("Everything is saved")
        await expect(page.locator(".theirs:visible")).to_have_count(0)
        await expect(page.locator("#history li")).to_have_count(1)


async def test_two_tabs_with_the_same_change_have_nothing_left_to_save(tab, demo):
    async with looking_at(tab, demo) as page:
        await page.get_by_label("Display name").fill("The same")
        await put(demo, {"display_name": "The same"})
        await page.click("#save")
        await expect(page.locator("#pending")).to_have_text("Everything is saved")
        await expect(page.locator("#notice")).to_be_hidden()


async def test_being_asked_to_save_again_ends_with_what_there_is_to_save(tab, demo):
    async with looking_at(tab, demo) as page:
        await page.get_by_label("Display name").fill("Mine")
        await put(demo, {"display_name": "Theirs"})
        await page.click("#save")
        await expect(page.locator("#notice")).to_contain_text("then save again")
        await page.get_by_text("Use that instead").click()
        await expect(page.locator("#pending")).to_have_text("Everything is saved")
        await expect(page.locator("#notice")).to_be_hidden()


@pytest.mark.parametrize("event", ["window 'focus'", "document 'visibilitychange'"])
async def test_a_tab_that_comes_to_the_front_is_brought_up_to_date(tab, demo, event):
    target, name = event.split(" ")
    async with looking_at(tab, demo) as page:
        await page.get_by_label("Display name").fill("Mine")
        await put(demo, {"display_name": "Theirs", "first_name": "Augusta"})
        await page.evaluate(f"{target}.dispatchEvent(new Event({name}))")
        await expect(page.get_by_label("First name")).to_have_value("Augusta")
        await expect(page.get_by_label("Display name")).to_have_value("Mine")
        await expect(page.locator(".theirs:visible")).to_contain_text("Theirs")
        await expect(page.locator("#notice")).to_be_hidden()
        await saved(page)
    assert (await stored(demo))["display_name"] == "Mine"


async def test_a_second_click_shows_earlier_changes_once(tab, demo):
    for number in range(7):
        await put(demo, {"display_name": f"Name {number}"})
    async with looking_at(tab, demo) as page:
        await expect(page.locator("#history li")).to_have_count(5)
        async with Held(page) as held:
            await page.locator("#history button.quiet").dblclick()
            earlier = await held.next("changes(")
            await expect(page.locator("#history button.quiet")).to_have_text("Loading…")
            assert held.routes.empty()
            await earlier.continue_()
            await expect(page.locator("#history li")).to_have_count(7)


async def test_a_second_click_saves_once(tab, demo):
    async with looking_at(tab, demo) as page:
        await page.get_by_label("Display name").fill("Once")
        async with Held(page) as held:
            await page.locator("#save").dblclick()
            save = await held.next("mutation")
            await page.keyboard.press("Enter")
            assert held.routes.empty()
            await save.continue_()
            await expect(page.locator("#status")).to_have_text("Saved")
    assert (await stored(demo))["display_name"] == "Once"


# Pictures. A decoder that waits stands for a picture of many megabytes.

SLOW = """() => {
    const decode = window.createImageBitmap;
    window.slow = [];
    window.createImageBitmap = async (file) => {
        if (file.name.startsWith("slow")) await new Promise((go) => window.slow.push(go));
        window.decoded = file.name;
        return decode(file);
    };
}"""
SLOW_ONE = {"name": "slow.png", "mimeType": "image/png", "buffer": png(photo(90, 90))}


async def decoded(page):
    await page.evaluate("window.slow.shift()()")
    await page.wait_for_function("() => window.decoded === 'slow.png'")
    await page.evaluate("new Promise((done) => setTimeout(done, 50))")


async def choosing_slowly(page):
    await expect(page.locator("#choose")).to_be_enabled()
    await page.evaluate(SLOW)
    await page.set_input_files("#file", files=[SLOW_ONE])
    await expect(page.locator("#opening")).to_have_text("Opening the picture…")


async def test_of_two_files_the_later_choice_wins(tab, demo):
    async with looking_at(tab, demo) as page:
        await choosing_slowly(page)
        await offered(page, png(photo(40, 40)))
        await expect(page.locator("#opening")).to_be_empty()
        await decoded(page)
        await used(page)
        await saved(page)
    assert image_of(await stored(demo))[2].size == (40, 40)


async def test_a_file_chosen_while_another_is_cropped_takes_its_place(tab, demo):
    async with looking_at(tab, demo) as page:
        await expect(page.locator("#choose")).to_be_enabled()
        await offered(page, png(photo(300, 200)))
        await page.get_by_label("Zoom").fill("4")
        await page.set_input_files("#file", files=[file(png(photo(60, 40)))])
        await expect(page.get_by_label("Zoom")).to_have_value("1")
        await used(page)
        await saved(page)
    assert image_of(await stored(demo))[2].size == (40, 40)


async def test_a_picture_is_not_taken_over_by_the_next_person(tab, demo):
    async with looking_at(tab, demo) as page:
        await choosing_slowly(page)
        await page.get_by_label("Act as").select_option(str(EDSGER))
        await expect(page.locator("#email")).to_have_text("edsger@globex.example")
        await decoded(page)
        await expect(page.locator("dialog")).to_be_hidden()
        await expect(page.locator("#pending")).to_have_text("Everything is saved")


@pytest.mark.parametrize("button", ["#remove", "#discard"])
async def test_a_picture_is_dropped_by_what_is_done_after_it(tab, demo, button):
    async with looking_at(tab, demo) as page:
        await offered(page, png(photo(40, 40)))
        await used(page)
        await choosing_slowly(page)
        await page.click(button)
        await decoded(page)
        await expect(page.locator("dialog")).to_be_hidden()
        await expect(page.locator("#picture img")).to_be_hidden()


async def test_the_error_of_the_last_file_goes_with_the_next(tab, demo):
    async with looking_at(tab, demo) as page:
        await expect(page.locator("#choose")).to_be_enabled()
        await page.set_input_files("#file", files=[file(b"no picture")])
        await expect(page.locator("#avatarBase64-error")).not_to_be_empty()
        await offered(page, png(photo(40, 40)))
        await expect(page.locator("#avatarBase64-error")).to_be_empty()


async def test_a_download_for_somebody_else_is_dropped(tab, demo):
    async with looking_at(tab, demo) as page:
        asked = asyncio.Queue()
        await page.route("**/v1/users/me/export", asked.put)
        downloads = []

        def note(download):
            downloads.append(download)

        page.on("download", note)
        await page.get_by_role("button", name="Download").click()
        export = await asked.get()
        await page.get_by_label("Act as").select_option(str(EDSGER))
        await expect(page.locator("#email")).to_have_text("edsger@globex.example")
        await export.fulfill(body=json.dumps({"profile": None}))
        await expect(page.locator("#data [role=status]")).to_be_empty()
        await page.unroute_all()
        _, kept = await downloaded(page)
        page.remove_listener("download", note)
    assert kept["profile"]["email"] == "edsger@globex.example"
    assert len(downloads) == 1
