"""The pages that the service ships, and what they may load."""

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from starlette.testclient import TestClient

from profile_api.pages.docs import page as docs
from profile_api.pages.settings_page import page as settings_page
from profile_api.pages.sign_in import seam as sign_in
from profile_api.sign_in import SignIn
from profile_graphql.graphiql import page as graphiql
from shipped import ASSETS, reader


@pytest.fixture(scope="module")
def client() -> TestClient:
    return reader()


PEOPLE: list[Any] = [
    {"label": "Ada </script><script>alert(1)</script>", "token": "a.b.c", "tenant_id": "t-1"}
]
PAGES: dict[str, Callable[[list[Any]], tuple[bytes, dict[str, str]]]] = {
    "graphiql": lambda people: graphiql.page("graphql", ASSETS.url, people),
    "docs": lambda people: docs.page("openapi.json", ASSETS.url, people),
    "settings": lambda people: settings_page.page("graphql", ASSETS.url, people),
}
IDP = "https://id.example:8443"
SIGN_IN = SignIn(issuer=f"{IDP}/realms/acme", client_id="page", origins=["https://token.example"])
SIGNING_IN: dict[str, Any] = {
    "sign_in": sign_in.configuration(SIGN_IN, ("tenant_id",), None, ASSETS.url),
    "connect": SIGN_IN.connect,
}
EXECUTABLE = {"", "module", "importmap", "speculationrules", "text/javascript"}
each_page = pytest.mark.parametrize("name", PAGES)


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
    assert directives.pop("require-trusted-types-for") == "'script'"
    policies = {"graphiql": "default", "docs": "default dompurify", "settings": "'none'"}
    assert directives.pop("trusted-types") == policies[name]
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


@pytest.mark.parametrize(
    "render", [graphiql.page, settings_page.page], ids=["graphiql", "settings"]
)
def test_for_the_sign_in_a_page_may_ask_the_provider_and_nobody_else(render: Any) -> None:
    before, after = (
        render("graphql", ASSETS.url, [], **more)[1]["Content-Security-Policy"]
        for more in ({}, SIGNING_IN)
    )
    connect = f"connect-src 'self' {IDP} https://token.example;"
    plain = re.compile("'nonce-.*?'")
    assert connect in after
    assert plain.sub("", after).replace(connect, "connect-src 'self';") == plain.sub("", before)


@pytest.mark.parametrize(
    "render", [graphiql.page, settings_page.page], ids=["graphiql", "settings"]
)
def test_a_page_that_signs_people_in_holds_no_list_of_tenants(render: Any) -> None:
    found = re.findall(
        r'id="config">(.*?)</script>', render("graphql", ASSETS.url, [], **SIGNING_IN)[0].decode()
    )
    assert set(json.loads(found[0])["signIn"]) == {
        "issuer", "client_id", "scope", "parameters", "tenant_claim", "tenant", "home", "module", "now",
    }  # fmt: skip


@each_page
def test_a_page_shares_no_window_with_whoever_opened_it(name: str) -> None:
    assert PAGES[name]([])[1]["Cross-Origin-Opener-Policy"] == "same-origin"


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


@each_page
def test_a_page_names_nothing_by_a_path_from_the_root(name: str) -> None:
    for _, attributes, _ in elements(name).found:
        for key in ("src", "href"):
            assert not (attributes.get(key) or "").startswith("/")
