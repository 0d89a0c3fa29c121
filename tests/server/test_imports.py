"""What a serving process imports: only what it uses, since all else is seconds and memory."""

import re
import subprocess
import sys
import time

import httpx2
import pytest

from running import ME
from serving import person, serving_in, workers_of

pytestmark = pytest.mark.journey

# Interpreters with it in their environment write each module that they import to the log.
IMPORTS_LOGGED = {"PYTHONPROFILEIMPORTTIME": "1"}
NOBODY_SERVES_WITH = {
    *("sqlalchemy", "sqlmodel", "alembic", "PIL", "rich", "pygments", "structlog"),
    *("httpx2", "redis", "opentelemetry.sdk", "opentelemetry.exporter", "pydantic.v1"),
}
FOR_POSTGRES = {"asyncpg", "profile_infra.stores.postgres"}
FOR_SQLITE = {"sqlite3"}


def imported(folder):
    """All modules that are in the log of the folder's processes, and the packages that hold them."""
    modules = re.findall(
        r"^import time:.*\| +([\w.]+)$", (folder / "log").read_text(), re.MULTILINE
    )
    return {
        ".".join(parts[:end])
        for parts in (module.split(".") for module in modules)
        for end in range(1, len(parts) + 1)
    }


def imports_of(module, folder):
    """In how many processes it was."""
    line = rf"^import time:.*\| +{re.escape(module)}$"
    return len(re.findall(line, (folder / "log").read_text(), re.MULTILINE))


def assert_both_faces_answer(port, headers):
    address = f"http://127.0.0.1:{port}"
    body = {"display_name": "Countess"}
    query = {"query": "{ me { name } }"}
    assert httpx2.put(address + ME, json=body, headers=headers).status_code == 200
    answer = httpx2.post(f"{address}/graphql", json=query, headers=headers)
    assert answer.json() == {"data": {"me": {"name": "Countess"}}}


@pytest.mark.parametrize("workers", [1, 2])
def test_who_serves_sqlite_imports_nothing_of_postgres_of_migrations_or_of_the_terminal(
    sqlite_url, tmp_path, port, workers
):
    headers = person(tmp_path)
    with serving_in(tmp_path, port, workers, **IMPORTS_LOGGED) as process:
        assert_both_faces_answer(port, headers)
        assert workers == 1 or workers_of(process)
        found = imported(tmp_path)
    assert found >= FOR_SQLITE | {"fastapi", "strawberry"}
    assert found & (NOBODY_SERVES_WITH | FOR_POSTGRES) == set()


def test_who_only_supervises_workers_imports_no_face(sqlite_url, tmp_path, port):
    with serving_in(tmp_path, port, 2, **IMPORTS_LOGGED):
        for module in ("fastapi", "strawberry", "uvicorn"):
            once_in_each_worker = 2
            deadline = time.monotonic() + 120  # one may serve before the other has begun
            while (seen := imports_of(module, tmp_path)) < once_in_each_worker:
                assert time.monotonic() < deadline
                time.sleep(0.1)
            assert seen == once_in_each_worker


ASKED = """
from profile_api.server.imports import lasting_imports
with lasting_imports():
    from profile_api.app import create_app
from fastapi.openapi.models import OpenAPI
from profile_api import reference
from profile_api.settings import Settings
print(OpenAPI.__pydantic_complete__)
app = create_app(Settings.model_construct(issuers=()))
print(OpenAPI.__pydantic_complete__)
print(reference.document(app)["openapi"])
"""


def test_models_of_the_document_are_built_for_who_asks_for_it():
    printed = subprocess.run(
        [sys.executable, "-c", ASKED], capture_output=True, text=True, check=True
    ).stdout
    assert printed.split() == ["False", "False", "3.1.0"]


def test_who_serves_postgres_imports_nothing_of_migrations_or_of_the_terminal(
    postgres_url, tmp_path, port
):
    settings = {"PROFILE_DATABASE_URL": postgres_url}
    headers = person(tmp_path, **settings)
    with serving_in(tmp_path, port, 1, **settings, **IMPORTS_LOGGED):
        assert_both_faces_answer(port, headers)
        found = imported(tmp_path)
    assert found >= FOR_POSTGRES
    assert found & NOBODY_SERVES_WITH == set()
