"""People who sign in on the pages of a service with a real provider, in a real browser."""

import asyncio
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from playwright.async_api import expect

from browsing import Demo, answering, looking_at
from openid import provider
from profile_api.app import create_app
from profile_api.settings import Settings
from profile_api.sign_in import SignIn
from profile_infra.stores.by_url import migrate
from running import OTHER_TENANT, TENANT

ADA = {
    "tenant_id": TENANT,
    "email": "ada@example.com",
    "given_name": "Ada",
    "family_name": "Lovelace",
}
BOB = {"tenant_id": TENANT, "email": "bob@example.com", "given_name": "Bob"}
EVE = {"tenant_id": OTHER_TENANT, "email": "eve@example.org", "given_name": "Eve"}
PEOPLE = {"ada": ADA, "bob": BOB, "eve": EVE}
NAMES = {"ada": "Ada Lovelace", "bob": "Bob", "eve": "Eve", "mia": "Mia"}
WHO = "Who are you?"
MAY_IT = "May it know who you are?"
KEPT = "JSON.stringify([{...localStorage}, {...sessionStorage}])"
ALL_BUT_OVER = "00:09:45"  # of a token that lasts ten minutes; it is renewed now


@asynccontextmanager
async def signing(folder, *, people=PEOPLE, sign_in=None, issuer=None, more=None, **changed):
    """A service that serves its pages for people of the provider beside it, and the provider.

    The provider knows the page at the public address, if there is one; ``more`` is told to it.
    """
    async with provider(**people) as idp:
        settings = Settings(
            _env_file=None,
            **{
                "database_url": f"sqlite:///{folder / 'profile.db'}",
                "issuers": [idp.issuer(provision=True, **(issuer or {}))],
                "sign_in": SignIn(issuer=idp.url, client_id="page", **(sign_in or {})),
                "graphiql": True,
                "introspection": True,
                "docs": True,
                **changed,
            },
        )
        await asyncio.to_thread(migrate, settings.database_url)
        await idp.start()  # so that its keys are had at once
        async with answering(create_app(settings)) as (address, seen):
            idp.more = {"pages": [f"{settings.public_url or address}/"]} | (more or {})
            await idp.tell()
            yield Demo(address, [], seen, beside=idp.url), idp


@asynccontextmanager
async def visited(page, folder, *, path="/", faults=(), look=None, **settings):
    """The page of a service, and the provider; no message in the console but ``faults``."""
    async with (
        signing(folder, **settings) as (demo, idp),
        looking_at(page, demo, path, faults=faults, **(look or {})),
    ):
        yield demo, idp


async def asked(page, button="Sign in"):
    """They click, and are at the provider."""
    await page.get_by_role("button", name=button, exact=True).click()


async def allowed(page, who="ada"):
    """At the provider they say who they are, and that the page may know it."""
    await page.get_by_role("button", name=NAMES[who]).click()
    await expect(page.get_by_role("heading", name=MAY_IT)).to_be_visible()
    await page.get_by_role("button", name="Allow").click()


async def signed_in(page, who="ada"):
    await asked(page)
    await allowed(page, who)
    await expect(page.locator("#email")).to_have_text(PEOPLE[who]["email"])


async def told(page, title):
    """The card says this, and what to do."""
    await expect(page.locator("#sign-in h1")).to_have_text(title)


async def in_the_window(page, click, *, who=None):
    """Signs in in the window that opens by the click; it closes by itself."""
    async with page.context.expect_page() as opened:
        await click
    window = await opened.value
    if who:
        await allowed(window, who)
    if not window.is_closed():
        await window.wait_for_event("close")


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


def typed(page):
    return page.get_by_label("Display name")


async def save(page):
    await button(page, "Save changes").click()


def provider_page(page, title):
    return expect(page.get_by_role("heading", name=title)).to_be_visible()


def tokens_of(page):
    """Collects every token that the provider gives."""
    given = []

    async def note(response):
        if urlsplit(response.url).path == "/token" and response.ok:
            answer = await response.json()
            given.extend(answer[each] for each in answer if each.endswith("_token"))

    page.on("response", note)
    return given
