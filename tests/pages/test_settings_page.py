"""The settings page as a whole, in a real browser: tabs, history, people, keyboard, looks."""

import json
import re

import pytest
from playwright.async_api import expect

from browsing import axe, looking_at, needs_axe, needs_chromium
from profile_domain.profile import TEXTS
from profile_graphql.names import camel_case
from profile_testing.images import photo, png
from settings_steps import (
    ADA,
    ALAN,
    EDSGER,
    GRACE,
    chosen,
    downloaded,
    file,
    image_of,
    offered,
    put,
    saved,
    stored,
    uri,
)

pytestmark = needs_chromium


# Two tabs


async def test_two_tabs_lose_nothing_that_was_typed(tab, demo):
    async with looking_at(tab, demo) as page:
        await page.get_by_label("Display name").fill("Mine")
        await put(demo, {"display_name": "Theirs", "first_name": "Augusta"})
        await page.click("#save")
        await expect(page.locator("#notice")).to_contain_text("changed elsewhere")
        await expect(page.get_by_label("Display name")).to_have_value("Mine")
        await expect(page.get_by_label("First name")).to_have_value("Augusta")
        await expect(page.locator(".theirs:visible")).to_contain_text("Theirs")
        assert (await stored(demo))["display_name"] == "Theirs"
        await saved(page)
        await expect(page.locator("#notice")).to_be_hidden()
    profile = await stored(demo)
    assert (profile["display_name"], profile["first_name"]) == ("Mine", "Augusta")


async def test_one_may_take_what_the_other_tab_saved(tab, demo):
    async with looking_at(tab, demo) as page:
        await page.get_by_label("Display name").fill("Mine")
        await page.get_by_label("Last name").fill("Byron")
        await chosen(page, png(photo(40, 40)))
        await put(demo, {"display_name": "Theirs", "avatar_base64": uri(png(photo(8, 8)))})
        await page.click("#save")
        await page.locator("#fields").get_by_text("Use that instead").click()
        await expect(page.get_by_label("Display name")).to_have_value("Theirs")
        await expect(page.get_by_label("Display name")).to_be_focused()
        await page.locator("#avatarBase64-theirs").get_by_text("Use that instead").click()
        await saved(page)
    profile = await stored(demo)
    assert (profile["display_name"], profile["last_name"]) == ("Theirs", "Byron")
    assert image_of(profile)[2].size == (8, 8)


# History


def page_of_history(versions, *, more):
    fields = [
        {"field": "display_name", "old": None, "new": "Countess"},
        {"field": "last_name", "old": "Byron", "new": "Lovelace"},
        {"field": "avatar_base64", "old": "sha256:00", "new": None},
    ]
    nodes = [
        {"at": f"2026-01-0{version}T10:00:00Z", "face": "graphql", "fields": fields}
        for version in versions
    ]
    page = {"hasNextPage": more, "endCursor": str(versions[-1])}
    changes = {"edges": [{"node": node} for node in nodes], "pageInfo": page}
    return {"data": {"me": {"changes": changes}}}


async def test_the_history_is_shown_page_by_page(tab, demo):
    async def answer(route):
        sent = json.loads(route.request.post_data)
        if "changes(" not in sent["query"]:
            return await route.continue_()
        earlier = sent["variables"]["after"] == "8"
        pages = page_of_history([7], more=False) if earlier else page_of_history([9, 8], more=True)
        return await route.fulfill(json=pages)

    async with looking_at(tab, demo) as page:
        await page.route("**/graphql", answer)
        await page.reload()
        entries = page.locator("#history li")
        await expect(entries).to_have_count(2)
        for sentence in (
            "Display name set to Countess", "Last name changed from Byron to Lovelace", "Picture removed",
            "by GraphQL",
        ):  # fmt: skip
            await expect(entries.first).to_contain_text(sentence)
        await page.click("text=Show earlier changes")
        await expect(entries).to_have_count(3)
        await expect(entries.last).to_be_focused()
        await expect(page.get_by_text("Show earlier changes")).to_be_hidden()


