"""The journeys of docs/operations/upgrade.md and rotate.md, with the commands that stand there, under load."""

import asyncio
import json
import os
import re
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from future import REVISION, FutureRelease
from load import under_load
from profile_infra.stores.by_url import migrate
from profile_infra.stores.revisions import newest
from profile_infra.tokens.issuers import Issuer
from profile_testing import ports
from profile_testing.postgres_database import new_database
from profile_testing.signing import (
    AUDIENCE,
    ISSUER,
    SECRET,
    claims,
    public_jwk,
    rsa_key,
    token,
    write_jwks,
)
from programs import needs
from running import ME, TENANT
from serving import (
    COMMAND,
    environment,
    headers_of,
    imported,
    serving_in,
    until,
    until_ready,
    workers_of,
)

pytestmark = pytest.mark.journey


def blocks(repository, page, language="sh"):
    """The page's blocks of a language, in order, without their indentation."""
    text = (repository / "docs" / "operations" / page).read_text()
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in found]


def shell(block, folder, env, *, port=None):
    """The status and the output of a block that a shell runs."""
    path = f"{Path(COMMAND).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-euc", block.replace(":8000", f":{port}")], cwd=folder, env=env | {"PATH": path},
        stdout=subprocess.PIPE, text=True, timeout=300, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


@contextmanager
def replica(folder, port, env, *, workers=1):
    """Ready, and ended by SIGTERM with status 0."""
    with (folder / f"log-{port}").open("a") as log:
        process = subprocess.Popen(
            [COMMAND, "serve", "--port", str(port), "--workers", str(workers)],
            cwd=folder, env=env, stderr=log,
        )  # fmt: skip
    try:
        until_ready(port, process)
        yield process
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def two_ports():
    with ports.reserved() as one, ports.reserved() as other:
        yield one.getsockname()[1], other.getsockname()[1]


@pytest.fixture(params=["sqlite", "postgres"])
async def store(request, tmp_path):
    """The settings of the release that migrates, and of the one that serves, on a store with a schema."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/profile.db"
        migrate(url)
        yield {"PROFILE_DATABASE_URL": url}, {"PROFILE_DATABASE_URL": url}, ""
        return
    async with new_database(request.getfixturevalue("postgres_server_url")) as database:
        await database.migrate()
        yield (
            {"PROFILE_DATABASE_URL": database.owner},
            {"PROFILE_DATABASE_URL": database.url},
            f" --grant-to {database.serving_role}",
        )


def missing(port):
    return (
        httpx2.get(f"http://127.0.0.1:{port}/readyz", timeout=60).json().get("workers_missing", 0)
    )


@needs("curl")
async def test_an_upgrade_and_the_way_back_under_load(store, two_ports, tmp_path, repository):
    owner, serving, grant_to = store
    check, migrate_block, ready, migrate_again, _ = blocks(repository, "upgrade.md")
    old, (one, other) = environment(**serving, PROFILE_RATE_LIMIT="off"), two_ports
    future = FutureRelease(tmp_path)
    new = future.environment(old)
    headers = headers_of(imported(tmp_path, **serving))

    def journey():
        addresses = [f"http://127.0.0.1:{port}" for port in two_ports]
        with under_load(addresses, headers) as load:
            with replica(tmp_path, one, old, workers=2) as process:
                with replica(tmp_path, other, old):
                    load.wait_for(8)
                    status, output = shell(
                        check, tmp_path, future.environment(environment(**owner))
                    )
                    assert (status, REVISION in output) == (3, True)
                    status, output = shell(
                        migrate_block.strip() + grant_to,
                        tmp_path,
                        future.environment(environment(**owner)),
                    )
                    assert output == f"Migrated from {newest()} to schema {REVISION}.\n"
                    load.wait_for(8)
                    until(lambda: missing(one) == 0)
                    os.kill(workers_of(process)[0], signal.SIGKILL)
                    until(lambda: missing(one) == 1)
                    until(lambda: missing(one) == 0)
                with replica(tmp_path, other, new):
                    assert shell(ready, tmp_path, old, port=other) == (0, '{"status":"ready"}')
                    load.wait_for(8)
            with replica(tmp_path, one, new), replica(tmp_path, other, new):
                load.wait_for(8)
            status, output = shell(migrate_again.strip() + grant_to, tmp_path, environment(**owner))
            assert (status, "the schema is left as it is" in output) == (0, True)
            with replica(tmp_path, one, old, workers=2):
                load.wait_for(8)
        assert set(load.statuses) == {200}

    await asyncio.to_thread(journey)


def written(block, **secrets):
    """The issuers as the page has them, with these secrets and the tests' names."""
    for name, secret in secrets.items():
        block = block.replace(f'"{name.upper()}"', json.dumps(secret))
    return block.replace("https://id.example", ISSUER).replace('"profile"', json.dumps(AUDIENCE))


