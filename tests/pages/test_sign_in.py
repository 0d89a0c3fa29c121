"""People sign in with a real provider, in a real browser: what they see, what is kept, what is lost."""

import time
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import expect

from browsing import axe, looking_at, needs_axe, needs_chromium
from openid import needs_node
from profile_testing import nginx, ports
from programs import needs
from running import OTHER_TENANT, TENANT
from signing_in import (
    ADA,
    MAY_IT,
    PEOPLE,
    WHO,
    allowed,
    asked,
    in_the_window,
    signed_in,
    signing,
    told,
)

pytestmark = [pytest.mark.journey, needs_chromium, needs_node]
KEPT = "JSON.stringify([{...localStorage}, {...sessionStorage}])"
ALL_BUT_OVER = "00:09:45"  # of a token that lasts ten minutes; it is renewed now


@pytest.fixture
async def page(tab):
    """A tab of a browser that nobody has used: providers remember people by cookies."""
    context = await tab.context.browser.new_context()
    page = await context.new_page()
    page.set_default_timeout(60_000)
    yield page
    await context.close()


@asynccontextmanager
async def visited(page, folder, *, path="/", faults=(), look=None, **settings):
    """The page of a service, and the provider; no message in the console but ``faults``."""
    async with (
        signing(folder, **settings) as (demo, idp),
        looking_at(page, demo, path, faults=faults, **(look or {})),
    ):
        yield demo, idp


def tokens_of(page):
    """Collects every token that the provider gives."""
    given = []

    async def note(response):
        if urlsplit(response.url).path == "/token" and response.ok:
            answer = await response.json()
            given.extend(answer[each] for each in answer if each.endswith("_token"))

    page.on("response", note)
    return given


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


def typed(page):
    return page.get_by_label("Display name")


def provider_page(page, title):
    return expect(page.get_by_role("heading", name=title)).to_be_visible()


# Signing in


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


# What goes wrong


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


# Sessions that end


async def save(page):
    await button(page, "Save changes").click()


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


# GraphiQL


async def executed(page):
    async with page.expect_response(
        lambda response: "Who" in (response.request.post_data or "")
    ) as answered:
        await page.click(".graphiql-execute-button")
    return await (await answered.value).json()


async def query(page, text):
    await page.evaluate(
        "text => document.querySelector('.graphiql-query-editor .CodeMirror').CodeMirror.setValue(text)",
        text,
    )


async def test_graphiql_signs_in_sends_the_token_and_keeps_none(page, tmp_path):
    given = tokens_of(page)
    async with visited(page, tmp_path, path="/graphql"):
        await query(page, "query Who { me { email } }")
        assert (await executed(page))["errors"][0]["extensions"]["code"] == "unauthenticated"
        await in_the_window(page, button(page, "Sign in").click(), who="ada")
        await expect(button(page, "Sign out")).to_be_visible()
        assert (await executed(page))["data"] == {"me": {"email": ADA["email"]}}
        assert len(given) == 2
        kept = await page.evaluate(KEPT)
        shown = await page.evaluate(
            "[...document.querySelectorAll('.CodeMirror')].map((each) => each.CodeMirror.getValue()).join()"
        )
        assert not [each for each in given if each in kept + shown]
        await page.get_by_role("link", name="Settings").click()
        await expect(page.locator("#email")).to_have_text(ADA["email"])


async def test_headers_typed_into_graphiql_go_before_and_are_not_stored(page, tmp_path):
    async with visited(page, tmp_path, path="/graphql"):
        await page.get_by_role("button", name="Headers").click()
        await page.evaluate(
            """[...document.querySelectorAll('.graphiql-editor-tool .CodeMirror')].at(-1).CodeMirror
                .setValue('{"Authorization": "Bearer a.b.c"}')"""
        )
        await query(page, "query Who { me { email } }")
        answer = await executed(page)
        assert answer["errors"][0]["extensions"]["details"]["reason"] == "invalid"
        await page.reload()
        await expect(button(page, "Sign in")).to_be_visible()
        assert "a.b.c" not in await page.evaluate(KEPT)


async def test_the_reference_leads_back_to_the_settings(page, tmp_path):
    async with visited(page, tmp_path, path="/docs") as (demo, _):
        await page.get_by_role("link", name="Settings").click()
        await page.wait_for_url(f"{demo.address}/")
        await told(page, "Sign in to see your profile")


# Behind a prefix


@needs("nginx")
async def test_behind_a_prefix_people_sign_in_at_the_public_address_alone(page, tmp_path):
    with ports.reserved() as held:
        port = held.getsockname()[1]
        public = f"http://127.0.0.1:{port}/profile"
        async with signing(tmp_path, public_url=public, more={"refresh": True}) as (inner, _):
            http = f"""
                server {{
                    listen 127.0.0.1:{port};
                    location /profile/ {{ proxy_pass {inner.address}/; }}
                }}
            """
            with nginx.serving(tmp_path, http, port):
                async with looking_at(page, replace(inner, address=public)):
                    await signed_in(page)
                    await page.get_by_role("link", name="GraphiQL").click()
                    await in_the_window(page, button(page, "Sign in").click())
                    await query(page, "query Who { me { email } }")
                    assert (await executed(page))["data"] == {"me": {"email": ADA["email"]}}
                async with looking_at(page, inner):
                    await told(page, "Open this page at its own address")
                    await expect(button(page, "Go there")).to_be_visible()


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
