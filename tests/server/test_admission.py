"""Limits on concurrent requests and on their duration."""

import asyncio

import httpx2
import pytest

from profile_api.rest.errors import STATUS
from profile_domain.errors import Code, unavailable
from running import ME, UPDATE, running


class Slow:
    """A policy that decides when the test lets it."""

    def __init__(self):
        self.may_go_on = asyncio.Event()
        self.asked = asyncio.Semaphore(0)

    async def permit(self, *_):
        self.asked.release()
        await self.may_go_on.wait()


@pytest.fixture
async def service(tmp_path, monkeypatch):
    """Has room for two requests at work, whose policy decides at its leisure."""
    slow = Slow()
    monkeypatch.setattr("profile_api.app.TimedPolicy", lambda *_: slow)
    async with running(tmp_path, max_requests=2, request_seconds=60) as service:
        service.slow = slow
        yield service


async def test_what_is_too_much_is_shed_in_the_form_of_its_face(service):
    user = await service.person()
    at_work = [asyncio.create_task(service.get(user)) for _ in range(2)]
    for _ in at_work:
        await service.slow.asked.acquire()
    shed = await service.get(user)
    assert shed.status_code == 503
    assert shed.headers["Retry-After"] == "1"
    message, details = Code.UNAVAILABLE.message, {"retry_after": 1}
    assert shed.json() == {"code": Code.UNAVAILABLE, "message": message, "details": details}
    graphql = await service.client.post("/graphql", json={"query": "{ me { id } }"})
    assert graphql.status_code == 503
    assert graphql.headers["Retry-After"] == "1"
    (error,) = graphql.json()["errors"]
    extensions = {"code": Code.UNAVAILABLE, "details": details}
    assert error == {"message": message, "extensions": extensions}
    for path in ("/healthz", "/readyz", "/metrics"):
        assert (await service.client.get(path)).status_code == 200
    metrics = (await service.client.get("/metrics")).text
    assert "profile_requests_at_work 2.0" in metrics
    assert "profile_requests_shed_total 2.0" in metrics
    service.slow.may_go_on.set()
    assert [(await each).status_code for each in at_work] == [200, 200]
    assert (await service.get(user)).status_code == 200


async def test_who_is_still_sending_takes_no_room(service):
    user = await service.person()
    service.slow.may_go_on.set()
    begun, whole = asyncio.Semaphore(0), asyncio.Event()

    async def body():
        yield b"{"
        begun.release()
        await whole.wait()
        yield b"}"

    headers = {**service.headers(user), "Content-Type": "application/json"}
    sending = [
        asyncio.create_task(service.client.put(ME, content=body(), headers=headers))
        for _ in range(5)
    ]
    for _ in sending:
        await begun.acquire()
    assert (await service.get(user)).status_code == 200
    whole.set()
    assert {(await each).status_code for each in sending} <= {200, STATUS[Code.UNAVAILABLE]}


@pytest.mark.parametrize("face", ["rest", "graphql"])
async def test_what_takes_too_long_is_answered_and_ended(service, face):
    user = await service.person()
    if face == "rest":
        request = service.put(user, {"display_name": "Ada"})
    else:
        body = {"query": UPDATE, "variables": {"input": {"displayName": "Ada"}}}
        request = service.client.post("/graphql", json=body, headers=service.headers(user))
    at_work = asyncio.create_task(request)
    await service.slow.asked.acquire()
    service.app.state.admission.end_overdue(asyncio.get_running_loop().time())
    await asyncio.sleep(0)
    assert not at_work.done()
    service.app.state.admission.end_overdue(float("inf"))
    answer = await at_work
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    assert service.app.state.admission.at_work == 0
    service.slow.may_go_on.set()
    assert (await service.get(user)).json()["display_name"] is None


async def test_a_client_that_leaves_ends_its_request_alone(service):
    user = await service.person()
    at_work = asyncio.create_task(service.get(user))
    await service.slow.asked.acquire()
    at_work.cancel()
    with pytest.raises((asyncio.CancelledError, httpx2.HTTPError)):
        await at_work
    assert service.app.state.admission.at_work == 0


def test_what_is_unavailable_may_be_asked_again_in_a_second():
    assert unavailable().retry_after == 1
