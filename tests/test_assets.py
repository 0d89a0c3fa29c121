"""The pages that the service ships, the files behind them, and what they may load."""

import base64
import gzip
import hashlib
import json
import re
import runpy
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from profile_api.assets import Assets, accepts_gzip
from profile_api.docs import page as docs
from profile_api.settings_page import page as settings_page
from profile_graphql.graphiql import page as graphiql

ASSETS = Assets.load(docs.ASSETS, graphiql.ASSETS, modules=[settings_page.ASSETS])
MANIFESTS = [folder / "vendored/VENDORED.json" for folder in (docs.ASSETS, graphiql.ASSETS)]
PEOPLE: list[Any] = [
    {"label": "Ada </script><script>alert(1)</script>", "token": "a.b.c", "tenant_id": "t-1"}
]
PAGES: dict[str, Callable[[list[Any]], tuple[bytes, dict[str, str]]]] = {
    "graphiql": lambda people: graphiql.page("/graphql", ASSETS.url, people),
    "docs": lambda people: docs.page("/openapi.json", ASSETS.url, people),
    "settings": lambda people: settings_page.page("/graphql", ASSETS.url, people),
}
EXECUTABLE = {"", "module", "importmap", "speculationrules", "text/javascript"}

each_page = pytest.mark.parametrize("name", PAGES)
every_url = pytest.mark.parametrize("url", ASSETS.urls.values(), ids=list(ASSETS.urls))


@pytest.fixture(scope="module")
def client() -> TestClient:
    return TestClient(Starlette(routes=[Route("/assets/{name:path}", ASSETS.serve)]))


