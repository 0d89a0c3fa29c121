"""What the settings page says and keeps when an answer is not the one that was hoped for."""

import json
import re
import time

import pytest
from jose.jwt import get_unverified_claims
from playwright.async_api import expect

from browsing import axe, looking_at, needs_axe, needs_chromium, other_tab
from profile_domain.errors import Code
from settings_steps import saved, stored

pytestmark = needs_chromium


def refusal(code, **more):
    return {"errors": [{"message": "No.", "extensions": {"code": code, **more}}], "data": None}


async def answering(page, body, word="", **more):
    """Lets the service answer whatever has this word so."""

    async def answer(route):
        if word not in (route.request.post_data or ""):
            return await route.continue_()
        return await route.fulfill(body=body if isinstance(body, str) else json.dumps(body), **more)

    await page.route("**/graphql", answer)


async def refused(page, body, **more):
    """A save that the service answers so; what was typed is still there."""
    await expect(page.locator("h1")).to_have_text("Ada Lovelace")
    await answering(page, body, "mutation", **more)
    await page.get_by_label("Display name").fill("Mine")
    await page.click("#save")
    await expect(page.locator("#notice")).to_be_visible()
    await expect(page.locator("#notice")).to_be_focused()
    await expect(page.locator("#notice")).to_contain_text("What you typed is still here.")
    await expect(page.get_by_label("Display name")).to_have_value("Mine")
    await page.unroute_all()


NONSENSE = ["[]", "null", '{"data": null}', '{"data": {"me": null}}', '{"data": []}', '"no"', "", "<p>",
            '{"errors": "no"}', '{"errors": [null]}', '{"data": {"me": {"id": "1"}}}']  # fmt: skip


@needs_axe
@pytest.mark.parametrize("body", NONSENSE)
@pytest.mark.journey
async def test_a_first_load_that_fails_leaves_the_form_and_a_way_to_try_again(tab, demo, body):
    async with looking_at(tab, demo, "/docs") as page:
        await answering(page, body)
        await page.goto(demo.address)
        await expect(page.locator("#notice")).to_contain_text("do not understand each other")
        await expect(page.get_by_label("First name")).to_be_disabled()
        await expect(page.locator("#pending")).to_have_text("Not loaded")
        assert await axe(page) == []
        await page.unroute_all()
        await page.get_by_role("button", name="Try again").click()
        await expect(page.get_by_label("First name")).to_have_value("Ada")
        await expect(page.locator("#notice")).to_be_hidden()
        await expect(page.locator("#history")).to_be_hidden()


@pytest.mark.parametrize("body", [*NONSENSE, '{"data": {"updateMyProfile": null}}'])
async def test_a_save_with_a_nonsensical_answer_keeps_what_was_typed(tab, demo, body):
    async with looking_at(tab, demo) as page:
        await refused(page, body)
        await page.get_by_role("button", name="Save again").click()
        await expect(page.locator("#status")).to_have_text("Saved")
    assert (await stored(demo))["display_name"] == "Mine"


@pytest.mark.parametrize("code", [*map(str, Code), "brand_new"])
async def test_every_code_is_told_in_words_for_people(tab, demo, code):
    async with looking_at(tab, demo) as page:
        await refused(page, refusal(code), headers={"X-Request-ID": "request-7"})
        told = await page.locator("#notice").inner_text()
        assert re.search(r"\b(Try|Save|save|Sign|Ask|administrator|Choose|Look)\b", told)
        assert not re.search(r"JSON|token|HTTP|header|UUID|GraphQL|precondition|base64", told)
        if code in {"internal_error", "brand_new", "malformed_json"}:
            assert "request-7" in told


async def test_a_token_that_expired_is_renewed_and_nothing_is_typed_twice(tab, demo):
    async with looking_at(tab, demo) as page:
        await refused(page, refusal("unauthenticated", details={"reason": "expired"}))
        async with page.expect_request("**/graphql") as again:
            await page.get_by_role("button", name="Sign in again").click()
        renewed = (await again.value).headers["authorization"]
        await expect(page.locator("#status")).to_have_text("Saved")
        await expect(page.locator("#notice")).to_be_hidden()
        assert renewed.startswith("Bearer ")
    assert demo.seen.count(("GET", "/")) == 2
    assert (await stored(demo))["display_name"] == "Mine"


async def test_a_page_that_is_loaded_again_has_a_new_token(demo, monkeypatch):
    first = demo.people[0].token
    later = time.time() + 60
    monkeypatch.setattr("time.time", lambda: later)
    second = demo.people[0].token
    assert get_unverified_claims(second)["exp"] > get_unverified_claims(first)["exp"]


@pytest.fixture
async def clocked(tab):
    """A tab whose clock a test sets."""
    async with other_tab(tab) as page:
        await page.clock.install()
        yield page


async def never(_):
    """A request that nobody answers."""


