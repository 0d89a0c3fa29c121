"""Sessions that end: renewed, lost without what was typed, or signed out."""

import pytest
from playwright.async_api import expect

from browsing import looking_at, needs_chromium
from openid import needs_node
from signing_in import (
    ADA,
    ALL_BUT_OVER,
    KEPT,
    WHO,
    asked,
    button,
    in_the_window,
    provider_page,
    save,
    signed_in,
    tokens_of,
    told,
    typed,
    visited,
)

pytestmark = [pytest.mark.journey, needs_chromium, needs_node]


# Sessions that end


async def test_a_token_is_renewed_before_it_ends(page, tmp_path):
    await page.clock.install()
    given = tokens_of(page)
    async with visited(page, tmp_path, more={"refresh": True}):
        await signed_in(page)
        await typed(page).fill("Countess")
        await page.clock.fast_forward(ALL_BUT_OVER)
        await save(page)
        await expect(page.locator("#status")).to_have_text("Saved")
        assert len(given) == 6


async def test_a_token_that_the_service_takes_no_more_is_renewed_and_sent_again(page, tmp_path):
    async with visited(page, tmp_path, more={"refresh": True}):
        await signed_in(page)
        await typed(page).fill("Countess")
        refused = {"message": "", "extensions": {"code": "unauthenticated"}}
        await page.route(
            "**/graphql", lambda route: route.fulfill(json={"errors": [refused]}), times=1
        )
        await save(page)
        await expect(page.locator("#status")).to_have_text("Saved")


async def test_a_session_that_ended_loses_no_typing(page, tmp_path):
    await page.clock.install()
    async with visited(page, tmp_path):
        await signed_in(page)
        await typed(page).fill("Countess")
        await page.clock.fast_forward(ALL_BUT_OVER)
        await page.context.clear_cookies()
        await save(page)
        await expect(page.locator("#notice h2")).to_have_text("Your session is over")
        await in_the_window(page, button(page, "Sign in again").click(), who="ada")
        await expect(page.locator("#status")).to_have_text("Saved")
        await expect(page.locator("#notice")).to_be_hidden()
        await expect(typed(page)).to_have_value("Countess")


async def test_while_the_provider_knows_them_the_window_asks_nothing(page, tmp_path):
    await page.clock.install()
    async with visited(page, tmp_path):
        await signed_in(page)
        await typed(page).fill("Countess")
        await page.clock.fast_forward(ALL_BUT_OVER)
        await save(page)
        await in_the_window(page, button(page, "Sign in again").click())
        await expect(page.locator("#status")).to_have_text("Saved")
        await expect(typed(page)).to_have_value("Countess")


async def test_another_person_in_the_window_gets_nothing_of_what_was_typed(page, tmp_path):
    await page.clock.install()
    async with visited(page, tmp_path) as (demo, _):
        await signed_in(page)
        await typed(page).fill("Countess")
        await page.clock.fast_forward(ALL_BUT_OVER)
        await page.context.clear_cookies()
        await save(page)
        before = demo.seen.count(("POST", "/graphql"))
        await in_the_window(page, button(page, "Sign in again").click(), who="bob")
        await expect(page.locator("#notice h2")).to_have_text("Somebody else signed in")
        await expect(typed(page)).to_have_value("Countess")
        await save(page)
        await expect(page.locator("#notice h2")).to_have_text("Your session is over")
        assert demo.seen.count(("POST", "/graphql")) == before


async def test_a_provider_that_is_away_when_a_token_ends_loses_no_typing(page, tmp_path):
    await page.clock.install()
    faults = ["ERR_CONNECTION_REFUSED"]
    async with visited(page, tmp_path, more={"refresh": True}, faults=faults) as (_, idp):
        await signed_in(page)
        await typed(page).fill("Countess")
        await idp.stop()
        await page.clock.fast_forward(ALL_BUT_OVER)
        await save(page)
        await expect(page.locator("#status")).to_have_text("Saved")  # the token was good still
        await typed(page).fill("Ace")
        await page.clock.fast_forward("00:00:30")
        await save(page)
        await expect(page.locator("#notice h2")).to_contain_text("cannot be reached")
        await expect(typed(page)).to_have_value("Ace")


# Signing out


async def test_a_person_signs_out_here_there_and_in_the_other_tab(page, tmp_path):
    async with visited(page, tmp_path, more={"refresh": True}) as (demo, idp):
        await signed_in(page)
        second = await page.context.new_page()
        async with looking_at(second, demo):
            await asked(second)
            await expect(second.locator("#email")).to_have_text(ADA["email"])
            async with page.expect_request(f"{idp.url}/token/revocation"):
                await asked(page, "Sign out")
            await provider_page(page, "Sign out?")
            await told(second, "Sign in to see your profile")
            await asked(page, "Sign out")
            await told(page, "You are signed out")
            assert page.url == f"{demo.address}/"
            assert await page.evaluate(KEPT) == "[{},{}]"
            await asked(page)
            await provider_page(page, WHO)


async def test_the_back_button_shows_nothing_of_who_signed_out(page, tmp_path):
    async with visited(page, tmp_path, faults=["status of 400"]):
        await signed_in(page)
        await asked(page, "Sign out")
        await asked(page, "Sign out")
        await told(page, "You are signed out")
        for _ in range(4):
            await page.go_back(wait_until="networkidle")
            assert ADA["email"] not in await page.inner_text("body")


async def test_without_the_provider_a_person_is_signed_out_here_at_least(page, tmp_path):
    async with visited(page, tmp_path, faults=["ERR_CONNECTION_REFUSED"]) as (_, idp):
        await signed_in(page)
        await idp.stop()
        await asked(page, "Sign out")
        await told(page, "You are signed out here")
        assert await page.evaluate(KEPT) == "[{},{}]"


async def test_a_token_that_cannot_be_revoked_keeps_nobody_signed_in(page, tmp_path):
    faults = ["ERR_FAILED"]
    async with visited(page, tmp_path, more={"refresh": True}, faults=faults) as (_, idp):
        await signed_in(page)
        await page.route(f"{idp.url}/token/revocation", lambda route: route.abort())
        await asked(page, "Sign out")
        await provider_page(page, "Sign out?")
        await asked(page, "Sign out")
        await told(page, "You are signed out")
        await asked(page)
        await provider_page(page, WHO)
