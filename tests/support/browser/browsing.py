"""A real Chromium on a real demo: what pages do, and what they must not do."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from playwright.async_api import ConsoleMessage, Dialog, Page, Request, async_playwright, expect

from profile_api.app import create_app
from profile_api.cli import demo
from profile_api.pages.person import Person
from programs import found, needs
from running import POLICIES

CHROMIUM = found("chromium")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
NPM = Path(__file__).parents[1] / "clients/node_modules"
AXE = NPM / "axe-core/axe.min.js"

# Other programs may keep the machine busy.
expect.set_options(timeout=60_000)

needs_chromium = needs("chromium")
needs_axe = needs("node")  # which brings axe-core


@asynccontextmanager
async def chromium() -> AsyncIterator[Page]:
    """An empty tab of a browser."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        tab = await browser.new_page()
        tab.set_default_timeout(60_000)
        yield tab
        await browser.close()


@asynccontextmanager
async def other_tab(tab: Page, **options: Any) -> AsyncIterator[Page]:
    """A tab of the same browser for somebody else: a language, a phone, a clock of their own."""
    page = await tab.context.browser.new_page(**options)
    page.set_default_timeout(60_000)
    yield page
    await page.context.close()


@dataclass
class Demo:
    """A demo with fresh people, on a port of its own; ``seen`` are the requests it got.

    ``beside`` is the address of the provider that its pages may ask too.
    """

    address: str
    people: list[Person]
    seen: list[tuple[str, str]]
    beside: str | None = None

    def headers(self, who: int) -> dict[str, str]:
        person = self.people[who]
        return {"Authorization": f"Bearer {person.token}", "X-Tenant-ID": person.tenant_id}


@asynccontextmanager
async def demonstrated(folder: Path, **changed: Any) -> AsyncIterator[Demo]:
    settings = demo.settings_in(folder).model_copy(update=changed)
    people = await demo.fill(settings)
    async with answering(create_app(settings, people)) as (address, seen):
        yield Demo(address, people, seen)


@asynccontextmanager
async def answering(app: FastAPI) -> AsyncIterator[tuple[str, list[tuple[str, str]]]]:
    """The application on a port of its own: its address, and the requests it got."""
    seen: list[tuple[str, str]] = []

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            seen.append((scope["method"], scope["path"]))
        await app(scope, receive, send)

    config = uvicorn.Config(
        noting, port=0, log_level="error", ws="none", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    server.capture_signals = nullcontext  # the tests' own signals stay theirs
    serving = asyncio.create_task(server.serve())
    while not server.started:
        assert not serving.done()
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}", seen
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def policed(folder: Path) -> AsyncIterator[Demo]:
    """A demo whose display names and pictures some policies guard."""
    policies = folder / "guarding"
    policies.mkdir()
    text = re.sub(r'"frozen\*"', '"ada*"', re.sub(r'"faceless\*"', '"grace*"', POLICIES))
    (policies / "test.cedar").write_text(text)
    async with demonstrated(folder, policy_dir=policies) as demo:
        yield demo


@dataclass
class Watch:
    """What a page said in its console, and whom else it asked for something."""

    address: str
    beside: str | None = None
    complaints: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.type}: {message.text}")

    def request(self, request: Request) -> None:
        own = [f"{each}/" for each in (self.address, self.beside) if each]
        if not request.url.startswith((*own, "data:", "blob:", "about:")):
            self.foreign.append(request.url)


@asynccontextmanager
async def looking_at(
    page: Page,
    demo: Demo,
    path: str = "/",
    *,
    width: int = 1280,
    scheme: str = "light",
    faults: Sequence[str] = (),
) -> AsyncIterator[Page]:
    """A page of a demo, which must neither complain nor ask anybody else for anything.

    ``faults`` are pieces of what the browser says itself of faults that the test makes.

    One tab serves all tests, for a new one costs half a second; each demo is an origin of its own,
    so that nothing is left of the one before.
    """
    watch = Watch(demo.address, getattr(demo, "beside", None))
    listeners: dict[Any, Any] = {
        "console": watch.console,
        "pageerror": lambda error: watch.complaints.append(str(error)),
        "request": watch.request,
        "dialog": Dialog.accept,
    }
    for event, listener in listeners.items():
        page.on(event, listener)
    await page.set_viewport_size({"width": width, "height": 800})
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    try:
        await page.goto(f"{demo.address}{path}")
        yield page
    finally:
        await page.unroute_all(behavior="wait")
        await page.goto("about:blank")
        for event, listener in listeners.items():
            page.remove_listener(event, listener)
    assert [each for each in watch.complaints if not any(map(each.__contains__, faults))] == [], (
        watch.complaints
    )
    assert watch.foreign == []


async def axe(page: Page) -> list[str]:
    """What axe-core finds on a page as it is now, in a line each."""
    await page.evaluate(AXE.read_text("utf-8"))
    found = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]
