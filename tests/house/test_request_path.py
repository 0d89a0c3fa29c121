"""docs/architecture.md lists the files whose code runs for an update."""

import re

import pytest

import request_path


@pytest.mark.parametrize("face", ["PUT", "Mutation"])
async def test_the_page_lists_the_files_that_run_for_an_update(repository, store_url, face):
    store = store_url.partition(":")[0].replace("postgresql", "postgres")
    page = (repository / "docs" / "architecture.md").read_text()
    rows = re.findall(r"^\| `(.*)` \| .* \| (\w+) \|$", page, re.MULTILINE)
    wanted = {"both", face.lower(), store}
    listed = sorted(file for file, runs_for in rows if runs_for.lower() in wanted)
    assert await request_path.files_of(store_url, face) == listed
    assert f"{face}: {len(listed)} files" in page
