"""The names on the settings page, in a real browser: limits, locks, errors, notices."""

import json
import random

import pytest
from playwright.async_api import expect

from browsing import looking_at, needs_chromium, policed
from profile_domain.errors import FieldRefused
from profile_domain.names import clean_name
from settings_steps import ALAN, GRACE, saved, stored

pytestmark = needs_chromium


def is_an_update(request):
    return "mutation" in (request.post_data or "")


async def test_names_are_shown_and_saved(tab, demo):
    async with looking_at(tab, demo) as page:
        await expect(page.get_by_label("First name")).to_have_value("Ada")
        await page.get_by_label("First name").fill(" Augusta ")
        await page.get_by_label("Display name").fill("Countess 👩\u200d🚀")
        await expect(page.locator("h1")).to_have_text("Countess 👩\u200d🚀")
        await expect(page.locator("#pending")).to_have_text("Not saved yet")
        await saved(page)
        await expect(page.get_by_label("First name")).to_have_value("Augusta")
        await expect(page.locator("#pending")).to_have_text("Everything is saved")
    profile = await stored(demo)
    assert (profile["first_name"], profile["display_name"]) == ("Augusta", "Countess 👩\u200d🚀")


async def test_only_what_was_changed_is_sent(tab, demo):
    async with looking_at(tab, demo) as page:
        await page.get_by_label("Last name").fill("")
        async with page.expect_request(is_an_update) as sent:
            await page.click("#save")
        request = await sent.value
        assert json.loads(request.post_data)["variables"]["input"] == {"lastName": ""}
        await expect(page.locator("h1")).to_have_text("Ada")
    assert (await stored(demo))["last_name"] is None


async def test_discarding_brings_back_what_is_stored(tab, demo):
    async with looking_at(tab, demo) as page:
        await page.get_by_label("First name").fill("Someone")
        await page.click("#discard")
        await expect(page.get_by_label("First name")).to_have_value("Ada")
        await page.click("#save")
        await expect(page.locator("#status")).to_have_text("There is nothing to save")


async def test_a_limit_counts_code_points_as_one_types(tab, demo):
    async with looking_at(tab, demo) as page:
        name = page.get_by_label("Display name")
        await name.fill("😀" * 100)
        await expect(name).to_have_attribute("aria-invalid", "false")
        await name.fill("😀" * 101)
        await expect(name).to_have_attribute("aria-invalid", "true")
        await expect(page.locator("#displayName-error")).to_have_text(
            "At most 100 characters are allowed."
        )
        updates = []

        def note(request):
            if is_an_update(request):
                updates.append(request)

        page.on("request", note)
        await page.click("#save")
        await expect(name).to_be_focused()
        page.remove_listener("request", note)
        assert updates == []
        await name.fill("😀" * 100)
        await saved(page)
    assert (await stored(demo))["display_name"] == "😀" * 100


STRANGE = [
    "", " ", "Ada", " Ada ", "\u3000Ada\u2003", "\x1cA", "A\x00", "A\tb", "A\x85b", "\x85A", "\u2028",
    "A\u2028b", "A\u202eb", "\u2066A", "\ufdd0", "\U0001fffe", "\U0010ffff", "\u200d\u200c", "\ufeff",
    "\ufeffA", "\u180e", "\ud800", "\udc00A", "Zoe\u0308", "\u0958" * 50, "\u0958" * 51, " " * 100, " " * 101,
    "x" * 100, "x" * 101, "😀" * 100, "😀" * 101, "\u200b", "\u2060", "\U000e0001", "\u061c", "\xad", "\ufffd",
    "e\u0301" * 100, "e\u0301" * 101, "\u1112\u1161\u11ab" * 34, "a" + "\u0301" * 400, "\ud800" * 400, "\ud800" * 401,
    "\u2800", "\u2800a", "\u115f", "\u1160", "\u3164", "\uffa0", "👩\u200d🚀", "נ\u05b7", "\u17b4\u17b5", "\U0001d173", "\ufff0",
]  # fmt: skip


