"""The settings page in a real browser: every change that a person makes on it."""

import base64
import json
import random
from io import BytesIO

import httpx2
import pytest
from PIL import Image
from playwright.async_api import expect

from browsing import axe, looking_at, needs_axe, needs_chromium, policed
from images import photo, png
from profile_api.app import ME
from profile_domain.avatar import MAX_BYTES
from profile_domain.errors import FieldRefused
from profile_domain.names import clean_name
from profile_graphql.schema import schema

pytestmark = needs_chromium
ADA, GRACE, ALAN, EDSGER = range(4)


async def stored(demo, who=ADA):
    async with httpx2.AsyncClient() as client:
        answer = await client.get(f"{demo.address}{ME}", headers=demo.headers(who))
    return answer.json()


async def put(demo, body, who=ADA):
    async with httpx2.AsyncClient() as client:
        answer = await client.put(f"{demo.address}{ME}", json=body, headers=demo.headers(who))
    assert answer.status_code == 200


async def saved(page):
    await page.click("#save")
    await expect(page.locator("#status")).to_have_text("Saved")


def noise(width, height):
    """A picture that no coding makes small."""
    image = Image.frombytes("RGB", (width, height), random.Random(1).randbytes(3 * width * height))
    out = BytesIO()
    image.save(out, "PNG", compress_level=0)
    return out.getvalue()


def file(data, name="me.png", media_type="image/png"):
    return {"name": name, "mimeType": media_type, "buffer": data}


async def chosen(page, data):
    await page.set_input_files("#file", files=[file(data)])
    await page.click("text=Use picture")
    await expect(page.locator("#picture img")).to_be_visible()


def image_of(profile):
    head, _, data = profile["avatar_base64"].partition(",")
    decoded = base64.b64decode(data)
    return head, decoded, Image.open(BytesIO(decoded))


# Names


async def test_names_are_shown_and_saved(browser, demo):
    async with looking_at(browser, demo) as page:
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


async def test_only_what_was_changed_is_sent(browser, demo):
    async with looking_at(browser, demo) as page:
        await page.get_by_label("Last name").fill("")
        async with page.expect_request("**/graphql") as sent:
            await page.click("#save")
        request = await sent.value
        assert json.loads(request.post_data)["variables"]["input"] == {"lastName": ""}
        await expect(page.locator("h1")).to_have_text("Ada")
    assert (await stored(demo))["last_name"] is None


async def test_discarding_brings_back_what_is_stored(browser, demo):
    async with looking_at(browser, demo) as page:
        await page.get_by_label("First name").fill("Someone")
        await page.click("#discard")
        await expect(page.get_by_label("First name")).to_have_value("Ada")
        await page.click("#save")
        await expect(page.locator("#status")).to_have_text("There is nothing to save")


async def test_a_limit_counts_code_points_as_one_types(browser, demo):
    async with looking_at(browser, demo) as page:
        name = page.get_by_label("Display name")
        await name.fill("😀" * 100)
        await expect(name).to_have_attribute("aria-invalid", "false")
        await name.fill("😀" * 101)
        await expect(name).to_have_attribute("aria-invalid", "true")
        await expect(page.locator("#displayName-error")).to_have_text(
            "A name has at most 100 characters."
        )
        before = len(demo.seen)
        await page.click("#save")
        await expect(name).to_be_focused()
        assert len(demo.seen) == before
        await name.fill("😀" * 100)
        await saved(page)
    assert (await stored(demo))["display_name"] == "😀" * 100


STRANGE = [
    "", " ", "Ada", " Ada ", "\u3000Ada\u2003", "\x1cA", "A\x00", "A\tb", "A\x85b", "\x85A", "\u2028",
    "A\u2028b", "A\u202eb", "\u2066A", "\ufdd0", "\U0001fffe", "\U0010ffff", "\u200d\u200c", "\ufeff",
    "\ufeffA", "\u180e", "\ud800", "\udc00A", "Zoe\u0308", "\u0958" * 50, "\u0958" * 51, " " * 100, " " * 101,
    "x" * 100, "x" * 101, "😀" * 100, "😀" * 101, "\u200b", "\u2060", "\U000e0001", "\u061c", "\xad", "\ufffd",
    "\u115f", "\u1160", "\u3164", "\uffa0", "👩\u200d🚀", "נ\u05b7", "\u17b4\u17b5", "\U0001d173", "\ufff0",
]  # fmt: skip


