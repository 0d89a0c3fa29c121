"""``make run-sign-in``: a throwaway service with a real provider beside it."""

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import expect

from browsing import Demo, looking_at, needs_chromium
from openid import needs_node
from profile_testing import ports
from signing_in import asked, told

pytestmark = [pytest.mark.journey, needs_chromium, needs_node]


@asynccontextmanager
async def running_beside(repository):
    """The command, once it says where to go; it ends by Ctrl-C, and the provider with it."""
    with ports.reserved() as one, ports.reserved() as other:
        port, beside = (each.getsockname()[1] for each in (one, other))
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(repository / "tools/run_sign_in.py"),
            env=os.environ | {"PORT": str(port), "PROVIDER_PORT": str(beside)},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        said = ""
        try:
            while "Ctrl-C" not in said:
                line = (await asyncio.wait_for(process.stdout.readline(), 120)).decode()
                assert line, said
                said += line
            reading = asyncio.create_task(process.stdout.read())  # its log
            yield (
                said,
                Demo(f"http://127.0.0.1:{port}", [], [], beside=f"http://127.0.0.1:{beside}"),
            )
            process.send_signal(signal.SIGINT)
            assert await asyncio.wait_for(process.wait(), 120) == 0
            await reading
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def test_people_of_each_kind_find_what_is_printed(tab, repository):
    context = await tab.context.browser.new_context()
    page = await context.new_page()
    page.set_default_timeout(60_000)
    async with running_beside(repository) as (said, demo):
        for address in (f"{demo.address}/", f"{demo.address}/graphql", f"{demo.address}/docs"):
            assert f" {address}\n" in said
        assert "Mia Hamm, of both" in said
        async with looking_at(page, demo):
            await asked(page)
            await page.get_by_role("button", name="Eve").click()
            await page.get_by_role("button", name="Allow").click()
            await told(page, "This account cannot be used here")
            await asked(page, "Use another account")
            await page.get_by_role("button", name="Mia").click()
            await page.get_by_role("button", name="Allow").click()
            await told(page, "For which organisation?")
            await asked(page, "globex")
            await page.get_by_role("button", name="Allow").click()
            await expect(page.locator("#email")).to_have_text("mia@acme.example")
    await context.close()