def test_a_secret_is_rotated_under_load_without_one_401(two_ports, tmp_path, repository):
    migrate(f"sqlite:///{tmp_path}/profile.db")
    make, *_ = blocks(repository, "rotate.md")
    both, alone = blocks(repository, "rotate.md", "json")
    status, output = shell(make, tmp_path, environment())
    new = output.strip()
    assert (status, len(new)) == (0, 64)
    issuers = tmp_path / "issuers.json"
    issuers.write_text(written(alone, new=SECRET))
    settings = {"PROFILE_ISSUERS_FILE": str(issuers), "PROFILE_RATE_LIMIT": "off"}
    env = environment(**settings)
    del env["PROFILE_ISSUERS"]
    user = imported(tmp_path)
    signed = {
        each: headers_of(
            user, Issuer(issuer=ISSUER, audience=AUDIENCE, algorithms=["HS256"], secret=each)
        )
        for each in (SECRET, new)
    }

    def restarted_in_turn(load, running):
        for port in two_ports:
            running[port].__exit__(None, None, None)
            running[port] = replica(tmp_path, port, env)
            running[port].__enter__()
            load.wait_for(8)

    addresses = [f"http://127.0.0.1:{port}" for port in two_ports]
    running = {port: replica(tmp_path, port, env) for port in two_ports}
    for each in running.values():
        each.__enter__()
    try:
        with under_load(addresses, signed[SECRET]) as load:
            load.wait_for(8)
            issuers.write_text(written(both, new=new, old=SECRET))
            restarted_in_turn(load, running)
            load.headers = signed[new]
            load.wait_for(8)
            issuers.write_text(written(alone, new=new))
            restarted_in_turn(load, running)
        assert set(load.statuses) == {200}
        for address in addresses:
            assert httpx2.get(address + ME, headers=signed[SECRET]).status_code == 401
    finally:
        for each in running.values():
            each.__exit__(None, None, None)


@needs("curl")
def test_keys_in_a_file_are_rotated_under_load_without_one_401(port, tmp_path, repository):
    migrate(f"sqlite:///{tmp_path}/profile.db")
    _, move, _ = blocks(repository, "rotate.md")
    one, two = (public_jwk(rsa_key(name), kid=name) for name in ("one", "two"))
    keys = write_jwks(tmp_path / "keys.json", one)
    issuer = {
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "algorithms": ["RS256"],
        "jwks_file": str(keys),
    }
    settings = {"PROFILE_ISSUERS": json.dumps([issuer]), "PROFILE_RATE_LIMIT": "off"}
    user = imported(tmp_path)

    def signed(name):
        given = claims(sub=str(user), tenant_id=TENANT)
        bearer = token(given, algorithm="RS256", key=rsa_key(name), header={"kid": name})
        return {"Authorization": f"Bearer {bearer}", "X-Tenant-ID": TENANT}

    def each_time(holds):
        """On twenty connections in a row, which the workers share."""
        return lambda: all(holds() for _ in range(20))

    def status(name):
        return httpx2.get(f"{address}{ME}", headers=signed(name), timeout=60).status_code

    def outdated():
        return httpx2.get(f"{address}/readyz", timeout=60).json().get("outdated", [])

    address = f"http://127.0.0.1:{port}"
    with serving_in(tmp_path, port, 2, **settings) as process:
        until(lambda: missing(port) == 0)
        with under_load([address], signed("one")) as load:
            (tmp_path / "keys.json.new").write_text('{"keys": [')
            assert shell(move, tmp_path, environment(), port=port)[0] == 0
            until(each_time(lambda: outdated() == ["signing_keys"]))
            metrics = httpx2.get(f"{address}/metrics", timeout=60).text
            assert "profile_files_outdated 2.0\n" in metrics
            load.wait_for(8)
            write_jwks(tmp_path / "keys.json.new", one, two)
            assert shell(move, tmp_path, environment(), port=port)[0] == 0
            until(each_time(lambda: status("two") == 200))
            assert outdated() == []
            load.headers = signed("two")
            load.wait_for(8)
            write_jwks(tmp_path / "keys.json.new", two)
            assert shell(move, tmp_path, environment(), port=port)[0] == 0
            until(each_time(lambda: status("one") == 401))
            load.wait_for(8)
        assert set(load.statuses) == {200}
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert "signing_keys not replaced, the old stay in force" in (tmp_path / "log").read_text()


def test_the_other_commands_of_the_pages(tmp_path, repository):
    *_, policies = blocks(repository, "rotate.md")
    (tmp_path / "policies.new").mkdir()
    policy = tmp_path / "policies.new" / "a.cedar"
    policy.write_text("// nothing yet\n")
    assert shell(policies, tmp_path, environment()) == (0, "policies.new: every policy is valid.\n")
    policy.write_text("nonsense")
    assert shell(policies, tmp_path, environment())[0] == 1
    *_, along = blocks(repository, "upgrade.md")
    settings = {"PROFILE_RATE_LIMIT": "7/minute", "PROFILE_POLICY_DIR": "it's here"}
    asked = along + '\nprintf \'%s|%s\' "$PROFILE_RATE_LIMIT" "$PROFILE_POLICY_DIR"\n'
    assert shell(asked, tmp_path, environment(**settings)) == (0, "7/minute|it's here")
