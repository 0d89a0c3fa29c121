"""Whether a server does what it is measured for: a name that is put is answered, and stays."""

from __future__ import annotations

import http.client
import json
import sys
from secrets import token_hex
from typing import Any

from world import TENANT, World

from targets import Target

ME = "/v1/users/me/profile"
_MUTATION = (
    "mutation ($name: String) { updateMyProfile(input: {displayName: $name})"
    " { ... on Profile { displayName } } }"
)


def answers_are_right(target: Target, world: World, *, graphql: bool = False) -> None:
    """For the first and the last of the people; ``graphql`` asks that face too. Ends the run."""
    for at in (0, -1):
        profile, token = world.users[at].profile, world.tokens[at]
        name = f"check-{token_hex(4)}"
        answer = _ask(target, token, "PUT", ME, {"display_name": name})
        _expect(target, "PUT", answer.get("display_name"), name)
        answer = _ask(target, token, "GET", ME)
        expected = [str(profile.id), profile.email, name]
        _expect(
            target, "GET", [answer.get(key) for key in ("id", "email", "display_name")], expected
        )
        picture = profile.avatar.data_uri if profile.avatar else None
        _expect(target, "GET of the picture", answer.get("avatar_base64"), picture)
        if graphql:
            name = f"check-{token_hex(4)}"
            sent = {"query": _MUTATION, "variables": {"name": name}}
            answer = _ask(target, token, "POST", "/graphql", sent)
            _expect(
                target, "mutation", answer, {"data": {"updateMyProfile": {"displayName": name}}}
            )
            answer = _ask(target, token, "POST", "/graphql", {"query": "{ me { displayName } }"})
            _expect(target, "query", answer, {"data": {"me": {"displayName": name}}})


def _ask(target: Target, token: str, method: str, path: str, body: Any = None) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", target.port, timeout=10)
    headers = {
        "Authorization": f"Bearer {token}",
        "X-Tenant-ID": str(TENANT),
        "Content-Type": "application/json",
    }
    try:
        connection.request(method, path, json.dumps(body) if body else None, headers)
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    _expect(target, f"status of {method} {path}", answer.status, 200)
    return json.loads(text)


def _expect(target: Target, what: str, found: object, expected: object) -> None:
    if found != expected:
        sys.exit(f"{target.name}: {what} is {found!r:.300}, not {expected!r:.300}")
