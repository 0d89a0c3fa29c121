"""People sign in with a real provider, in a real browser: what they see, and what is kept."""

from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import expect

from browsing import axe, looking_at, needs_axe, needs_chromium
from openid import needs_node
from running import OTHER_TENANT, TENANT
from signing_in import (
    ADA,
    ALL_BUT_OVER,
    KEPT,
    PEOPLE,
    WHO,
    allowed,
    asked,
    button,
    provider_page,
    save,
    signed_in,
    tokens_of,
    told,
    typed,
    visited,
)

pytestmark = [pytest.mark.journey, needs_chromium, needs_node]


async def test_a_person_signs_in_and_saves_and_no_token_is_stored(page, tmp_path):
    given = tokens_of(page)
    async with visited(page, tmp_path, more={"refresh": True}) as (demo, _):
        await told(page, "Sign in to see your profile")
        await signed_in(page)
        assert page.url.rstrip("#1") == f"{demo.address}/", "nothing of the answer is left"
        await typed(page).fill("Countess")
        await button(page, "Save changes").click()
        await expect(page.locator("#status")).to_have_text("Saved")
        await expect(page.locator("h1:visible")).to_have_text("Countess")
        assert len(given) == 3
        kept = await page.evaluate(KEPT)
        assert not [each for each in given if each in kept]
        assert "verifier" not in kept


async def test_the_request_is_bound_to_this_browser_and_this_answer(page, tmp_path):
    async with visited(page, tmp_path) as (demo, _):
        async with page.expect_request(lambda request: "/auth?" in request.url) as leaving:
            await asked(page)
        sent = parse_qs(urlsplit((await leaving.value).url).query)
        assert sent["response_type"] == ["code"]
        assert sent["code_challenge_method"] == ["S256"]
        assert sent["redirect_uri"] == [f"{demo.address}/"]
        assert sent["scope"] == ["openid"]
        for each in ("state", "nonce", "code_challenge"):
            assert len(sent[each][0]) == 43
        assert "client_secret" not in sent
        await provider_page(page, WHO)


async def test_a_reload_asks_nothing(page, tmp_path):
    async with visited(page, tmp_path):
        await signed_in(page)
        await page.reload()
        await expect(page.locator("#email")).to_have_text(ADA["email"])


async def test_a_reload_after_the_providers_session_is_over_asks_again(page, tmp_path):
    async with visited(page, tmp_path):
        await signed_in(page)
        await page.context.clear_cookies()
        await page.reload()
        await told(page, "Your session is over")
        await asked(page, "Sign in again")
        await allowed(page)
        await expect(page.locator("#email")).to_have_text(ADA["email"])


async def test_a_second_tab_is_signed_in_by_a_click(page, tmp_path):
    async with visited(page, tmp_path) as (demo, _):
        await signed_in(page)
        second = await page.context.new_page()
        async with looking_at(second, demo):
            await asked(second)
            await expect(second.locator("#email")).to_have_text(ADA["email"])
            await expect(page.locator("#email")).to_have_text(ADA["email"])


async def test_the_back_button_shows_the_profile_or_the_provider_and_traps_nobody(page, tmp_path):
    async with visited(page, tmp_path, faults=["status of 400"]) as (demo, _):
        await signed_in(page)
        been = []
        for _ in range(10):
            await page.go_back(wait_until="networkidle")
            been.append(page.url)
            if page.url == "about:blank":
                break
        assert been[-1] == "about:blank"
        await page.goto(f"{demo.address}/")
        await expect(page.locator("#email")).to_have_text(ADA["email"])


async def test_a_person_who_is_there_in_german_reads_german(tab, tmp_path):
    context = await tab.context.browser.new_context(locale="de-AT")
    page = await context.new_page()
    async with visited(page, tmp_path):
        await told(page, "Melden Sie sich an, um Ihr Profil zu sehen")
        await asked(page, "Anmelden")
        await allowed(page)
        await expect(button(page, "Abmelden")).to_be_visible()
    await context.close()


async def test_words_keep_their_direction_in_a_page_of_the_other(page, tmp_path):
    async with visited(page, tmp_path):
        await told(page, "Sign in to see your profile")
        await page.evaluate("document.documentElement.dir = 'rtl'")
        for text in await page.locator("#sign-in > *").all():
            assert await text.evaluate("(text) => getComputedStyle(text).direction") == "ltr"


# Several tenants

MIA = {"email": "mia@example.com", "given_name": "Mia", "tenant_id": ["acme", "globex"]}
SEVERAL = {
    "people": PEOPLE | {"mia": MIA},
    "issuer": {"tenant_ids": {"acme": TENANT, "globex": OTHER_TENANT}},
    "more": {"tenants": ["acme", "globex"]},
}


async def test_somebody_of_several_tenants_chooses_and_changes(page, tmp_path):
    scope = {"scope": "openid profile:write tenant:{tenant}"}
    async with visited(page, tmp_path, sign_in=scope, **SEVERAL):
        await asked(page)
        await allowed(page, "mia")
        await told(page, "For which organisation?")
        async with page.expect_response("**/sign-in/tenant") as told_of:
            await asked(page, "globex")
            await button(page, "Allow").click()
        assert await (await told_of.value).json() == {"tenant_id": OTHER_TENANT}
        await expect(page.locator("#email")).to_have_text(MIA["email"])
        await page.reload()
        await expect(page.get_by_label("Organisation")).to_have_value("globex")
        async with page.expect_response("**/sign-in/tenant") as told_of:
            await page.get_by_label("Organisation").select_option("acme")
            await button(page, "Allow").click()
        assert await (await told_of.value).json() == {"tenant_id": TENANT}
        await expect(page.get_by_label("Organisation")).to_have_value("acme")


async def test_a_provider_that_cannot_be_asked_for_one_tenant_is_told_of(page, tmp_path):
    async with visited(page, tmp_path, **SEVERAL):
        await asked(page)
        await allowed(page, "mia")
        await told(page, "You belong to several organisations")


# How it looks


@needs_axe
@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (1280, "dark")])
async def test_axe_finds_nothing(page, tmp_path, width, scheme):
    await page.clock.install()
    look = {"width": width, "scheme": scheme}
    async with visited(page, tmp_path, look=look):
        await told(page, "Sign in to see your profile")
        assert await axe(page) == []
        await signed_in(page)
        assert await axe(page) == []
        await typed(page).fill("Countess")
        await page.clock.fast_forward(ALL_BUT_OVER)
        await save(page)
        await expect(page.locator("#notice h2")).to_have_text("Your session is over")
        assert await axe(page) == []
