"""GraphQL requests, names as each face spells them, and assertions about errors."""

import json
import re

from profile_api.rest.errors import STATUS


async def post(service, body, **headers):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Content-Type": "application/json"} | headers
    return await service.client.post("/graphql", content=content, headers=sent)


def code_of(answer):
    return answer.json()["errors"][0]["extensions"]["code"]


def assert_error(answer, code, **details):
    assert answer.status_code == STATUS[code], answer.text
    assert answer.headers["Content-Type"] == "application/json"
    expected = {"code": code, "message": code.message}
    if details:
        expected["details"] = details
    assert answer.json() == expected
    assert re.fullmatch("[A-Za-z0-9._-]{1,128}", answer.headers["X-Request-ID"])


def snake(name: str) -> str:
    return re.sub("([A-Z])", r"_\1", name).lower()


def camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)
