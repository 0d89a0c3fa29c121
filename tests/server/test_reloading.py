"""Policies and key files are read again when they change and at SIGHUP, whole or not at all."""

import asyncio
import io
import os
import signal
import socket
import time
import tracemalloc
from pathlib import Path

import httpx2
import pytest

from profile_api.telemetry import logs
from profile_infra import reloading
from profile_infra.policies.cedar import CedarPolicy
from profile_infra.reloading import Reloaded, Reloads
from profile_infra.tokens.keys import KeysInFile
from profile_testing.signing import (
    claims,
    issuer,
    outcome,
    public_jwk,
    rsa_key,
    token,
    tokens_of,
    write_jwks,
)
from running import ME, Nowhere, running
from serving import person, serving_in, until_ready

pytestmark = pytest.mark.journey

FREEZE = """
@notice("Frozen.")
forbid (principal, action == ProfileService::Action::"updateMyProfile", resource);
"""
BROKEN = "forbid (principal, action, resource) when { nonsense };"


async def eventually(happens):
    """Waits until it does, for as long as a busy machine may need."""
    deadline = time.monotonic() + 120
    while not await happens():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.05)


def text_of(path):
    return Reloaded("text", files=lambda: [path], read=path.read_text, refusal=OSError)


async def test_a_change_is_read_once_it_has_settled(tmp_path):
    path = tmp_path / "a"
    path.write_text("one")
    text = text_of(path)
    seen = []
    text.on_replaced = lambda *both: seen.append(both)
    await text.look()
    path.write_text("two and")
    await text.look()
    assert text.current == "one", "somebody may be writing still"
    path.write_text("two and three")
    await text.look()
    assert text.current == "one"
    for _ in range(3):
        await text.look()
    assert text.current == "two and three"
    assert seen == [("one", "two and three")]


async def test_what_cannot_be_read_leaves_the_old_until_it_can(tmp_path):
    path = tmp_path / "a"
    path.write_text("one")
    text = text_of(path)
    path.unlink()
    for _ in range(3):
        await text.look()
    assert (text.current, text.outdated) == ("one", True)
    path.write_text("two")
    for _ in range(2):
        await text.look()
    assert (text.current, text.outdated) == ("two", False)


async def test_whatever_goes_wrong_leaves_the_old(tmp_path):
    path = tmp_path / "a"
    path.write_text("one")
    text = text_of(path)
    path.write_bytes(b"\xff")  # no OSError
    await text.look(asked=True)
    assert (text.current, text.outdated) == ("one", True)


async def test_who_asks_has_it_read_at_once_though_nothing_seems_to_have_changed(tmp_path):
    path = tmp_path / "a"
    path.write_text("one")
    at = path.stat()
    text = text_of(path)
    path.write_text("two")
    os.utime(path, ns=(at.st_atime_ns, at.st_mtime_ns))
    for _ in range(3):
        await text.look()
    assert text.current == "one"
    await text.look(asked=True)
    assert text.current == "two"


