"""The Swagger UI page: its HTML and the headers that keep it to this host."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypedDict

ASSETS = Path(__file__).parent
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types default dompurify"
)


class Person(TypedDict):
    """One whom the page can act as; only a demo has such people, for the page then holds tokens."""

    label: str
    token: str
    tenant_id: str


def page(
    document_url: str,
    asset_url: Callable[[str], str],
    people: Sequence[Person] = (),
    *,
    home: bool = False,
) -> tuple[bytes, dict[str, str]]:
    """The page and its headers; the OpenAPI document is fetched by its start-up script.

    ``home``: there is a settings page to go back to.
    """
    config = {"document": document_url, "people": list(people)}
    # A data block is never run, so the policy leaves it alone; "<" could still end it.
    data = json.dumps(config).replace("<", "\\u003c")
    html = f"""<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Reference · Profile service</title>
    <link rel="icon" href="{asset_url("docs/icon.svg")}">
    <link rel="stylesheet" href="{asset_url("docs/swagger-ui.css")}">
    <link rel="stylesheet" href="{asset_url("docs/start.css")}">
    <script type="application/json" id="config">{data}</script>
    <script defer src="{asset_url("docs/swagger-ui.js")}"></script>
    <script defer src="{asset_url("docs/start.js")}"></script>
  </head>
  <body>
    <header id="bar"{"" if home else " hidden"}>
      {'<a href=".">Settings</a>' if home else ""}
      <label hidden>Act as <select id="person"></select></label>
    </header>
    <div id="reference"><noscript>The reference needs JavaScript.</noscript></div>
  </body>
</html>
"""
    return html.encode(), {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": POLICY,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
