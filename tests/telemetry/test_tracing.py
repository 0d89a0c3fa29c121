"""Exported traces: complete, and without personal data."""

import sys

import pytest
from opentelemetry.sdk.trace import TracerProvider

from key_server import key_set, serving
from otlp import receiving
from profile_api.telemetry.tracing import spans_from_environment
from profile_api.variables import UnusableVariable
from profile_infra.tokens.jwks_over_http import fetch_key_set
from profile_testing.signing import issuer
from running import ME, ME_QUERY, UPDATE, running

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SENT = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
PLANTED = ["Zebulon", "Quagmire", "zq@planted.example", "Xanthippe", "Plugh", "198.51.100.7"]


@pytest.fixture
async def receiver(monkeypatch):
    with receiving(monkeypatch) as receiver:
        yield receiver


async def test_each_request_is_a_span_by_its_route_in_the_callers_trace(receiver, tmp_path):
    async with running(tmp_path) as service:
        user = await service.person()
        await service.get(user, **SENT)
        await service.graphql(user, ME_QUERY, **SENT)
        await service.client.get(ME, headers=SENT)
        await service.client.get("/healthz")
    result = {
        span.name: {each.key: each.value for each in span.attributes} for span in receiver.spans
    }
    assert sorted(result) == ["GET /healthz", f"GET {ME}", "POST /graphql"]
    assert result[f"GET {ME}"]["http.route"].string_value == ME
    statuses = [
        each.value.int_value
        for span in receiver.spans
        for each in span.attributes
        if each.key == "http.response.status_code"
    ]
    assert sorted(statuses) == [200, 200, 200, 401]
    ours = [span for span in receiver.spans if span.trace_id.hex() == TRACE]
    assert len(ours) == 3
    assert {span.parent_span_id.hex() for span in ours} == {PARENT}


async def test_no_span_contains_a_person_a_token_or_an_address(receiver, tmp_path, monkeypatch):
    name, last, email, display, secret, address = PLANTED
    async with running(tmp_path) as service:
        user = await service.person(email=email, first_name=name, last_name=last)
        headers = service.headers(user) | {"Host": f"{display}.example", "X-Forwarded-For": address}
        token = headers["Authorization"].split()[1]
        await service.put(user, {"display_name": display}, **headers)
        await service.get(user, **headers, **{"User-Agent": display, "baggage": f"a={secret}"})
        for query in (f"{{ me {{ name }} }} # {secret}", f'{{ me(a: "{secret}") {{ id }} }}'):
            parameters = {"query": query, "variables": f'{{"a": "{name}"}}', "token": token}
            await service.client.get("/graphql", params=parameters, headers=headers)
        await service.graphql(user, UPDATE, {"input": {"firstName": name}}, **headers)
        await service.client.get(ME, headers=headers | {"Authorization": f"Bearer {token}x"})
        await service.client.get(f"/{name}/{secret}?q={token}", headers=headers)
        await service.client.request(last.upper(), f"{ME}?{secret}", headers=headers)

        def crash(*_, **__):
            raise ValueError(f"{PLANTED} {token}")

        monkeypatch.setattr("profile_infra.stores.sqlite.store.SqliteProfiles.load", crash)
        assert (await service.get(user, **headers)).status_code == 500
    assert len(receiver.spans) == 9
    everything = b"".join(receiver.bodies).lower()
    for planted in (*PLANTED, token, token.split(".")[2], str(user.profile.id)):
        assert planted.lower().encode() not in everything
    assert b"127.0.0.1" not in everything


def test_without_a_collector_there_are_no_traces(monkeypatch):
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    assert spans_from_environment() is None
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    with pytest.raises(UnusableVariable, match="otel"):
        spans_from_environment()


async def test_keys_are_fetched_within_the_trace_that_asks_for_them():
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
    async with serving({"/keys": key_set("a")}) as server:
        made = issuer(secret=None, algorithms=["RS256"], jwks_url=f"{server.url}/keys")
        with tracer.start_as_current_span("a request") as span:
            await fetch_key_set(made)
        await fetch_key_set(made)
    inside, outside = server.heads
    context = span.get_span_context()
    assert f"traceparent: 00-{context.trace_id:032x}-{context.span_id:016x}-0" in inside
    assert "traceparent" not in outside
    assert "baggage" not in inside
