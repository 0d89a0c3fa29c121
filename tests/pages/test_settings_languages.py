"""What the settings page says, in a file a language."""

import json
import re
import shutil

import pytest
from playwright.async_api import expect

from browsing import axe, demonstrated, looking_at, needs_axe, needs_chromium, other_tab
from profile_api.pages.settings_page import page as settings_page
from profile_domain.errors import Code
from profile_domain.profile import EDITABLE, TEXT_FIELDS
from profile_graphql.names import camel_case
from settings_steps import file, put

FILES = sorted(settings_page.ASSETS.glob("texts.*.js"))
HEAD, EXPORT = "// ", "export default "
each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.suffixes[0][1:])


def texts_of(path):
    """The texts of a file, which but for its head is JSON."""
    comment, _, code = path.read_text("utf-8").partition("\n")
    assert comment.startswith(HEAD)
    assert code.startswith(EXPORT)
    return json.loads(code.removeprefix(EXPORT).rstrip().removesuffix(";"))


ENGLISH = texts_of(settings_page.ASSETS / "texts.en.js")


def placeholders(text):
    return sorted(re.findall(r"\{(\w+)\}", text))


def test_english_and_german_are_there():
    assert {"de", "en"} <= set(settings_page.LANGUAGES)


@each_file
def test_all_files_have_the_same_keys_and_placeholders(path):
    texts = texts_of(path)
    assert list(texts) == list(ENGLISH)
    for key, text in texts.items():
        assert placeholders(text) == placeholders(ENGLISH[key]), key
        assert text == text.strip() != "", key


def test_every_text_is_used():
    code = "".join(
        each.read_text("utf-8")
        for each in settings_page.ASSETS.iterdir()
        if each.name in {"page.html", "page.py"} or (each.suffix == ".js" and each not in FILES)
    )
    # Keys that are put together: `file.${kind}`.
    begun = tuple(re.findall(r"`([\w-]+\.)\$\{", code))
    assert {"file.", "error.", "problem.", "label.", "way.", "face."} <= set(begun)
    for key in ENGLISH:
        assert f'"{key}"' in code or key.startswith(begun), key


def test_what_the_service_can_say_of_a_field_has_words():
    of_fields = {
        code
        for code in Code
        if code.startswith("avatar_")
        or code in {Code.TOO_LONG, Code.INVALID_CHARACTERS, Code.INVALID_TYPE, Code.UNKNOWN_FIELD,
                    Code.SSO_MANAGED_FIELD}
    }  # fmt: skip
    assert {f"error.{code}" for code in of_fields} == {
        key for key in ENGLISH if key.startswith("error.")
    }


def test_fields_have_names_and_the_english_ones_are_the_domains():
    for field in TEXT_FIELDS:
        assert ENGLISH[f"label.{camel_case(field.name)}"] == field.label
        assert ENGLISH.get(f"hint.{camel_case(field.name)}", "") == field.hint
    assert {f"label.{camel_case(field)}" for field in EDITABLE} <= set(ENGLISH)


@needs_chromium
@pytest.mark.parametrize(
    ("locale", "first_name", "now"),
    [
        ("de-AT", "Vorname", r"^\d{1,2}\.\d{1,2}\.\d{4}, \d\d:\d\d · über REST$"),
        ("en-GB", "First name", r"^\d{1,2} \w{3,4} \d{4}, \d\d:\d\d · by REST$"),
        ("en-US", "First name", r"^\w{3} \d{1,2}, \d{4}, \d{1,2}:\d\d.[AP]M · by REST$"),
        ("fr-FR", "First name", r"^\w{3} \d{1,2}, \d{4}, "),
    ],
)
async def test_the_page_speaks_the_readers_language(tab, demo, locale, first_name, now):
    await put(demo, {"display_name": "Countess"})
    async with other_tab(tab, locale=locale) as page, looking_at(page, demo) as page:
        await expect(page.get_by_label(first_name)).to_have_value("Ada")
        language = "de" if locale.startswith("de") else "en"
        await expect(page.locator("html")).to_have_attribute("lang", language)
        await expect(page.locator("#history li .hint")).to_have_text(re.compile(now))


# Another language: each text of the English file between marks, from right to left.


@pytest.fixture
async def marked(tmp_path, monkeypatch):
    """A demo whose page has a file more, for readers of Arabic."""
    folder = tmp_path / "settings_page"
    shutil.copytree(settings_page.ASSETS, folder)
    texts = {key: f"«{text}»" for key, text in ENGLISH.items()} | {"direction": "rtl"}
    (folder / "texts.ar.js").write_text(f"// Marked.\nexport default {json.dumps(texts)};\n")
    monkeypatch.setattr(settings_page, "ASSETS", folder)
    monkeypatch.setattr(settings_page, "LANGUAGES", ["ar", *settings_page.LANGUAGES])
    async with demonstrated(tmp_path) as demo:
        yield demo


TEXTS_ON_PAGE = """() => {
    const shown = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    while (shown.nextNode()) {
        const { parentElement: around, textContent } = shown.currentNode;
        const passed = around.closest("noscript, script, template, option, bdi, time, .initials");
        const whole = around.closest("p, span, label, a, button, h1, h2") ?? around;
        if (!passed && textContent.trim()) found.push(whole.textContent.trim());
    }
    for (const name of ["aria-label", "alt"])
        for (const each of document.querySelectorAll(`[${name}]:not([alt=""])`))
            found.push(each.getAttribute(name));
    return found;
}"""


@needs_chromium
@needs_axe
async def test_another_language_is_one_file(tab, marked):
    await put(marked, {"display_name": "عدا"})
    async with other_tab(tab, locale="ar-EG") as page, looking_at(page, marked, "/#1") as page:
        await expect(page.locator("html")).to_have_attribute("dir", "rtl")
        await expect(page.locator("#history li")).to_have_count(1)
        await page.set_input_files("#file", files=[file(b"no picture")])
        await expect(page.locator("#avatarBase64-error")).not_to_be_empty()
        own = {"عدا", "ada@acme.example"}
        for text in set(await page.evaluate(TEXTS_ON_PAGE)) - own:
            assert text.startswith("«"), text
            assert text.endswith("»"), text
        assert await axe(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        picture = await page.locator("#picture").bounding_box()
        names = await page.locator("#fields").bounding_box()
        assert picture["x"] > names["x"]


@needs_chromium
async def test_names_of_any_direction_keep_to_themselves(tab, demo):
    await put(demo, {"first_name": "שרה", "last_name": "Levi", "display_name": "!שרה"})
    async with looking_at(tab, demo) as page:
        for label, direction in (("First", "rtl"), ("Last", "ltr"), ("Display", "rtl")):
            name = page.get_by_label(f"{label} name")
            assert await name.evaluate("(input) => getComputedStyle(input).direction") == direction
        values = page.locator("#history li").first.locator("bdi")
        assert "!שרה" in await values.all_text_contents()
