"""Signing in on GraphiQL and from the reference, and behind a prefix."""

from dataclasses import replace

import pytest
from playwright.async_api import expect

from browsing import looking_at, needs_chromium
from openid import needs_node
from profile_testing import nginx, ports
from programs import needs
from signing_in import (
    ADA,
    BOB,
    KEPT,
    asked,
    button,
    in_the_window,
    signed_in,
    signing,
    tokens_of,
    told,
    visited,
)

pytestmark = [pytest.mark.journey, needs_chromium, needs_node]


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


async def test_graphiql_shows_nothing_of_who_signed_out_in_another_tab(page, tmp_path):
    async with visited(page, tmp_path, path="/graphql") as (demo, _):
        await in_the_window(page, button(page, "Sign in").click(), who="ada")
        await query(page, "query Who { me { email } }")
        await executed(page)
        await expect(page.locator(".result-window")).to_contain_text(ADA["email"])
        second = await page.context.new_page()
        async with looking_at(second, demo):
            await asked(second)
            await asked(second, "Sign out")
            await asked(second, "Sign out")
            await told(second, "You are signed out")
        await expect(page.locator(".result-window")).not_to_contain_text(ADA["email"])
        await in_the_window(page, button(page, "Sign in").click(), who="bob")
        assert (await executed(page))["data"] == {"me": {"email": BOB["email"]}}


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
