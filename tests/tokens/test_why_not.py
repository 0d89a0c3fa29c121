"""Why a token was refused: ``reason`` in the log line, and nothing in the response."""

import io
import json
from typing import get_args

import pytest

from profile_api.telemetry import logs
from profile_domain.errors import LogReason
from refused_tokens import REFUSED, issuers_in
from running import ME, ME_QUERY, OTHER_TENANT, TENANT, Nowhere, running


@pytest.fixture(scope="module")
async def lines_of(tmp_path_factory):
    """What the service answers to a request, and the line that it logs of it."""
    stream = io.StringIO()
    logs.configure("json", stream)
    folder = tmp_path_factory.mktemp("why")
    async with running(folder, issuers=issuers_in(folder)) as service:

        async def ask(method, path, **request):
            stream.seek(0)
            stream.truncate()
            answer = await service.client.request(method, path, **request)
            (line,) = stream.getvalue().splitlines()
            return answer, json.loads(line)

        ask.service = service
        yield ask
    logs.configure("json", Nowhere())


@pytest.mark.parametrize(("word", "sent", "client_reason"), REFUSED)
async def test_the_log_has_the_reason_of_each_401_and_the_response_has_not(
    lines_of, word, sent, client_reason
):
    headers = {"X-Tenant-ID": TENANT}
    if sent is not None:
        scheme = "" if sent.startswith(("Basic", "Bearer")) else "Bearer "
        headers["Authorization"] = (scheme + sent).encode()
    by_rest, rest_line = await lines_of("GET", ME, headers=headers)
    by_graphql, graphql_line = await lines_of(
        "POST", "/graphql", headers=headers, json={"query": ME_QUERY}
    )
    written, written_line = await lines_of("PUT", ME, headers=headers, json={})
    assert by_rest.status_code == written.status_code == 401
    (error,) = by_graphql.json()["errors"]
    known = {key: value for key, value in by_rest.json().items() if key != "message"}
    assert (
        known
        == error["extensions"]
        == {"code": "unauthenticated", "details": {"reason": client_reason}}
    )
    assert written.json() == by_rest.json()
    for line in (rest_line, graphql_line, written_line):
        assert (line["code"], line["reason"]) == ("unauthenticated", word)


def test_every_reason_is_tested():
    assert {word for word, *_ in REFUSED} == set(get_args(LogReason))


async def test_an_authenticated_request_is_logged_without_a_reason(lines_of):
    user = await lines_of.service.person()
    headers = lines_of.service.headers(user)
    for path in (ME, "/healthz", "/nowhere"):
        _, line = await lines_of("GET", path, headers=headers)
        assert "reason" not in line
    _, line = await lines_of("GET", ME, headers=headers | {"X-Tenant-ID": OTHER_TENANT})
    assert line["code"] == "tenant_mismatch"
    assert "reason" not in line
