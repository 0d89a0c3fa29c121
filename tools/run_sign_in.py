#!/usr/bin/env python3
"""Serves a throwaway store for people who sign in with a real OpenID Provider beside it.

Both listen on 127.0.0.1 alone: the service on 8000 or PORT, the provider (npm's oidc-provider,
from tests/support/oidc) on 9000 or PROVIDER_PORT. All of it is gone when it is stopped.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory

from profile_api.app import create_app
from profile_api.cli.demo import ACME, GLOBEX
from profile_api.server.listening import CannotListen, listen
from profile_api.server.serving import serve
from profile_api.settings import Settings
from profile_api.sign_in import SignIn
from profile_api.telemetry import logs
from profile_infra.stores.by_url import migrate
from profile_infra.tokens.issuers import Issuer

PROVIDER = Path(__file__).resolve().parent.parent / "tests/support/oidc/provider.js"
WORDS = {"acme": ACME, "globex": GLOBEX}
PEOPLE = {
    "ada": ("Ada", "Lovelace", "acme", "of Acme"),
    "grace": ("Grace", "Hopper", "acme", "of Acme"),
    "edsger": ("Edsger", "Dijkstra", "globex", "of Globex"),
    "mia": ("Mia", "Hamm", ["acme", "globex"], "of both, so that she has to choose"),
    "eve": ("Eve", "Moneypenny", "initech", "of Initech, which does not use the service"),
}


def provider(port: int, home: str) -> subprocess.Popen[str]:
    """The provider, once it listens; it ends with its standard input."""
    node = which("node")
    if node is None or not PROVIDER.with_name("node_modules").is_dir():
        raise SystemExit(
            "The provider needs Node 20 or later with npm: install it, then try again."
        )
    accounts = {
        subject: {
            "given_name": first,
            "family_name": last,
            "email": f"{subject}@{word if isinstance(word, str) else 'acme'}.example",
            "tenant_id": word,
        }
        for subject, (first, last, word, _) in PEOPLE.items()
    }
    configuration = {
        "accounts": accounts, "pages": [home], "refresh": True, "tenants": list(WORDS)
    }  # fmt: skip
    process = subprocess.Popen(  # noqa: S603  # a fixed command
        [node, str(PROVIDER), str(port)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    if process.stdin and process.stdout:  # as asked for above
        process.stdin.write(json.dumps(configuration) + "\n")
        process.stdin.flush()
    if not process.stdout or not process.stdout.readline():
        raise SystemExit(f"The provider did not start: is port {port} free? Set PROVIDER_PORT.")
    return process


def settings_in(folder: str, url: str) -> Settings:
    issuer = Issuer(
        issuer=url,
        audience=("profile",),
        algorithms=("RS256",),
        discovery=True,
        tenant_ids=WORDS,
        provision=True,
    )
    return Settings(
        _env_file=None,
        database_url=f"sqlite:///{folder}/profile.db",
        issuers=[issuer],
        sign_in=SignIn(issuer=url, client_id="page", scope="openid tenant:{tenant}", parameters={}),
        policy_dir=None,
        graphiql=True,
        introspection=True,
        docs=True,
    )


def main() -> None:
    port = int(os.environ.get("PORT", "8000"))
    provider_port = int(os.environ.get("PROVIDER_PORT", "9000"))
    with TemporaryDirectory(prefix="profile-sign-in-") as folder:
        settings = settings_in(folder, f"http://127.0.0.1:{provider_port}")
        address = settings.public_url or f"http://127.0.0.1:{port}"
        migrate(settings.database_url)
        try:
            listener = listen("127.0.0.1", port)
        except CannotListen as error:
            raise SystemExit(str(error)) from error
        beside = provider(provider_port, f"{address}/")
        try:
            print("\nThese people can sign in, without a password:\n")
            for first, last, _, who in PEOPLE.values():
                print(f"  {first} {last}, {who}")
            print(f"\nSettings:  {address}/\nGraphiQL:  {address}/graphql")
            print(f"Reference: {address}/docs\nProvider:  http://127.0.0.1:{provider_port}")
            print("\nEverything here is thrown away when you stop it with Ctrl-C.")
            sys.stdout.flush()
            logs.configure(settings.log)
            serve(create_app(settings), settings, listener, reload=False)
        finally:
            beside.terminate()
            beside.wait()


if __name__ == "__main__":
    main()
