"""The files behind the pages that the service ships, as they are served."""

import hashlib
import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from profile_api.pages.assets import Assets, accepts_gzip
from profile_api.pages.settings_page import page as settings_page
from profile_api.pages.sign_in import seam as sign_in
from shipped import ASSETS, reader


@pytest.fixture(scope="module")
def client() -> TestClient:
    return reader()


every_url = pytest.mark.parametrize("url", ASSETS.urls.values(), ids=list(ASSETS.urls))


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
    if not url.startswith(("assets/settings_page/", "assets/sign_in/")):
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
    assert re.fullmatch(r"assets/page/[0-9a-f]{16}/start\.js", after.url("page/start.js"))
    assert after.url("page/start.js") != before.url("page/start.js")
    assert (
        after.url("page/start.js").rpartition("/")[0]
        == after.url("page/part.js").rpartition("/")[0]
    )


@pytest.mark.parametrize(
    "folder", [settings_page.ASSETS, sign_in.ASSETS], ids=lambda each: each.name
)
def test_a_module_imports_nothing_from_elsewhere(folder: Path) -> None:
    modules = folder.glob("*.js")
    imported = [each for path in modules for each in re.findall(r'from "(.*?)"', path.read_text())]
    assert len(imported) > 3
    assert {f"{folder.name}/{name.removeprefix('./')}" for name in imported} <= set(ASSETS.urls)
