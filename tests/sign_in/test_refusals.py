"""What people are told when a sign-in fails, and what is refused although it looks like an answer."""

import time
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import expect

from browsing import looking_at, needs_chromium
from openid import needs_node
from running import TENANT
from signing_in import (
    ADA,
    MAY_IT,
    WHO,
    allowed,
    asked,
    button,
    provider_page,
    signed_in,
    signing,
    told,
    visited,
)

pytestmark = [pytest.mark.journey, needs_chromium, needs_node]


async def test_consent_refused_is_told_and_can_be_given_later(page, tmp_path):
    async with visited(page, tmp_path):
        await asked(page)
        await page.get_by_role("button", name="Ada Lovelace").click()
        await provider_page(page, MAY_IT)
        await button(page, "Cancel").click()
        await told(page, "You did not allow it")
        await asked(page)
        await button(page, "Allow").click()
        await expect(page.locator("#email")).to_have_text(ADA["email"])


async def test_a_provider_that_is_away_is_told_and_tried_again(page, tmp_path):
    async with visited(page, tmp_path, faults=["ERR_CONNECTION_REFUSED"]) as (_, idp):
        await idp.stop()
        await asked(page)
        await expect(page.locator("#sign-in h1")).to_contain_text("cannot be reached")
        await idp.start()
        await asked(page, "Try again")
        await allowed(page)
        await expect(page.locator("#email")).to_have_text(ADA["email"])


async def test_a_provider_that_goes_away_in_the_middle_leaves_a_way_back(page, tmp_path):
    async with visited(page, tmp_path, faults=["ERR_CONNECTION_REFUSED"]) as (demo, idp):
        await asked(page)
        await provider_page(page, WHO)
        await idp.stop()
        await page.get_by_role("button", name="Ada Lovelace").click()
        await page.wait_for_url("chrome-error:**")
        await page.goto(f"{demo.address}/")
        await idp.start()
        await signed_in(page)


async def test_a_provider_that_does_not_give_the_token_is_told(page, tmp_path):
    async with visited(page, tmp_path, faults=["ERR_FAILED"]) as (_, idp):
        await page.route(f"{idp.url}/token", lambda route: route.abort())
        await asked(page)
        await allowed(page)
        await expect(page.locator("#sign-in h1")).to_contain_text("cannot be reached")
        await page.unroute_all()
        await asked(page, "Try again")
        await expect(page.locator("#email")).to_have_text(ADA["email"])


async def test_an_answer_that_was_used_or_never_asked_for_is_refused(page, tmp_path):
    async with visited(page, tmp_path) as (demo, idp):
        await page.goto(f"{demo.address}/?code=stolen&state=forged&iss={idp.url}")
        await told(page, "This sign-in is over")
        assert page.url == f"{demo.address}/"
        await signed_in(page)


@pytest.mark.parametrize(
    "issuer", ["http://127.0.0.1:1", None], ids=["another issuer", "no issuer"]
)
async def test_an_answer_of_another_issuer_is_refused_before_its_code_is_used(
    page, tmp_path, issuer
):
    async with visited(page, tmp_path) as (demo, idp):
        used = []
        page.on("request", lambda request: "/token" in request.url and used.append(request))

        async def mixed_up(route):
            state = parse_qs(urlsplit(route.request.url).query)["state"][0]
            iss = f"&iss={issuer}" if issuer else ""
            await route.fulfill(
                status=303, headers={"Location": f"{demo.address}/?code=x&state={state}{iss}"}
            )

        await page.route(f"{idp.url}/auth?**", mixed_up)
        await asked(page)
        await told(page, "The answer was not the provider's")
        assert used == []


async def test_an_id_token_for_another_request_is_refused(page, tmp_path):
    async with visited(page, tmp_path) as (_, idp):

        async def another_nonce(route):
            await route.continue_(url=route.request.url.replace("nonce=", "nonce=another"))

        await page.route(f"{idp.url}/auth?**", another_nonce)
        await asked(page)
        await allowed(page)
        await told(page, "The answer was not the provider's")


async def test_a_token_of_another_tenant_is_refused_and_another_account_may_be_used(page, tmp_path):
    async with visited(page, tmp_path, issuer={"tenants": [TENANT]}):
        await asked(page)
        await allowed(page, "eve")
        await told(page, "This account cannot be used here")
        await asked(page, "Use another account")
        await allowed(page)
        await expect(page.locator("#email")).to_have_text(ADA["email"])


@pytest.mark.parametrize("minutes", [-5, 5])
async def test_a_device_whose_clock_is_five_minutes_off_signs_in(page, tmp_path, minutes):
    await page.clock.install(time=time.time() + 60 * minutes)
    async with visited(page, tmp_path):
        await signed_in(page)


async def test_a_provider_whose_clock_is_five_minutes_ahead_is_told_of(page, tmp_path):
    async with visited(page, tmp_path, more={"skew": 300}):
        await asked(page)
        await allowed(page)
        await told(page, "The clocks do not agree")


async def test_a_provider_that_does_not_know_the_page_is_told_of(page, tmp_path):
    async with visited(page, tmp_path, sign_in={"parameters": {"max_age": "-1"}}):
        await asked(page)
        await expect(page.locator("#sign-in h1")).to_contain_text("does not know this page")


@pytest.mark.parametrize("state", ["signed-out", "signed_out", "toString"])
async def test_a_link_cannot_say_that_somebody_signed_out(page, tmp_path, state):
    async with visited(page, tmp_path) as (demo, _):
        await signed_in(page)
        await page.goto(f"{demo.address}/?state={state}")
        await expect(page.locator("#email")).to_have_text(ADA["email"])
        assert "state" not in page.url


async def test_a_page_that_came_by_http_says_that_nobody_can_sign_in_there(page, tmp_path):
    async with signing(tmp_path) as (demo, _):
        elsewhere = "http://profile.example"

        async def served(route):
            url = route.request.url.replace(elsewhere, demo.address)
            await route.fulfill(response=await route.fetch(url=url))

        await page.context.route(f"{elsewhere}/**", served)
        faults = ["Cross-Origin-Opener-Policy header has been ignored"]  # by http it always is
        async with looking_at(page, replace(demo, address=elsewhere), faults=faults):
            await told(page, "Open this page by https")
            await expect(page.locator("#sign-in").get_by_role("button")).to_have_count(0)
