"""The settings page: its shell, the limits it checks by, and the headers that keep it here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from string import Template
from types import MappingProxyType
from typing import Any

from profile_domain.pictures.avatar import MAX_BYTES, STORED_SIDE
from profile_domain.profile import TEXT_FIELDS
from profile_graphql.names import camel_case

ASSETS = Path(__file__).parent
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src {connect}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
FIELDS = [
    {
        "name": camel_case(field.name),
        "label": field.label,
        "hint": field.hint,
        "limit": field.limit,
        "managed": field.sso_managed,
    }
    for field in TEXT_FIELDS
]
LIMITS = {"bytes": MAX_BYTES, "side": STORED_SIDE}
EXPORT = "v1/users/me/export"
BESIDE = {"graphql": "page.graphiql", "docs": "page.reference"}  # address: what it is called

_SHELL = Template((ASSETS / "page.html").read_text("utf-8"))
_STYLES = ("base.css", "page.css", "form.css", "history.css", "sign_in.css", "waiting.css")
_TEXTS = "texts.*.js"
LANGUAGES = sorted(path.suffixes[0].removeprefix(".") for path in ASSETS.glob(_TEXTS))
# The texts aside, of which the page loads one.
_MODULES = sorted(path.name for path in ASSETS.glob("*.js") if not path.match(_TEXTS))


def page(
    endpoint: str,
    asset_url: Callable[[str], str],
    people: Sequence[Mapping[str, str]],
    *,
    sign_in: Mapping[str, Any] | None = None,
    connect: Sequence[str] = (),
    accounts: Mapping[str, str] = MappingProxyType({}),
    beside: Sequence[str] = (),
) -> tuple[bytes, dict[str, str]]:
    """The page and its headers.

    It holds the tokens of the ``people`` it can act as, or the configuration of the ``sign_in``,
    for which it may ``connect`` to other origins. ``accounts`` has for an issuer the URL where its
    people change what it manages; ``beside`` are the addresses of pages to go to, of ``BESIDE``.
    """
    config = {
        "endpoint": endpoint,
        "export": EXPORT,
        "languages": LANGUAGES,
        "accounts": dict(accounts),
        "people": list(people),
        "signIn": sign_in,
        "fields": FIELDS,
        "limits": LIMITS,
    }
    html = _SHELL.substitute(
        icon=asset_url("settings_page/icon.svg"),
        styles=_links("stylesheet", _STYLES, asset_url),
        preloads=_links("modulepreload", _MODULES, asset_url),
        beside="\n        ".join(f'<a href="{at}" data-text="{BESIDE[at]}"></a>' for at in beside),
        start=asset_url("settings_page/start.js"),
        # A data block is never run, so the policy leaves it alone; "<" could still end it.
        config=json.dumps(config).replace("<", "\\u003c"),
    )
    return html.encode(), {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": POLICY.format(connect=" ".join(("'self'", *connect))),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def _links(relation: str, names: Sequence[str], asset_url: Callable[[str], str]) -> str:
    urls = [asset_url(f"settings_page/{name}") for name in names]
    return "\n    ".join(f'<link rel="{relation}" href="{url}">' for url in urls)