class Elements(HTMLParser):
    """Each element of a page with its attributes and the text right inside it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs), []))

    def handle_data(self, data: str) -> None:
        if self.found:
            self.found[-1][2].append(data)


def elements(name: str, people: list[Any] = PEOPLE) -> Elements:
    return Elements(PAGES[name](people)[0].decode())


def config(name: str, people: list[Any]) -> dict[str, Any]:
    (text,) = [text for _, at, text in elements(name, people).found if at.get("id") == "config"]
    found: dict[str, Any] = json.loads("".join(text))
    return found


def policy(name: str) -> dict[str, str]:
    directives = PAGES[name]([])[1]["Content-Security-Policy"].split("; ")
    return {directive.partition(" ")[0]: directive.partition(" ")[2] for directive in directives}


# Serving


@every_url
def test_an_asset_is_the_same_bytes_with_and_without_gzip(client: TestClient, url: str) -> None:
    plain = client.get(url, headers={"Accept-Encoding": "identity"})
    zipped = client.get(url, headers={"Accept-Encoding": "gzip"})
    assert plain.status_code == zipped.status_code == 200
    assert "content-encoding" not in plain.headers
    assert zipped.headers["content-encoding"] == "gzip"
    assert int(zipped.headers["content-length"]) < int(plain.headers["content-length"])
    assert zipped.content == plain.content
    assert len(plain.content) == int(plain.headers["content-length"])
    assert plain.headers["etag"] != zipped.headers["etag"]


@every_url
def test_an_asset_may_be_kept_for_ever(client: TestClient, url: str) -> None:
    answer = client.get(url)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["x-content-type-options"] == "nosniff"
    if "/settings_page/" not in url:
        assert hashlib.sha256(answer.content).hexdigest()[:16] in url


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("graphiql/graphiql.js", "text/javascript; charset=utf-8"),
        ("graphiql/graphiql.css", "text/css; charset=utf-8"),
        ("docs/icon.svg", "image/svg+xml"),
    ],
)
def test_an_asset_says_what_it_is(client: TestClient, name: str, media_type: str) -> None:
    assert client.get(ASSETS.url(name)).headers["content-type"] == media_type


@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_a_reader_who_has_an_asset_gets_304(client: TestClient, coding: str) -> None:
    url, accept = ASSETS.url("docs/start.js"), {"Accept-Encoding": coding}
    etag = client.get(url, headers=accept).headers["etag"]
    again = client.get(url, headers=accept | {"If-None-Match": f'"other", W/{etag}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == etag
    assert again.headers["vary"] == "Accept-Encoding"
    assert client.get(url, headers=accept | {"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize(
    "name",
    [
        "", "nothing.js", "docs", "docs/", "docs/start.js", "docs/page.py", "docs/../docs/page.py",
        "docs/%2e%2e/page.py", "%2e%2e/%2e%2e/etc/passwd", "/etc/passwd", "docs/VENDORED.json",
        "docs/%00", "docs/%ff", "docs/start.0000000000000000.js",
    ],
)  # fmt: skip
def test_any_other_name_is_not_found(client: TestClient, name: str) -> None:
    assert client.get(f"/assets/{name}").status_code == 404


def test_only_reading_is_allowed(client: TestClient) -> None:
    url = ASSETS.url("docs/start.js")
    assert client.post(url).status_code == 405
    head = client.head(url, headers={"Accept-Encoding": "identity"})
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(client.get(url).content))


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("gzip", True), ("br, GZIP;q=0.5", True), ("*", True), ("deflate;q=1, *;q=0.1", True),
        ("gzip; q=0.001", True), ("", False), ("identity", False), ("br", False),
        ("gzip;q=0", False), ("gzip;q=0.000", False), ("*, gzip;q=0", False), ("*;q=0", False),
        ("notgzip, gzipped", False),
    ],
)  # fmt: skip
def test_gzip_is_sent_to_those_who_accept_it(header: str, accepted: bool) -> None:
    assert accepts_gzip(header) is accepted


def test_an_unknown_asset_has_no_url() -> None:
    with pytest.raises(KeyError):
        ASSETS.url("docs/page.py")


def test_modules_are_named_by_all_of_them_for_they_import_each_other(tmp_path: Path) -> None:
    folder = tmp_path / "page"
    folder.mkdir()
    (folder / "start.js").write_text('import "./part.js";')
    (folder / "part.js").write_text("export {};")
    before = Assets.load(modules=[folder])
    (folder / "part.js").write_text("export const one = 1;")
    after = Assets.load(modules=[folder])
    assert re.fullmatch(r"/assets/page/[0-9a-f]{16}/start\.js", after.url("page/start.js"))
    assert after.url("page/start.js") != before.url("page/start.js")
    assert (
        after.url("page/start.js").rpartition("/")[0]
        == after.url("page/part.js").rpartition("/")[0]
    )


def test_a_module_imports_nothing_from_elsewhere() -> None:
    modules = settings_page.ASSETS.glob("*.js")
    imported = [each for path in modules for each in re.findall(r'from "(.*?)"', path.read_text())]
    assert len(imported) > 5
    assert {f"settings_page/{name.removeprefix('./')}" for name in imported} <= set(ASSETS.urls)


# What is vendored


@pytest.mark.parametrize("manifest", MANIFESTS, ids=["docs", "graphiql"])
def test_vendored_files_are_those_of_the_package_and_no_others(manifest: Path) -> None:
    packages = json.loads(manifest.read_text("utf-8"))["packages"]
    recorded = {file["to"]: file["sha512"] for package in packages for file in package["files"]}
    found = {}
    for path in manifest.parent.iterdir():
        data = path.read_bytes()
        if path.suffix == ".gz":
            assert data[4:8] == bytes(4), f"{path.name} holds a time of compression"
            data = gzip.decompress(data)
        digest = base64.b64encode(hashlib.sha512(data).digest()).decode()
        found[path.name] = f"sha512-{digest}"
    del found["VENDORED.json"]
    assert found == recorded


@pytest.mark.parametrize("manifest", MANIFESTS, ids=["docs", "graphiql"])
def test_each_vendored_package_comes_with_its_licence(manifest: Path) -> None:
    for package in json.loads(manifest.read_text("utf-8"))["packages"]:
        assert re.fullmatch(r"sha512-[A-Za-z0-9+/]{86}==", package["integrity"])
        assert re.fullmatch(r"\d+\.\d+\.\d+", package["version"])
        assert package["licence"] in {"MIT", "Apache-2.0"}
        assert any(file["from"] == "LICENSE" for file in package["files"])


def test_the_vendoring_script_knows_every_manifest() -> None:
    script = runpy.run_path(str(Path(__file__).parent.parent / "tools/vendor_assets.py"))
    assert sorted(folder / "VENDORED.json" for folder in script["FOLDERS"]) == sorted(MANIFESTS)


# The pages


@each_page
def test_a_page_runs_no_script_of_its_own(name: str) -> None:
    scripts = [(at, text) for tag, at, text in elements(name).found if tag == "script"]
    for attributes, text in scripts:
        if (attributes.get("type") or "") in EXECUTABLE:
            assert attributes["src"]
            assert not "".join(text).strip()
    for tag, attributes, _ in elements(name).found:
        assert tag not in {"style", "iframe", "object", "embed", "base"}
        assert "action" not in attributes
        assert not [key for key in attributes if key.startswith("on") or key == "style"]


@each_page
def test_a_page_loads_only_assets_that_are_served(name: str, client: TestClient) -> None:
    loaded = [
        value
        for tag, attributes, _ in elements(name).found
        for key, value in attributes.items()
        if tag != "a" and key in {"src", "href", "srcset", "action", "data"} and value
    ]
    assert len(loaded) >= 5
    assert set(loaded) <= set(ASSETS.urls.values())
    assert all(client.get(url).status_code == 200 for url in loaded)
    assert b"http:" not in PAGES[name](PEOPLE)[0]
    assert b"https:" not in PAGES[name](PEOPLE)[0]


@pytest.mark.parametrize("name", [name for name in ASSETS.urls if name.endswith(".css")])
def test_a_style_sheet_loads_nothing_else(client: TestClient, name: str) -> None:
    text = re.sub(r"/\*.*?\*/", "", client.get(ASSETS.url(name)).text, flags=re.DOTALL)
    assert "@import" not in text
    assert all(url.startswith("data:") for url in re.findall(r"url\(\s*[\"']?([^)\"']*)", text))


@each_page
def test_a_pages_policy_lets_nothing_in_from_elsewhere(name: str) -> None:
    directives = policy(name)
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == "'self'"
    assert directives["connect-src"] == "'self'"
    for closed in ("base-uri", "form-action", "frame-ancestors"):
        assert directives[closed] == "'none'"
    trusted_types = directives.pop("require-trusted-types-for", "'script'")
    assert trusted_types == "'script'"
    for sources in directives.values():
        for source in sources.split():
            assert source in {"'none'", "'self'", "data:"} or source.startswith("'nonce-")
    assert "data:" not in directives["style-src"]


@pytest.mark.parametrize("name", ["docs", "settings"])
def test_the_reference_and_the_settings_need_no_inline_style(name: str) -> None:
    assert policy(name)["style-src"] == "'self'"


def test_graphiqls_dialogs_bring_a_style_signed_for_this_answer_alone() -> None:
    first, second = (PAGES["graphiql"]([]) for _ in range(2))
    nonce = json.loads(re.findall(r'id="config">(.*?)</script>', first[0].decode())[0])["nonce"]
    assert f"style-src 'self' 'nonce-{nonce}';" in first[1]["Content-Security-Policy"]
    assert nonce not in second[0].decode()
    assert "nonce" not in policy("graphiql")["script-src"]


@each_page
def test_a_page_is_neither_stored_nor_sniffed(name: str) -> None:
    headers = PAGES[name]([])[1]
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


@each_page
def test_a_persons_label_cannot_end_the_data_block(name: str) -> None:
    assert config(name, PEOPLE)["people"] == PEOPLE
    assert "alert" not in "".join(
        "".join(text) for tag, at, text in elements(name).found if at.get("id") != "config"
    )


@each_page
def test_a_page_without_people_holds_no_token(name: str) -> None:
    assert config(name, [])["people"] == []
    assert b"a.b.c" not in PAGES[name]([])[0]


def test_a_page_knows_where_its_face_is() -> None:
    assert config("graphiql", [])["endpoint"] == "/graphql"
    assert config("docs", [])["document"] == "/openapi.json"
