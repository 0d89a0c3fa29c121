"""A real OpenID Provider in a process of its own, and people who sign in with it by the book."""

import asyncio
import json
import secrets
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2

from profile_infra.tokens.issuers import Issuer
from profile_testing import ports
from profile_testing.signing import AUDIENCE, b64, private_jwk, rsa_key
from programs import found, needs

FOLDER = Path(__file__).parents[1] / "oidc"
SIGNED_IN = "http://127.0.0.1/signed-in"

needs_node = needs("node")


def signing_key(name):
    """A private RSA key as a provider keeps it, with all its numbers."""
    key = rsa_key(name)
    numbers = key.private_numbers()
    halves = {each: b64(getattr(numbers, each)) for each in ("p", "q")}
    others = {"dp": b64(numbers.dmp1), "dq": b64(numbers.dmq1), "qi": b64(numbers.iqmp)}
    return private_jwk(key, kid=name, alg="RS256", use="sig", **halves, **others)


class OpenIdProvider:
    """``accounts`` are the claims of users by subject; ``more`` is in provider.js."""

    def __init__(self):
        self._held = ports.reserved()
        self.port = self._held.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.keys = ["one"]
        self.accounts = {}
        self.more = {}
        self._process = None

    def issuer(self, **changes):
        made = {
            "issuer": self.url,
            "audience": AUDIENCE,
            "algorithms": ["RS256"],
            "discovery": True,
        }
        return Issuer.model_validate(made | changes)

    async def start(self):
        self._process = await asyncio.create_subprocess_exec(
            found("node"),
            FOLDER / "provider.js",
            str(self.port),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        await self.tell()

    async def tell(self, **changes):
        """Has the provider work with other keys or accounts; how many asked for keys so far."""
        vars(self).update(changes)
        configuration = {
            "keys": [signing_key(name) for name in self.keys],
            "accounts": self.accounts,
            **self.more,
        }
        self._process.stdin.write(json.dumps(configuration).encode() + b"\n")
        answer = await asyncio.wait_for(self._process.stdout.readline(), 120)
        return int(answer)

    async def stop(self):
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def close(self):
        """Gives its port back."""
        self._held.close()

    async def sign_in(self, subject):
        """An access token, by the authorization code flow with PKCE (RFC 7636), as a page does."""
        verifier = secrets.token_urlsafe(48)
        async with httpx2.AsyncClient(base_url=self.url, timeout=60) as page:
            asked = {
                "client_id": "page",
                "response_type": "code",
                "redirect_uri": SIGNED_IN,
                "scope": "openid profile:read profile:write",
                "code_challenge": b64(sha256(verifier.encode()).digest()),
                "code_challenge_method": "S256",
            }
            answer = await _followed(page, await page.get("/auth", params=asked))
            for form in ({"prompt": "login", "login": subject}, {"prompt": "consent"}):
                answer = await _followed(page, await page.post(answer.url, data=form))
            (code,) = parse_qs(urlsplit(answer.headers["location"]).query)["code"]
            answer = await page.post(
                "/token",
                data={
                    "client_id": "page",
                    "grant_type": "authorization_code",
                    "code": code,
                    "redirect_uri": SIGNED_IN,
                    "code_verifier": verifier,
                },
            )
            return answer.json()["access_token"]


async def _followed(page, answer):
    """The page that a browser would end at, or the redirect back to the application."""
    while answer.has_redirect_location and not answer.headers["location"].startswith(SIGNED_IN):
        answer = await page.get(answer.headers["location"])
    return answer


@asynccontextmanager
async def provider(**accounts):
    it = OpenIdProvider()
    it.accounts = accounts
    try:
        yield it
    finally:
        await it.stop()
        it.close()
