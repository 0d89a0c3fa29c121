"""The README's examples and images, and the index of decisions."""

import asyncio
import json
import os
import re
import sys
from pathlib import Path

import pytest

from asking import post
from programs import needs


async def test_the_snippet_for_python_runs(demo, repository):
    (snippet,) = re.findall(
        r"```python\n(.*?)```", (repository / "README.md").read_text(), re.DOTALL
    )
    ada = demo.people[0]
    known = {"ADDRESS": demo.address, "TOKEN": ada.token, "TENANT": ada.tenant_id}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", snippet, env=os.environ | known, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await asyncio.wait_for(process.communicate(), timeout=120)
    assert (process.returncode, out.decode()) == (0, "Countess\n")


def blocks(text, language):
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@needs("curl")
async def test_the_change_by_curl_runs(demo, repository):
    (block, *_) = blocks((repository / "README.md").read_text(), "sh")[1:]
    export, command = block.split("\n", 1)
    assert export == "export TOKEN=… TENANT=…"
    ada = demo.people[0]
    process = await asyncio.create_subprocess_exec(
        *("sh", "-euc", command.replace("http://127.0.0.1:8000", demo.address)),
        env=os.environ | {"TOKEN": ada.token, "TENANT": ada.tenant_id},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    out, _ = await asyncio.wait_for(process.communicate(), timeout=120)
    head, _, body = out.decode().partition("\r\n\r\n")
    assert "200 OK" in head
    assert json.loads(body)["name"] == "Countess"


async def test_the_change_and_the_lost_answer_by_graphql_run(service, repository):
    change, lost = blocks((repository / "README.md").read_text(), "graphql")
    user = await service.person()
    headers = service.headers(user) | {"X-Request-ID": "rename-1"}
    changed = (await post(service, {"query": change}, **headers)).json()
    assert changed["data"]["updateMyProfile"]["name"] == "Countess"
    answer = (await service.graphql(user, lost)).json()["data"]["me"]
    assert answer["etag"] == changed["data"]["updateMyProfile"]["etag"]
    assert answer["changes"]["edges"] == [{"node": {"requestId": "rename-1", "newVersion": 2}}]


@pytest.mark.journey
async def test_the_commands_that_set_up_ones_own_lead_to_a_token_that_holds(repository, tmp_path):
    text = (repository / "README.md").read_text().split("## Serving your own")[1]
    (block, *_) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = block.splitlines()
    assert lines[:4] == [
        "python3 -m venv venv && . venv/bin/activate",
        "repository=path/to/this/repository",
        "pip install --no-deps --require-hashes --only-binary :all: -r $repository/requirements.lock",
        "pip install --no-deps $repository",
    ]
    assert lines[-1] == "profile-service serve"
    kept = {name: each for name, each in os.environ.items() if not name.startswith("PROFILE_")}
    commands = Path(sys.executable).parent
    process = await asyncio.create_subprocess_exec(
        *("sh", "-euc", "\n".join(lines[4:-1])),
        cwd=tmp_path,
        env=kept | {"PATH": f"{commands}:{os.environ['PATH']}"},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await asyncio.wait_for(process.communicate(), timeout=120)
    assert process.returncode == 0, out.decode()
    assert out.decode().splitlines()[-1].split() == [
        *("ok", "user", "2f6a0d3c-63d3-4c5a-9f2e-0d8a3f6b1c11")
    ]


def test_the_pictures_are_there_and_small(repository):
    shown = re.findall(r"!\[[^\]]+\]\((.*?)\)", (repository / "README.md").read_text())
    assert len(shown) == 4
    for each in shown:
        assert (repository / each).stat().st_size < 100_000


def test_the_index_of_decisions_links_each(repository):
    decisions = repository / "docs" / "adr"
    linked = re.findall(r"\]\((\d{4}-.*?\.md)\)", (decisions / "README.md").read_text())
    assert linked == sorted(path.name for path in decisions.glob("0*.md"))