async def test_a_load_without_an_answer_ends_with_words(clocked, demo):
    async with looking_at(clocked, demo, "/docs") as page:
        await page.route("**/graphql", never)
        await page.goto(demo.address)
        await expect(page.locator("#form")).to_have_class("loading")
        await expect(page.locator("#pending")).to_have_text("Loading…")
        await page.clock.fast_forward(5_000)
        await expect(page.locator("#pending")).to_have_text("This takes longer than usual…")
        await page.clock.fast_forward(10_000)
        await expect(page.locator("#notice")).to_contain_text("No answer came in time.")
        await page.unroute_all()
        await page.get_by_role("button", name="Try again").click()
        await expect(page.get_by_label("First name")).to_have_value("Ada")


async def test_a_save_without_an_answer_ends_with_words(clocked, demo):
    async with looking_at(clocked, demo) as page:
        await expect(page.locator("h1")).to_have_text("Ada Lovelace")
        await page.route("**/graphql", never)
        await page.get_by_label("Display name").fill("Mine")
        await page.click("#save")
        await expect(page.locator("#save")).to_have_text("Saving…")
        await page.clock.fast_forward(5_000)
        await expect(page.locator("#pending")).to_have_text("This takes longer than usual…")
        await page.clock.fast_forward(25_000)
        await expect(page.locator("#notice")).to_contain_text("No answer came in time.")
        await expect(page.get_by_label("Display name")).to_have_value("Mine")
        await page.unroute_all()
        await page.get_by_role("button", name="Save again").click()
        await expect(page.locator("#status")).to_have_text("Saved")


async def test_the_seconds_to_wait_are_counted_down(clocked, demo):
    async with looking_at(clocked, demo) as page:
        await expect(page.locator("h1")).to_have_text("Ada Lovelace")
        await page.clock.pause_at(await page.evaluate("Date.now() + 1000"))
        await refused(page, refusal("rate_limited"), headers={"Retry-After": "18"})
        for text, seconds in (("18 seconds", 1), ("17 seconds", 16), ("1 second.", 0)):
            await expect(page.locator("#notice")).to_contain_text(text)
            await expect(page.locator("#pending")).to_contain_text(text)
            await page.clock.run_for(1_000 * seconds)
        async with page.expect_event("console", lambda message: message.text == "still") as still:
            await page.click("#save", force=True)
            await page.evaluate("console.log('still')")
        await still.value
        await expect(page.locator("#status")).to_contain_text("1 second.")
        await page.clock.run_for(1_000)
        await expect(page.locator("#status")).to_have_text("You can save again now.")
        await page.get_by_role("button", name="Save again").click()
        await expect(page.locator("#pending")).to_have_text("Everything is saved")
    assert (await stored(demo))["display_name"] == "Mine"


async def test_who_is_offline_is_told_so_and_goes_on_when_back(tab, demo):
    async with other_tab(tab) as page, looking_at(page, demo) as page:
        await expect(page.locator("h1")).to_have_text("Ada Lovelace")
        await page.evaluate(
            "() => { window.fetch = () => Promise.reject(new TypeError('no network')); }"
        )
        await page.context.set_offline(True)
        await page.get_by_label("Display name").fill("Mine")
        await page.click("#save")
        await expect(page.locator("#notice")).to_contain_text("You are offline.")
        await page.context.set_offline(False)
        await page.click("#save")
        await expect(page.locator("#notice")).to_contain_text("The service cannot be reached.")
        await expect(page.get_by_label("Display name")).to_have_value("Mine")


async def test_a_history_that_does_not_come_can_be_asked_for_again(tab, demo):
    async with looking_at(tab, demo) as page:
        await answering(page, refusal("unavailable"), "changes(")
        await page.get_by_label("First name").fill("Augusta")
        await saved(page)
        await expect(page.locator("#history .error")).to_have_text(
            "The history could not be loaded."
        )
        await page.unroute_all()
        await page.locator("#history").get_by_role("button", name="Try again").click()
        await expect(page.locator("#history li")).to_have_count(1)
        await expect(page.locator("#history .error")).to_be_hidden()


async def test_an_export_that_fails_is_told_beside_its_button(tab, demo):
    async with looking_at(tab, demo) as page:
        await expect(page.locator("#data")).to_be_visible()
        await page.evaluate(
            """() => {
                const answer = JSON.stringify({ code: "unavailable", message: "No." });
                window.fetch = async () => new Response(answer, { status: 503 });
            }"""
        )
        await page.get_by_role("button", name="Download").click()
        await expect(page.locator("#data .error")).to_contain_text("cannot answer right now")


async def test_an_export_that_stops_is_given_up(clocked, demo):
    async with looking_at(clocked, demo) as page:
        await expect(page.locator("#data")).to_be_visible()
        await page.evaluate(
            """() => {
                window.fetch = async (url, { signal }) => new Response(new ReadableStream({
                    start(stream) {
                        stream.enqueue(new Uint8Array(2_500_000));
                        signal.addEventListener("abort", () => stream.error(signal.reason));
                    },
                }));
            }"""
        )
        await page.get_by_role("button", name="Download").click()
        await expect(page.locator("#data [role=status]")).to_have_text("2.5 megabytes so far…")
        await page.clock.fast_forward(30_000)
        await expect(page.locator("#data .error")).to_contain_text("No answer came in time.")