async def test_the_page_judges_names_as_the_service_does(browser, demo):
    alphabet = "aé\u0308😀 \t\x00\u200d\u2028\u202e\u3000\ufeff\ufffe\u0958\ud83d\udc69\U000e0020"
    chance = random.Random(7)
    drawn = ["".join(chance.choices(alphabet, k=chance.randrange(1, 9))) for _ in range(400)]
    names = json.loads(json.dumps(STRANGE + drawn))  # two surrogates that meet become one character

    def verdict(name):
        try:
            return clean_name(name)
        except FieldRefused as refused:
            return {"refused": refused.code.value}

    async with looking_at(browser, demo) as page:
        module = await page.locator('link[href$="/names.js"]').get_attribute("href")
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
async def test_what_the_provider_manages_is_locked_with_the_reason(browser, demo, who, provider):
    async with looking_at(browser, demo, f"/#{who + 1}") as page:
        for label in ("First name", "Last name"):
            name = page.get_by_label(label)
            await expect(name).not_to_be_editable()
            await expect(name).to_have_accessible_description(
                f"Managed by your identity provider ({provider})."
            )
        await page.get_by_label("Display name").fill("Me")
        await saved(page)
    assert (await stored(demo, who))["display_name"] == "Me"


async def test_what_a_policy_keeps_is_locked_with_the_reason(browser, tmp_path):
    async with policed(tmp_path) as demo:
        async with looking_at(browser, demo) as page:
            name = page.get_by_label("Display name")
            await expect(name).not_to_be_editable()
            await expect(name).to_have_accessible_description(
                "A policy of your organisation keeps this as it is."
            )
        async with looking_at(browser, demo, "/#2") as page:
            await expect(page.locator("#choose")).to_be_disabled()


# What the service refuses


async def answering(page, result):
    """Lets the service answer updates so, as it might once the page was loaded."""

    async def answer(route):
        if "mutation" not in route.request.post_data:
            return await route.continue_()
        return await route.fulfill(json=result)

    await page.route("**/graphql", answer)


async def test_errors_stand_beside_their_fields(browser, demo):
    refused = {
        "__typename": "ProfileError", "code": "sso_managed_field", "message": "No.", "notices": [],
        "violations": [
            {"field": "lastName", "message": "Your identity provider manages this field."},
            {"field": "avatarBase64", "message": "The picture is damaged or incomplete."},
        ],
    }  # fmt: skip
    async with looking_at(browser, demo) as page:
        await answering(page, {"data": {"updateMyProfile": refused}})
        name = page.get_by_label("Last name")
        await name.fill("Byron")
        await page.click("#save")
        await expect(page.locator("#lastName-error")).to_have_text(
            "Your identity provider manages this field."
        )
        await expect(page.locator("#avatarBase64-error")).to_have_text(
            "The picture is damaged or incomplete."
        )
        await expect(name).to_be_focused()
        await expect(name).to_have_value("Byron")
        await name.fill("King")
        await expect(page.locator("#lastName-error")).to_be_empty()


async def test_a_policys_notices_are_told(browser, tmp_path):
    async with policed(tmp_path) as demo, looking_at(browser, demo) as page:
        await page.get_by_label("Display name").evaluate("(input) => { input.readOnly = false; }")
        await page.get_by_label("Display name").fill("Countess")
        await page.locator("#displayName").evaluate("(input) => { input.readOnly = false; }")
        await page.click("#save")
        notice = page.locator("#notice")
        await expect(notice).to_contain_text("A policy does not permit this.")
        await expect(notice).to_contain_text("An audit is running.")
        await expect(notice).to_contain_text("Names are frozen until Monday.")
        await expect(notice).to_be_focused()
        await expect(page.get_by_label("Display name")).to_have_value("Countess")


async def test_a_broken_token_is_told_with_advice(browser, demo):
    unauthenticated = {"message": "A valid bearer token is required."}
    unauthenticated["extensions"] = {"code": "unauthenticated"}
    async with looking_at(browser, demo) as page:
        await answering(page, {"errors": [unauthenticated], "data": None})
        await page.get_by_label("First name").fill("Augusta")
        await page.click("#save")
        await expect(page.locator("#notice")).to_contain_text("A valid bearer token is required.")
        await expect(page.locator("#notice")).to_contain_text("Reload the page")


# Pictures


async def test_a_picture_is_chosen_cropped_and_shrunk_to_fit(browser, demo):
    async with looking_at(browser, demo) as page:
        await chosen(page, noise(1600, 900))
        await saved(page)
    _, image, opened = image_of(await stored(demo))
    assert len(image) <= MAX_BYTES
    assert opened.size == (512, 512)


