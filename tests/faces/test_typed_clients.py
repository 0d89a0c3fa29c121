"""What npm's tools make of the two documents: linters, typed clients, importers. Needs Node 20."""

import asyncio
import json
import os
import re
from pathlib import Path

import httpx2
import pytest

from profile_api import reference
from profile_api.app import create_app
from profile_api.rest import examples
from profile_api.rest.avatars import AVATARS
from profile_api.rest.documented import EXPORT
from profile_api.settings import Settings
from profile_domain.profile import EDITABLE
from profile_testing.images import data_uri, photo, png
from programs import needs
from running import ME, served

CLIENTS = Path(__file__).parents[1] / "support/clients"
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "CI": "true"}


pytestmark = [pytest.mark.journey, needs("node")]


async def run(*command, **told):
    """What a command prints; the service goes on serving meanwhile."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=CLIENTS, env=os.environ | QUIET | told,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await asyncio.wait_for(process.communicate(), timeout=300)
    result = out.decode()
    assert process.returncode == 0, result
    return result


async def test_the_openapi_document_passes_redoclys_and_spectrals_rules():
    result = await run("npm", "run", "lint")
    assert "Your API description is valid" in result
    assert "You have" not in result  # so many warnings
    assert "No results with a severity of 'hint' or higher found!" in result


async def test_a_collection_imported_by_postman_or_bruno_runs_unchanged(tmp_path):
    file = tmp_path / "openapi.json"
    with served(tmp_path) as server:
        app = create_app(Settings(_env_file=None, public_url=server.address))
        file.write_text(json.dumps(reference.document(app)))
        token = server.headers["Authorization"].removeprefix("Bearer ")
        client = httpx2.AsyncClient(base_url=server.address, headers=server.headers, timeout=60)
        async with client:
            await client.put(ME, json={"avatar_base64": data_uri(png(photo(90, 90)))})
        seen = json.loads(await run("node", "imports.mjs", str(file), token))
    ada, digest = examples.ADA.id, examples.DIGEST
    expected = {
        f"GET {ME}": 200, f"PUT {ME}": 200, f"GET {ME}/avatar": 200, f"GET {ME}/changes": 200,
        f"GET {ME}/editable-fields": 200, f"GET {EXPORT}": 200,
        "GET /healthz": 200, "GET /readyz": 200, "GET /metrics": 200,
        # Nobody has this picture: its address is known to whoever was shown it.
        f"GET {AVATARS}/{examples.TENANT}/{ada}/{digest}": 404,
    }  # fmt: skip
    assert seen == {"postman": expected, "bruno": expected}


async def test_generated_clients_type_check_and_run(demo, repository):
    await run("npm", "run", "generate")
    (snippet,) = re.findall(
        r"```ts\n(.*?)```", (repository / "README.md").read_text("utf-8"), re.DOTALL
    )
    (CLIENTS / "generated/readme.ts").write_text(snippet)
    await run("npm", "run", "check")
    ada, grace, *_, edsger = demo.people
    told = {"ADDRESS": demo.address, "TOKEN": grace.token, "TENANT": grace.tenant_id}
    assert await run("node", "build/generated/readme.js", **told) == "Countess\n"
    result = await run("node", "build/rest/client.js", demo.address, ada.token, ada.tenant_id)
    rest = json.loads(result)
    assert rest == {
        "before": "Ada Lovelace", "changed": "Countess", "late": "read again",
        "refused": "beside the field", "most": 100,
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
            "violations": [{"field": "FIRST_NAME", "code": "too_long", "max": 100}],
        },
        "remedy": "beside the field", "stranger": "sign in",
    }  # fmt: skip


async def test_apollo_shows_a_face_by_its_address_and_keeps_its_cache(demo):
    *_, edsger = demo.people
    async with httpx2.AsyncClient(
        base_url=demo.address, headers=demo.headers(-1), timeout=60
    ) as client:
        await client.put(ME, json={"avatar_base64": data_uri(png(photo(90, 90)))})
    result = await run("node", "apollo.mjs", demo.address, edsger.token, edsger.tenant_id)
    assert json.loads(result) == {
        "face": [200, "image/png", "public, max-age=31536000, immutable"],
        "sizes": True, "renamed": "EWD", "kept": True, "without": None, "gone": 404,
        "stranger": "unauthenticated",
    }  # fmt: skip
