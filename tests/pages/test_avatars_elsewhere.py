"""Pictures by address on a page of another site, in a real browser."""

import asyncio
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import pytest

from browsing import needs_chromium
from profile_testing.images import data_uri, photo, png
from programs import needs
from running import ME

PICTURE = png(photo(400, 100))
ADA = 0


@contextmanager
def elsewhere(body, **headers):
    """A page of another site, for which `localhost` is one."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            for name, value in {"Content-Type": "text/html; charset=utf-8", **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"<!doctype html><link rel=icon href=data:,>" + body.encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://localhost:{server.server_address[1]}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
async def address(demo):
    """Of Ada's picture, in full."""
    async with httpx2.AsyncClient(
        base_url=demo.address, headers=demo.headers(ADA), timeout=60
    ) as client:
        sent = await client.put(ME, json={"avatar_base64": data_uri(PICTURE)})
        assert sent.status_code == 200
        answer = await client.post("/graphql", json={"query": "{ me { avatarUrl } }"})
        return demo.address + answer.json()["data"]["me"]["avatarUrl"]


SIDES = """
async () => {
  const images = [...document.images];
  await Promise.all(images.map((each) => each.decode()));
  return images.map((each) => [each.naturalWidth, each.naturalHeight]);
}
"""
PIXELS = """
async (address) => {
  const answer = await fetch(address);
  const image = await createImageBitmap(await answer.blob());
  const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
  canvas.drawImage(image, 0, 0);
  return [answer.type, canvas.getImageData(0, 0, image.width, image.height).data.length];
}
"""


@needs_chromium
@pytest.mark.parametrize("isolated", [False, True], ids=["plain", "cross-origin isolated"])
async def test_another_sites_page_shows_them_and_next_time_from_its_cache(
    tab, demo, address, isolated
):
    path = address.removeprefix(demo.address)
    policy = {
        "Cross-Origin-Embedder-Policy": "require-corp", "Cross-Origin-Opener-Policy": "same-origin",
    } if isolated else {}  # fmt: skip
    page = f'<img alt="" src="{address}"><img alt="" src="{address}?size=64">'
    with elsewhere(page, **policy) as site:
        for _ in range(2):
            await tab.goto(site)
            assert await tab.evaluate("crossOriginIsolated") is isolated
            assert await tab.evaluate(SIDES) == [[400, 100], [64, 16]]
            await tab.goto("about:blank")
        assert demo.seen.count(("GET", path)) == 2, "once for each size"
        # A copy of an <img> that the browser keeps does for a fetch(), which may read its pixels.
        await tab.goto(site)
        assert await tab.evaluate(PIXELS, address) == ["cors", 400 * 100 * 4]
        await tab.goto("about:blank")
        assert demo.seen.count(("GET", path)) == 2


@needs_chromium
async def test_a_picture_opened_by_itself_is_shown_and_runs_nothing(tab, demo, address):
    complaints = []
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    await tab.goto(address)
    assert await tab.evaluate(SIDES) == [[400, 100]]
    assert await tab.evaluate("origin") == "null"
    await tab.goto("about:blank")
    assert complaints == []


@needs("curl")
async def test_curl_keeps_a_picture_until_it_is_another(demo, address, tmp_path):
    command = ["curl", "-sS", "--etag-save", "tag", "--etag-compare", "tag", "-o", "picture",
               "-w", "%{http_code} %{size_download} %{content_type}", address]  # fmt: skip
    (tmp_path / "tag").touch()
    said = []
    for _ in range(2):
        process = await run(command, tmp_path)
        said.append(process.decode())
    assert said[0] == f"200 {len(PICTURE)} image/png"
    assert said[1].startswith("304 0")
    assert (tmp_path / "picture").read_bytes() == PICTURE


async def run(command, folder):
    process = await asyncio.create_subprocess_exec(*command, cwd=folder, stdout=subprocess.PIPE)
    out, _ = await process.communicate()
    return out