async def test_what_was_saved_stands_in_the_history(tab, demo):
    async with looking_at(tab, demo) as page:
        await page.get_by_label("First name").fill("Augusta")
        await saved(page)
        await expect(page.locator("#history li").first).to_contain_text(
            "First name changed from Ada to Augusta"
        )


# Whom one acts as


async def test_switching_keeps_what_was_typed_for_each(tab, demo):
    async with looking_at(tab, demo) as page:
        await page.get_by_label("Display name").fill("Countess")
        await page.get_by_label("Act as").select_option(str(EDSGER))
        await expect(page.locator("#email")).to_have_text("edsger@globex.example")
        await expect(page.get_by_label("Display name")).to_have_value("")
        await page.get_by_label("Display name").fill("EWD")
        await saved(page)
        await page.get_by_label("Act as").select_option(str(ADA))
        await expect(page.get_by_label("Display name")).to_have_value("Countess")
        await saved(page)
    assert (await stored(demo, EDSGER))["display_name"] == "EWD"
    assert (await stored(demo, ADA))["display_name"] == "Countess"


async def test_everything_can_be_done_by_keyboard(tab, demo):
    async with looking_at(tab, demo) as page:
        await expect(page.locator("h1")).to_have_text("Ada Lovelace")
        reached = []
        for _ in range(8 + len(TEXTS)):
            await page.keyboard.press("Tab")
            reached.append(await page.evaluate("document.activeElement.id"))
            if reached[-1] == "firstName":
                await page.keyboard.type("Augusta")
        assert [each for each in reached if each] == [
            "skip", "person", "choose", *map(camel_case, TEXTS), "discard", "save",
        ]  # fmt: skip
        await page.keyboard.press("Enter")
        await expect(page.locator("#status")).to_have_text("Saved")
        await expect(page.locator("#save")).to_be_focused()
    assert (await stored(demo))["first_name"] == "Augusta"


async def test_skipping_to_the_profile_keeps_the_person_in_the_address(tab, demo):
    async with looking_at(tab, demo, "/#2") as page:
        await expect(page.locator("h1")).to_have_text("Grace Hopper")
        await page.keyboard.press("Tab")
        await expect(page.get_by_text("Skip to your profile")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.locator("main")).to_be_focused()
        assert page.url.endswith("/#2")
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.closest('main') !== null")
        await page.evaluate("location.hash = '#4'")
        await expect(page.locator("#email")).to_have_text("edsger@globex.example")


# What is kept


async def test_all_that_is_kept_is_downloaded(tab, demo):
    await put(demo, {"display_name": "Countess"})
    async with looking_at(tab, demo) as page:
        name, kept = await downloaded(page)
        await expect(page.locator("#status")).to_have_text("Downloaded")
    assert re.fullmatch(r"profile-\d{4}-\d\d-\d\d\.json", name)
    assert kept["profile"]["display_name"] == "Countess"
    assert len(kept["changes"]) == 1


async def test_nothing_is_kept_in_the_browser(tab, demo):
    async with looking_at(tab, demo) as page:
        await page.get_by_label("Display name").fill("Countess")
        await saved(page)
        assert await page.evaluate("localStorage.length + sessionStorage.length") == 0
        assert await page.evaluate("document.cookie") == ""


# How it looks

LOOKS = {
    "phone": {"width": 360},
    "dark": {"width": 1280, "scheme": "dark"},
    "phone in the dark": {"width": 320, "scheme": "dark"},
}


