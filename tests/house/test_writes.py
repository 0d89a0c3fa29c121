"""The files that the process writes: the store, and a folder of metrics with several workers."""

import os
import signal
from pathlib import Path

import httpx2
import pytest

from profile_infra.stores.by_url import migrate
from profile_testing.images import data_uri, photo, png
from running import ME, ME_QUERY, UPDATE
from serving import person, serving_in

pytestmark = pytest.mark.journey

# Python imports it by itself, in workers too, and then tells what it is about to write.
WATCH = """
import os, sys

log = os.open(os.environ["WRITES"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
changes = {"mkdir", "rmdir", "remove", "rename", "link", "symlink", "truncate", "chmod", "chown"}
both = {"os.rename", "os.link", "os.symlink"}

def watch(event, args):
    if event == "sqlite3.connect" or (event == "open" and (args[2] or 0) & writing):
        tell(event, args[0])
    elif event.removeprefix("os.") in changes and event.startswith("os."):
        folder = args[-1] if event in {"os.remove", "os.rmdir", "os.mkdir"} else -1
        for path in args[:2] if event in both else args[:1]:
            tell(event, path, os.readlink(f"/proc/self/fd/{folder}") if folder != -1 else "")

def tell(event, path, folder=""):
    if not isinstance(path, int):  # which was opened before
        path = os.fsdecode(path).removeprefix("file://").removesuffix("?mode=rw")
        os.write(log, f"{event} {os.path.abspath(os.path.join(folder, path))}\\n".encode())

sys.addaudithook(watch)
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_nothing_is_written_but_the_store(tmp_path, port, workers):
    watching, store, temporary = (tmp_path / name for name in ("watching", "store", "temporary"))
    for each in (watching, store, temporary):
        each.mkdir()
    (watching / "sitecustomize.py").write_text(WATCH)
    url = f"sqlite:///{store}/profile.db"
    migrate(url)
    headers = person(tmp_path, PROFILE_DATABASE_URL=url)
    settings = {
        "PROFILE_DATABASE_URL": url,
        "PYTHONPATH": str(watching),
        "PYTHONDONTWRITEBYTECODE": "1",
        "WRITES": str(tmp_path / "writes"),
        "HOME": str(tmp_path),
        "TMPDIR": str(temporary),
    }
    there = names_in(tmp_path) | {"log", "writes"}
    with serving_in(tmp_path, port, workers, **settings) as process:
        picture = data_uri(png(photo(900, 600)))
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=headers) as client:
            changed = client.put(ME, json={"first_name": "Ada", "avatar_base64": picture})
            assert changed.json()["first_name"] == "Ada"
            variables = {"input": {"avatarBase64": data_uri(png(photo(40, 900)))}}
            for query in (UPDATE, ME_QUERY):
                result = client.post(
                    "/graphql", json={"query": query, "variables": variables}
                ).json()
                assert "errors" not in result
            assert b"profile_picture" in client.get("/metrics").content
            assert client.get("/none").status_code == 404
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    lines = (tmp_path / "writes").read_text().splitlines()
    written = {Path(line.split(maxsplit=1)[1]) for line in lines} - {Path(os.devnull)}
    assert store / "profile.db" in written
    passing = {path for path in written if path.is_relative_to(temporary)}
    assert any("profile-metrics-" in str(path) for path in passing) is (workers > 1)
    assert bool(passing) is (workers > 1)
    assert {path for path in written - passing if not path.is_relative_to(store)} == set()
    assert names_in(tmp_path) == there
    assert names_in(temporary) == set()


def names_in(folder):
    return {path.name for path in folder.iterdir()}