async def test_the_crop_is_what_was_moved_into_the_circle(browser, demo):
    halves = Image.new("RGB", (400, 200), "red")
    halves.paste("blue", (200, 0, 400, 200))
    out = BytesIO()
    halves.save(out, "PNG")
    async with looking_at(browser, demo) as page:
        await page.set_input_files("#file", files=[file(out.getvalue())])
        await page.focus(".stage")
        for _ in range(25):
            await page.keyboard.press("ArrowRight")
        await page.click("text=Use picture")
        await saved(page)
        right = image_of(await stored(demo))[2].convert("RGB")
        await page.set_input_files("#file", files=[file(out.getvalue())])
        stage = await page.locator(".stage").bounding_box()
        await page.mouse.move(stage["x"] + 20, stage["y"] + 60)
        await page.mouse.down()
        await page.mouse.move(stage["x"] + stage["width"] - 10, stage["y"] + 60, steps=8)
        await page.mouse.up()
        await page.get_by_label("Zoom").fill("2")
        await page.click("text=Use picture")
        await saved(page)
    left = image_of(await stored(demo))[2].convert("RGB")
    assert right.size == (200, 200)
    assert left.size == (100, 100)
    (red, _, blue), (other_red, _, other_blue) = right.getpixel((10, 100)), left.getpixel((90, 50))
    assert (red < 60, blue > 200) == (True, True)
    assert (other_red > 200, other_blue < 60) == (True, True)


HAND_OVER = """([how, data]) => {
    const bytes = Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], "me.png", { type: "image/png" }));
    const told = { bubbles: true, cancelable: true };
    const event = how === "paste"
        ? new ClipboardEvent(how, { ...told, clipboardData: transfer })
        : new DragEvent(how, { ...told, dataTransfer: transfer });
    return document.getElementById("fields").dispatchEvent(event);
}"""


async def test_a_picture_is_dropped(browser, demo):
    data = base64.b64encode(png(photo(40, 40))).decode()
    async with looking_at(browser, demo) as page:
        await expect(page.locator("h1")).to_have_text("Ada Lovelace")
        assert not await page.evaluate(HAND_OVER, ["dragover", data])
        await expect(page.locator("#picture")).to_have_class("picture hovered")
        await page.evaluate(HAND_OVER, ["drop", data])
        await page.click("text=Use picture")
        await expect(page.locator("#picture")).to_have_class("picture")
        await saved(page)
    assert image_of(await stored(demo))[2].size == (40, 40)


async def test_a_picture_is_pasted(browser, demo):
    data = base64.b64encode(png(photo(40, 40))).decode()
    async with looking_at(browser, demo) as page:
        await expect(page.locator("h1")).to_have_text("Ada Lovelace")
        await page.evaluate(HAND_OVER, ["paste", data])
        await page.click("text=Use picture")
        await saved(page)
    assert (await stored(demo))["avatar_base64"]


async def test_a_picture_is_removed(browser, demo):
    await put(demo, {"avatar_base64": uri(png(photo(40, 40)))})
    async with looking_at(browser, demo) as page:
        await expect(page.get_by_alt_text("Your picture")).to_be_visible()
        await page.click("#remove")
        await expect(page.locator(".initials")).to_have_text("AL")
        await expect(page.locator("#choose")).to_be_focused()
        await saved(page)
    assert (await stored(demo))["avatar_base64"] is None


async def test_changing_ones_mind_while_cropping_keeps_the_picture(browser, demo):
    async with looking_at(browser, demo) as page:
        await page.set_input_files("#file", files=[file(png(photo(40, 40)))])
        await expect(page.locator("dialog")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.locator("#choose")).to_be_focused()
        await expect(page.locator("#picture img")).to_be_hidden()
        await expect(page.locator("#pending")).to_have_text("Everything is saved")


@pytest.mark.parametrize("data", [b"", b"no picture", png(photo(40, 40))[:60]])
async def test_a_file_that_is_no_picture_is_told_beside_the_picture(browser, demo, data):
    async with looking_at(browser, demo) as page:
        await expect(page.locator("h1")).to_have_text("Ada Lovelace")
        await page.set_input_files("#file", files=[file(data)])
        await expect(page.locator("#avatarBase64-error")).to_contain_text("The picture must be")


def uri(image):
    return f"data:image/png;base64,{base64.b64encode(image).decode()}"


