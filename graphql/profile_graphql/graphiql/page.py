"""The GraphiQL page: HTML, and a Content-Security-Policy that allows this host only."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

ASSETS = Path(__file__).parent


class Person(TypedDict):
    """A person to act as. For the demo only, because the page contains their tokens."""

    label: str
    token: str
    tenant_id: str


def page(
    endpoint: str,
    asset_url: Callable[[str], str],
    people: Sequence[Person] = (),
    *,
    sign_in: Mapping[str, Any] | None = None,
    connect: Sequence[str] = (),
    home: bool = False,
) -> tuple[bytes, dict[str, str]]:
    """The page and its headers, rendered for each request because they share a nonce.

    The nonce is needed for one style, which an open dialog sets to stop the page from scrolling.
    The page has no inline scripts. ``sign_in`` is the configuration of the module that it names,
    which may ``connect`` to other origins. ``home``: there is a settings page to go back to.
    """
    nonce = secrets.token_urlsafe(16)
    config = {
        "endpoint": endpoint,
        "nonce": nonce,
        "people": list(people),
        "signIn": sign_in,
        "home": home,
    }
    # The policy does not apply to a data block, but "</script>" would end it.
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
    sources = ("'self'", *connect)
    policy = (
        "default-src 'none'; script-src 'self'; "
        f"style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; font-src 'self' data:; "
        f"connect-src {' '.join(sources)}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types default"
    )
    return html.encode(), {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": policy,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