async def test_a_folder_that_a_link_swaps_is_seen_as_kubernetes_mounts_it(tmp_path):
    for name, policy in (("one", ""), ("two", FREEZE)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.cedar").write_text(policy + "// some policy\n")
    (tmp_path / "..data").symlink_to("one")
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    (mounted / "a.cedar").symlink_to("../..data/a.cedar")
    policy = CedarPolicy(mounted)
    before = policy.files.current
    (tmp_path / "new").symlink_to("two")
    (tmp_path / "new").rename(tmp_path / "..data")
    for _ in range(2):
        await policy.files.look()
    assert policy.files.current is not before


async def test_they_are_looked_after_without_being_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(reloading, "LOOK_SECONDS", 0.01)
    path = tmp_path / "a"
    path.write_text("one")
    text = text_of(path)
    async with Reloads([text]).running():
        path.write_text("two")

        async def is_read():
            return text.current == "two"

        await eventually(is_read)


def in_file(path, **changes):
    return issuer(**{"secret": None, "jwks_file": path, "algorithms": ["RS256"]} | changes)


def signed(name):
    return token(claims(), algorithm="RS256", key=rsa_key(name), header={"kid": name})


async def test_keys_of_a_file_rotate_and_tokens_of_one_that_left_are_refused_at_once(tmp_path):
    one, two = (public_jwk(rsa_key(name), kid=name) for name in ("one", "two"))
    path = write_jwks(tmp_path / "keys.json", one)
    tokens = tokens_of(in_file(path), issuer(issuer="https://secret.example"))
    (file,) = tokens.files
    assert await outcome(tokens, signed("one")) == "accepted"
    assert await outcome(tokens, signed("two")) == "invalid"

    write_jwks(path, one, two)
    await file.look(asked=True)
    hits = tokens.verified.hits
    assert await outcome(tokens, signed("one")) == "accepted"
    assert tokens.verified.hits == hits + 1, "what was proven stays so while its key does"
    assert await outcome(tokens, signed("two")) == "accepted"

    path.write_text('{"keys": [')
    await file.look(asked=True)
    assert file.outdated
    write_jwks(path)
    await file.look(asked=True)
    assert file.outdated
    assert await outcome(tokens, signed("one")) == "accepted"

    write_jwks(path, two)
    await file.look(asked=True)
    assert not file.outdated
    assert await outcome(tokens, signed("one")) == "invalid"
    assert await outcome(tokens, signed("two")) == "accepted"


def huge(path):
    with path.open("wb") as file:
        file.truncate(1024**3)


def endless(path):
    path.symlink_to("/dev/zero")


def listening(path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


@pytest.mark.parametrize("replace", [os.mkfifo, Path.mkdir, huge, endless, listening])
async def test_what_comes_instead_of_a_file_takes_neither_time_nor_memory(
    tmp_path, monkeypatch, replace
):
    monkeypatch.chdir(tmp_path)  # a socket's name is short
    keys, policies = Path("keys.json"), Path()
    (policies / "a.cedar").write_text(FREEZE)
    write_jwks(keys, public_jwk(rsa_key(), kid="r"))
    watched = [KeysInFile(in_file(keys), keys).file, CedarPolicy(policies).files]
    for each, path in zip(watched, (keys, policies / "a.cedar"), strict=True):
        before = each.current
        path.unlink()
        replace(path)
        tracemalloc.start()
        await each.look(asked=True)
        assert tracemalloc.get_traced_memory()[1] < 16 * 1024**2
        tracemalloc.stop()
        assert (each.current, each.outdated) == (before, True)


def test_the_keys_of_a_file_have_their_names(tmp_path):
    path = write_jwks(tmp_path / "keys.json", public_jwk(rsa_key(), kid="r"))
    assert KeysInFile(in_file(path), path).kids("RS256") == ["r"]


async def test_a_service_goes_by_new_policies_and_says_which_it_cannot_go_by(tmp_path):
    stream = io.StringIO()
    logs.configure("json", stream)
    try:
        async with running(tmp_path) as service:
            ada = await service.person("local")
            frozen, reloads = tmp_path / "policies" / "frozen.cedar", service.app.state.reloads

            async def after_asking(expected, ready):
                reloads.ask()

                async def holds():
                    status = (await service.put(ada, {"display_name": "A"})).status_code
                    answer = await service.client.get("/readyz")
                    return (status, answer.status_code, answer.json()) == (expected, 200, ready)

                await eventually(holds)
                text = (await service.client.get("/metrics")).text
                assert f"profile_files_outdated {float('outdated' in ready)}\n" in text

            await after_asking(200, {"status": "ready"})
            frozen.write_text(FREEZE)
            await after_asking(403, {"status": "ready"})
            frozen.write_text(BROKEN)
            await after_asking(403, {"status": "ready", "outdated": ["policies"]})
            frozen.unlink()
            await after_asking(200, {"status": "ready"})
    finally:
        logs.configure("json", Nowhere())
    result = stream.getvalue()
    assert "frozen.cedar:1: the policy " in result
    assert "policies read again" in result


@pytest.mark.parametrize("workers", [1, 2])
def test_sighup_has_every_worker_read_again_and_ends_none(run, tmp_path, port, workers):
    run("migrate")
    policies = tmp_path / "policies"
    policies.mkdir()
    (policies / "a.cedar").write_text("// nothing yet\n")
    frozen = policies / "frozen.cedar"
    address = f"http://127.0.0.1:{port}"
    settings = {"PROFILE_POLICY_DIR": str(policies), "PROFILE_RATE_LIMIT": "off"}
    with serving_in(tmp_path, port, workers, **settings) as process:
        headers = person(tmp_path)

        def each_time(expected, outdated):
            """Twenty connections in a row, which the workers share."""
            for _ in range(20):
                answer = httpx2.put(
                    address + ME, json={"display_name": "A"}, headers=headers, timeout=60
                )
                ready = httpx2.get(f"{address}/readyz", timeout=60).json()
                if (answer.status_code, "outdated" in ready) != (expected, outdated):
                    return False
            return True

        deadline = time.monotonic() + 240
        for policy, expected, outdated in ((FREEZE, 403, False), (BROKEN, 403, True)):
            frozen.write_text(policy)
            process.send_signal(signal.SIGHUP)
            while not each_time(expected, outdated):
                assert time.monotonic() < deadline
                assert process.poll() is None
        for _ in range(20):
            process.send_signal(signal.SIGHUP)
        until_ready(port, process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert "died" not in (tmp_path / "log").read_text()