# Two tabs


async def test_two_tabs_lose_nothing_that_was_typed(browser, demo):
    async with looking_at(browser, demo) as page:
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


async def test_one_may_take_what_the_other_tab_saved(browser, demo):
    async with looking_at(browser, demo) as page:
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
        {"field": "displayName", "old": None, "new": "Countess"},
        {"field": "lastName", "old": "Byron", "new": "Lovelace"},
        {"field": "avatarBase64", "old": "sha256:00", "new": None},
    ]
    nodes = [
        {"at": f"2026-01-0{version}T10:00:00Z", "face": "graphql", "fields": fields}
        for version in versions
    ]
    page = {"hasNextPage": more, "endCursor": str(versions[-1])}
    changes = {"edges": [{"node": node} for node in nodes], "pageInfo": page}
    return {"data": {"me": {"changes": changes}}}


async def test_the_history_is_shown_page_by_page(browser, demo):
    async def answer(route):
        sent = json.loads(route.request.post_data)
        if "changes(" not in sent["query"]:
            return await route.continue_()
        earlier = sent["variables"]["after"] == "8"
        pages = page_of_history([7], more=False) if earlier else page_of_history([9, 8], more=True)
        return await route.fulfill(json=pages)

    async with looking_at(browser, demo) as page:
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


@pytest.mark.skipif("changes(" in schema.as_str(), reason="this schema has a history")
async def test_without_a_history_nothing_is_said_of_it(browser, demo):
    async with looking_at(browser, demo) as page:
        await page.get_by_label("First name").fill("Augusta")
        await saved(page)
        await expect(page.locator("#history")).to_be_hidden()


@pytest.mark.skipif("changes(" not in schema.as_str(), reason="this schema has no history")
async def test_what_was_saved_stands_in_the_history(browser, demo):
    async with looking_at(browser, demo) as page:
        await page.get_by_label("First name").fill("Augusta")
        await saved(page)
        await expect(page.locator("#history li").first).to_contain_text(
            "First name changed from Ada to Augusta"
        )


# Whom one acts as


async def test_switching_keeps_what_was_typed_for_each(browser, demo):
    async with looking_at(browser, demo) as page:
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


async def test_everything_can_be_done_by_keyboard(browser, demo):
    async with looking_at(browser, demo) as page:
        await expect(page.locator("h1")).to_have_text("Ada Lovelace")
        reached = []
        for _ in range(10):
            await page.keyboard.press("Tab")
            reached.append(await page.evaluate("document.activeElement.id"))
            if reached[-1] == "firstName":
                await page.keyboard.type("Augusta")
        assert [each for each in reached if each] == [
            "person", "choose", "firstName", "lastName", "displayName", "discard", "save",
        ]  # fmt: skip
        await page.keyboard.press("Enter")
        await expect(page.locator("#status")).to_have_text("Saved")
        await expect(page.locator("#save")).to_be_focused()
    assert (await stored(demo))["first_name"] == "Augusta"


# How it looks


@needs_axe
@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1280, "dark")])
async def test_axe_finds_nothing(browser, demo, width, scheme):
    viewport = {"width": width, "height": 800}
    async with looking_at(browser, demo, "/#2", color_scheme=scheme, viewport=viewport) as page:
        await expect(page.locator("h1")).to_have_text("Grace Hopper")
        assert await axe(page) == []
        await page.get_by_label("Display name").fill("😀" * 101)
        await page.set_input_files("#file", files=[file(b"no picture")])
        await expect(page.locator("#avatarBase64-error")).not_to_be_empty()
        assert await axe(page) == []
        await page.get_by_label("Display name").fill("Mine")
        await put(demo, {"display_name": "Theirs"}, GRACE)
        await page.click("#save")
        await expect(page.locator(".theirs:visible")).to_be_visible()
        assert await axe(page) == []
        await page.set_input_files("#file", files=[file(png(photo(40, 40)))])
        await expect(page.locator("dialog")).to_be_visible()
        assert await axe(page) == []


@pytest.mark.parametrize("width", [320, 700, 1600])
async def test_nothing_needs_scrolling_sideways(browser, demo, width):
    await put(demo, {"first_name": "W" * 100, "last_name": "i" * 100, "display_name": "M" * 100})
    async with looking_at(browser, demo, viewport={"width": width, "height": 600}) as page:
        await expect(page.locator("h1")).to_have_text("M" * 100)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_the_page_is_a_demos_alone(service):
    assert (await service.client.get("/")).status_code == 404
