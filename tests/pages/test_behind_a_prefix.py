"""The pages behind a real nginx that strips a prefix and compresses, in a real browser."""

import json
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from playwright.async_api import expect

from browsing import demonstrated, looking_at, needs_chromium
from profile_api.rest.documented import ME
from profile_testing import nginx
from profile_testing.images import photo, png
from programs import needs
from settings_steps import GRACE, chosen, image_of, saved, stored

pytestmark = [needs_chromium, needs("nginx")]
STRIPPING = """
    gzip on; gzip_types application/json text/javascript text/css;
    location /profile/ { proxy_pass http://service/; }
"""
ASSETS = "/assets/"


@asynccontextmanager
async def behind(folder, locations):
    """A demo as people reach it below ``/profile``; whatever else a page asks for is foreign."""
    async with demonstrated(folder) as demo:
        with nginx.proxied(folder, demo.address, locations) as address:
            yield replace(demo, address=f"{address}/profile")


@pytest.fixture
async def demo(tmp_path):
    async with behind(tmp_path, STRIPPING) as demo:
        yield demo


async def test_the_settings_page_saves_names_and_a_picture(tab, demo):
    async with looking_at(tab, demo) as page:
        await page.fill("#displayName", "Countess")
        await saved(page)
        await chosen(page, png(photo(64, 64)))
        await saved(page)
        await page.reload()
        await expect(page.locator("#name")).to_have_text("Countess")
        assert await page.evaluate("document.querySelector('#picture img').naturalWidth") == 64
    profile = await stored(demo)
    assert profile["display_name"] == "Countess"
    assert image_of(profile)[2].size == (64, 64)
    assert {path for _, path in demo.seen if ASSETS not in path} <= {"/", "/graphql", ME}


async def test_the_settings_page_leads_to_graphiql_which_runs_a_mutation(tab, demo):
    async with looking_at(tab, demo) as page:
        await page.click("text=GraphiQL")
        await page.wait_for_url(f"{demo.address}/graphql")
        await page.get_by_role("tab", name="Rename").click()
        await page.click(".graphiql-execute-button")
        await expect(page.locator(".result-window")).to_contain_text('"name": "Countess of')


async def test_the_settings_page_leads_to_the_reference_which_puts_a_profile(tab, demo):
    async with looking_at(tab, demo) as page:
        await page.click("text=Reference")
        await page.wait_for_url(f"{demo.address}/docs")
        await page.get_by_label("Act as").select_option(label=demo.people[GRACE].label)
        put = page.locator(".opblock-put")
        await put.locator(".opblock-summary-control").click()
        await put.locator("textarea").fill(json.dumps({"display_name": "Amazing Grace"}))
        await put.locator(".execute").click()
        answer = put.locator(".live-responses-table")
        await expect(answer.locator("tbody .response-col_status").first).to_contain_text("200")
        await expect(put.locator(".curl-command")).to_contain_text(f"{demo.address}{ME}")
    assert (await stored(demo, GRACE))["display_name"] == "Amazing Grace"


@pytest.mark.parametrize("path", ["/", "/graphql", "/docs"])
async def test_nothing_that_a_page_asks_for_is_missing(tab, demo, path):
    missing = []

    def note(response):
        if response.status >= 400:
            missing.append((response.status, response.url))

    tab.on("response", note)
    try:
        async with looking_at(tab, demo, path) as page:
            await page.wait_for_load_state("networkidle")
    finally:
        tab.remove_listener("response", note)
    assert missing == []
    assert ("GET", path) in demo.seen
    assert [each for _, each in demo.seen if each.startswith(ASSETS)]