@needs_axe
@pytest.mark.parametrize("look", LOOKS)
async def test_axe_finds_nothing_in_any_state(tab, demo, look):
    async with looking_at(tab, demo, "/docs", **LOOKS[look]) as page:
        waiting = []

        async def wait(route):
            waiting.append(route)

        await page.route("**/graphql", wait)
        await page.goto(f"{demo.address}/#2")
        await expect(page.locator("#form")).to_have_class("loading")
        assert await axe(page) == [], "loading"
        await waiting[0].continue_()
        await page.unroute("**/graphql", wait)
        await expect(page.locator("h1")).to_have_text("Grace Hopper")
        assert await axe(page) == [], "locked by the provider"
        await page.get_by_label("Display name").fill("😀" * 101)
        await page.set_input_files("#file", files=[file(b"no picture")])
        await expect(page.locator("#avatarBase64-error")).not_to_be_empty()
        assert await axe(page) == [], "errors at fields"
        await page.get_by_label("Display name").fill("Mine")
        await put(demo, {"display_name": "Theirs"}, GRACE)
        await page.click("#save")
        await expect(page.locator(".theirs:visible")).to_be_visible()
        assert await axe(page) == [], "changed elsewhere"
        await page.set_input_files("#file", files=[file(png(photo(40, 40)))])
        await expect(page.locator("dialog")).to_be_visible()
        assert await axe(page) == [], "cropping"
        await page.keyboard.press("Escape")
        waiting.clear()
        await page.route("**/graphql", wait)
        await page.click("#save")
        await expect(page.locator("#save")).to_have_text("Saving…")
        assert await axe(page) == [], "saving"
        limited = {"code": "rate_limited", "details": {"retry_after": 18}}
        await waiting[0].fulfill(json={"errors": [{"message": "No.", "extensions": limited}]})
        await expect(page.locator("#notice")).to_contain_text("You can save again in")
        assert await axe(page) == [], "waiting"
        await page.unroute("**/graphql", wait)
        await page.get_by_label("Act as").select_option(str(ALAN))
        await expect(page.locator("#avatarBase64-hint")).to_contain_text("reception")
        assert await axe(page) == [], "kept by a policy"


async def test_parts_of_the_page_have_names_for_who_hears_it(tab, demo):
    async with looking_at(tab, demo) as page:
        await expect(page.locator("h1")).to_have_text("Ada Lovelace")
        for role, name in (
            ("region", "Ada Lovelace"), ("region", "Your names"), ("region", "Your data"),
            ("navigation", "For developers"), ("textbox", "First name"), ("combobox", "Act as"),
        ):  # fmt: skip
            await expect(page.get_by_role(role, name=name)).to_be_visible()
        await offered(page, png(photo(40, 40)))
        for role, name in (
            ("dialog", "Crop your picture"), ("application", "Part of the picture to use"),
            ("slider", "Zoom"),
        ):  # fmt: skip
            await expect(page.get_by_role(role, name=name)).to_be_visible()


@pytest.mark.parametrize("width", [320, 700, 1600])
async def test_nothing_needs_scrolling_sideways(tab, demo, width):
    await put(demo, {"first_name": "W" * 100, "last_name": "i" * 100, "display_name": "M" * 100})
    async with looking_at(tab, demo, width=width) as page:
        await expect(page.locator("h1")).to_have_text("M" * 100)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
async def test_letters_of_twice_the_size_fit(tab, demo, direction):
    async with looking_at(tab, demo, "/#2", width=640) as page:
        await expect(page.locator("h1")).to_have_text("Grace Hopper")
        await page.evaluate(
            """(direction) => {
                document.documentElement.dir = direction;
                document.documentElement.style.fontSize = "200%";
            }""",
            direction,
        )
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await offered(page, png(photo(40, 40)))
        await page.get_by_text("Use picture").scroll_into_view_if_needed()
        await expect(page.get_by_text("Use picture")).to_be_in_viewport()


async def test_nothing_moves_for_who_wants_no_motion_and_colours_may_be_forced(tab, demo):
    async with looking_at(tab, demo, "/docs") as page:
        await page.emulate_media(reduced_motion="reduce", forced_colors="active")
        waiting = []

        async def wait(route):
            waiting.append(route)

        await page.route("**/graphql", wait)
        await page.goto(f"{demo.address}/#2")
        await expect(page.locator("#form")).to_have_class("loading")
        assert await page.evaluate("document.getAnimations().length") == 0
        await waiting[0].continue_()
        await page.unroute("**/graphql", wait)
        await expect(page.locator("h1")).to_have_text("Grace Hopper")
        lock = "getComputedStyle(document.querySelector('.lock'), '::before').backgroundColor"
        ink = "getComputedStyle(document.querySelector('h1')).color"
        assert await page.evaluate(lock) == await page.evaluate(ink)
        await page.emulate_media(forced_colors="none")


async def test_the_page_is_a_demos_alone(service):
    assert (await service.client.get("/")).status_code == 404
