"""The README's examples and images, and the index of decisions."""

import asyncio
import os
import re
import sys


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


def test_the_pictures_are_there_and_small(repository):
    shown = re.findall(r"!\[[^\]]+\]\((.*?)\)", (repository / "README.md").read_text())
    assert len(shown) == 3
    for each in shown:
        assert (repository / each).stat().st_size < 100_000


def test_the_index_of_decisions_links_each(repository):
    decisions = repository / "docs" / "adr"
    linked = re.findall(r"\]\((\d{4}-.*?\.md)\)", (decisions / "README.md").read_text())
    assert linked == sorted(path.name for path in decisions.glob("0*.md"))
