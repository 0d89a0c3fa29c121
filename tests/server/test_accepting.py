"""Connections that wait to be accepted are, however much the others ask for meanwhile."""

import asyncio
import os
import resource
import socket
from contextlib import ExitStack, contextmanager

import httpx2
import pytest
import uvicorn
import uvloop

from profile_api.server.listening import accepting, listen
from profile_api.server.protocol import GuardedProtocol
from profile_api.server.serving import GuardedServer
from profile_infra.stores.by_url import migrate
from profile_testing import ports
from running import running
from serving import serving_in

WAITING = 200


async def turns_to_accept(folder):
    """How often the loop turns until it has accepted all that wait."""
    async with running(folder) as service:
        config = uvicorn.Config(
            service.app, lifespan="off", log_config=None, http=GuardedProtocol, ws="none",
            proxy_headers=False,
        )  # fmt: skip
        server, listener = GuardedServer(config), listen("127.0.0.1", 0)
        serving = asyncio.create_task(server.serve(accepting(listener)))
        while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
            await asyncio.sleep(0.01)
        turns = 0
        with ExitStack() as clients:
            for _ in range(WAITING):
                clients.enter_context(socket.create_connection(listener.getsockname()))
            while len(server.server_state.connections) < WAITING and turns < 10 * WAITING:
                await asyncio.sleep(0)
                turns += 1
        server.should_exit = True
        await serving
    return turns


def test_those_that_wait_are_accepted_within_a_few_turns_of_the_loop(tmp_path):
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(turns_to_accept(tmp_path)) < WAITING / 10


@contextmanager
def soft_limit_on_files(count):
    before, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, hard))


@pytest.mark.journey
def test_those_over_the_limit_are_told_so_where_a_process_may_open_few_files(tmp_path):
    migrate(f"sqlite:///{tmp_path / 'profile.db'}")
    with ExitStack() as stack:
        port = stack.enter_context(ports.reserved()).getsockname()[1]
        settings = {"PROFILE_MAX_CONNECTIONS": "300"}
        with soft_limit_on_files(256):
            stack.enter_context(serving_in(tmp_path, port, 1, **settings))
        for _ in range(300):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        answer = httpx2.get(f"http://127.0.0.1:{port}/healthz")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


def test_no_process_that_has_the_listener_ever_waits_in_accept():
    with listen("127.0.0.1", 0) as listener, ExitStack() as more:
        for each in accepting(listener):
            more.enter_context(each)
            assert not os.get_blocking(each.fileno())