async def test_the_page_judges_names_as_the_service_does(tab, demo):
    alphabet = "aé\u0308😀 \t\x00\u200d\u2028\u202e\u3000\ufeff\ufffe\u0958\ud83d\udc69\U000e0020"
    chance = random.Random(7)
    drawn = ["".join(chance.choices(alphabet, k=chance.randrange(1, 9))) for _ in range(400)]
    names = json.loads(json.dumps(STRANGE + drawn))  # two surrogates that meet become one character

    def verdict(name):
        try:
            return clean_name(name)
        except FieldRefused as refused:
            return {"refused": refused.code.value}

    async with looking_at(tab, demo) as page:
        module = await page.locator('link[href$="/names.js"]').evaluate("link => link.href")
        judged = await page.evaluate(
            """async ([module, names]) => {
                const { brokenRule, cleaned } = await import(module);
                return JSON.parse(names).map((name) => {
                    const code = brokenRule(name, 100);
                    return code ? { refused: code } : cleaned(name);
                });
            }""",
            [module, json.dumps(names)],
        )
    assert dict(zip(map(ascii, names), judged, strict=True)) == {
        ascii(name): verdict(name) for name in names
    }


@pytest.mark.parametrize(("who", "provider"), [(GRACE, "OpenID Connect"), (ALAN, "SAML")])
async def test_what_the_provider_manages_is_locked_with_the_reason(tab, demo, who, provider):
    async with looking_at(tab, demo, f"/#{who + 1}") as page:
        for label in ("First name", "Last name"):
            name = page.get_by_label(label)
            await expect(name).not_to_be_editable()
            await expect(name).to_have_accessible_description(
                "Managed by your identity provider. Change it at www.example.com"
            )
        await expect(page.locator("#provider")).to_have_text(f"Signs in with {provider}")
        await page.get_by_label("Display name").fill("Me")
        await saved(page)
    assert (await stored(demo, who))["display_name"] == "Me"


async def test_what_a_policy_keeps_is_locked_with_the_reason(tab, tmp_path):
    async with policed(tmp_path) as demo:
        async with looking_at(tab, demo) as page:
            name = page.get_by_label("Display name")
            await expect(name).not_to_be_editable()
            await expect(name).to_have_accessible_description(
                "An audit is running. Names are frozen until Monday."
            )
        async with looking_at(tab, demo, "/#2") as page:
            await expect(page.locator("#choose")).to_be_disabled()
            await expect(page.locator("#avatarBase64-hint")).to_have_text(
                "A policy of your organisation keeps this as it is."
            )


async def answering(page, result):
    """Lets the service answer updates so, as it might once the page was loaded."""

    async def answer(route):
        if not is_an_update(route.request):
            return await route.continue_()
        return await route.fulfill(json=result)

    await page.route("**/graphql", answer)


async def test_errors_stand_beside_their_fields(tab, demo):
    refused = {
        "__typename": "ProfileError", "code": "sso_managed_field", "message": "No.", "notices": [],
        "details": {"violations": [
            {"field": "lastName", "code": "sso_managed_field", "message": "No."},
            {"field": "avatarBase64", "code": "avatar_corrupt", "message": "No."},
        ]},
    }  # fmt: skip
    async with looking_at(tab, demo) as page:
        await answering(page, {"data": {"updateMyProfile": refused}})
        name = page.get_by_label("Last name")
        await name.fill("Byron")
        await page.click("#save")
        await expect(page.locator("#lastName-error")).to_have_text(
            "Your identity provider manages this; change it there."
        )
        await expect(page.locator("#avatarBase64-error")).to_have_text(
            "This picture is damaged or incomplete. Choose another one."
        )
        await expect(name).to_be_focused()
        await expect(name).to_have_value("Byron")
        await name.fill("King")
        await expect(page.locator("#lastName-error")).to_be_empty()


async def test_a_policys_notices_are_shown(tab, tmp_path):
    async with policed(tmp_path) as demo, looking_at(tab, demo) as page:
        await page.get_by_label("Display name").evaluate("(input) => { input.readOnly = false; }")
        await page.get_by_label("Display name").fill("Countess")
        await page.locator("#displayName").evaluate("(input) => { input.readOnly = false; }")
        await page.click("#save")
        notice = page.locator("#notice")
        await expect(notice).to_contain_text("Your organisation does not permit this.")
        await expect(notice).to_contain_text("An audit is running.")
        await expect(notice).to_contain_text("Names are frozen until Monday.")
        await expect(notice).to_be_focused()
        await expect(page.get_by_label("Display name")).to_have_value("Countess")
