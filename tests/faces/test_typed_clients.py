"""Clients generated from the two documents: they type-check, and they run. Needs Node 20."""

import asyncio
import json
import os
from pathlib import Path

import httpx2

from profile_domain.profile import EDITABLE
from profile_testing.images import data_uri, photo, png
from programs import needs
from running import ME

CLIENTS = Path(__file__).parents[1] / "support/clients"
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "CI": "true"}


pytestmark = needs("node")


async def run(*command):
    """What a command prints; the service goes on serving meanwhile."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=CLIENTS, env=os.environ | QUIET,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await asyncio.wait_for(process.communicate(), timeout=300)
    result = out.decode()
    assert process.returncode == 0, result
    return result


async def test_the_openapi_document_passes_the_recommended_rules():
    result = await run("npm", "run", "lint")
    assert "Your API description is valid" in result
    assert "error" not in result


async def test_generated_clients_type_check_and_run(demo):
    await run("npm", "run", "generate")
    await run("npm", "run", "check")
    ada, *_, edsger = demo.people
    result = await run("node", "build/rest/client.js", demo.address, ada.token, ada.tenant_id)
    rest = json.loads(result)
    assert rest.pop("refused")["violations"][0]["code"] == "too_long"
    assert rest == {
        "before": "Ada Lovelace", "changed": "Countess", "late": "precondition_failed",
    }  # fmt: skip
    async with httpx2.AsyncClient(
        base_url=demo.address, headers=demo.headers(-1), timeout=60
    ) as client:
        await client.put(ME, json={"avatar_base64": data_uri(png(photo(90, 90)))})
    result = await run(
        "node", "build/graphql/client.js", demo.address, edsger.token, edsger.tenant_id
    )
    assert json.loads(result) == {
        "name": "Edsger Dijkstra", "face": "200 image/png",
        "editable": [field.upper() for field in EDITABLE],
        "changed": {"__typename": "Profile", "displayName": "EWD"},
        "refused": {
            "__typename": "ProfileError", "code": "too_long",
            "violations": [{"field": "firstName", "code": "too_long"}],
        },
    }  # fmt: skip
