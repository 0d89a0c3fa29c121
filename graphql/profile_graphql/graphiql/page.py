"""The GraphiQL page: its HTML and the headers that keep it to this host."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypedDict

ASSETS = Path(__file__).parent


class Person(TypedDict):
    """One whom the page can act as; only a demo has such people, for the page then holds tokens."""

    label: str
    token: str
    tenant_id: str


def page(
    endpoint: str, asset_url: Callable[[str], str], people: Sequence[Person] = ()
) -> tuple[bytes, dict[str, str]]:
    """The page and its headers, made anew for each request since they share a nonce.

    The nonce is for the style that opens with a dialog (it keeps the page from scrolling
    behind it) and for nothing else: scripts come from this host, and none stands in the page.
    """
    nonce = secrets.token_urlsafe(16)
    config = {"endpoint": endpoint, "nonce": nonce, "people": list(people)}
    # A data block is never run, so the policy leaves it alone; "<" could still end it.
    data = json.dumps(config).replace("<", "\\u003c")
    html = f"""<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>GraphiQL · Profile service</title>
    <link rel="icon" href="{asset_url("graphiql/icon.svg")}">
    <link rel="stylesheet" href="{asset_url("graphiql/graphiql.css")}">
    <link rel="stylesheet" href="{asset_url("graphiql/start.css")}">
    <script type="application/json" id="config">{data}</script>
    <script defer src="{asset_url("graphiql/react.js")}"></script>
    <script defer src="{asset_url("graphiql/react-dom.js")}"></script>
    <script defer src="{asset_url("graphiql/graphiql.js")}"></script>
    <script defer src="{asset_url("graphiql/start.js")}"></script>
  </head>
  <body>
    <div id="root"><noscript>GraphiQL needs JavaScript.</noscript></div>
  </body>
</html>
"""
    policy = (
        "default-src 'none'; script-src 'self'; "
        f"style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; font-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return html.encode(), {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
