"""Log lines, metrics and traces: complete, with bounded labels, without personal data."""

import asyncio
import io
import json
import logging
import re
from dataclasses import replace

import pytest

from profile_api.telemetry import logs
from profile_domain.errors import Code, DomainError
from profile_infra.stores.records import User
from profile_infra.tokens.issuers import Issuer
from profile_testing.images import data_uri, photo, png
from running import ME, SIGNER, TENANT, UPDATE, Nowhere, running

PLANTED = ["Zebulon", "Quagmire", "zq@planted.example", "Xanthippe"]


@pytest.fixture
def result():
    """All that is logged, as JSON."""
    stream = io.StringIO()
    logs.configure("json", stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logs.configure("json", Nowhere())


@pytest.fixture
async def service(result, tmp_path):
    async with running(tmp_path) as service:
        yield service


async def test_each_request_is_one_line_on_both_faces(service, result):
    user = await service.person()
    headers = service.headers(user) | {"X-Request-ID": "mine-1"}
    await service.client.get(ME, headers=headers)
    await service.client.get(ME, headers=headers | {"X-Tenant-ID": "x\ny"})
    long = {"query": UPDATE, "variables": {"input": {"displayName": "x" * 101}}}
    await service.client.post("/graphql", json=long, headers=headers)
    await service.client.post("/graphql", json={"query": "{ me { id } }"})
    await service.client.get("/no/such/thing?name=Zebulon")
    lines = result()
    assert [(line["route"], line["status"], line["code"]) for line in lines] == [
        (ME, 200, ""),
        (ME, 400, Code.INVALID_TENANT_ID),
        ("/graphql", 200, Code.TOO_LONG),
        ("/graphql", 200, Code.UNAUTHENTICATED),
        ("unknown", 404, Code.NOT_FOUND),
    ]
    assert [line.get("tenant") for line in lines] == [TENANT, TENANT, TENANT, None, None]
    who = str(user.profile.id)
    assert [line.get("user") for line in lines] == [who, None, who, None, None]
    assert [line["request_id"] for line in lines[:3]] == ["mine-1"] * 3
    assert all(line["ms"] > 0 and line["level"] == "info" for line in lines)


async def test_a_refusal_is_found_by_the_users_id_with_the_policies_that_determined_it(
    service, result
):
    user = await service.person(email="frozen-ann@example.com")
    out = await service.person(email="hidden-bob@example.com")
    gone = await service.person()
    stored = User(replace(gone.profile, active=False), gone.issuer, gone.subject)
    await service.store.apply(service.author, [], [(gone, stored)])
    await service.put(user, {"display_name": "x"})
    await service.graphql(user, UPDATE, {"input": {"displayName": "x"}})
    await service.get(out)
    await service.graphql(out, "{ me { id } }")
    await service.get(gone)
    await service.graphql(user, "{ me { editableFields } }")
    lines = result()
    people = (user, user, out, out, gone, user)
    assert [line["user"] for line in lines] == [str(each.profile.id) for each in people]
    assert [line["code"] for line in lines] == [Code.FORBIDDEN] * 5 + [""]
    frozen, hidden = ["a-audit", "b-frozen"], ["hidden"]
    assert [line.get("policies") for line in lines] == [frozen, frozen, hidden, hidden, None, None]
    assert [line.get("reason") for line in lines] == [*[None] * 4, "deactivated", None]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", True),
        ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", False),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", False),
        ("junk", False),
    ],
)
async def test_the_trace_that_a_request_belongs_to_is_in_its_line(service, result, sent, kept):
    await service.client.get("/healthz", headers={"traceparent": sent})
    assert ("trace_id" in result()[-1]) is kept


async def test_no_personal_data_is_logged(service, result, monkeypatch):
    picture = data_uri(png(photo(8, 8)))
    names = {"first_name": PLANTED[0], "last_name": PLANTED[1], "display_name": PLANTED[3]}
    user = await service.person(email=PLANTED[2])
    token = service.headers(user)["Authorization"].split()[1]
    for body in ({**names, "avatar_base64": picture}, {**names, "nickname": PLANTED[0]}):
        await service.put(user, body)
        variables = {"input": {"displayName": PLANTED[3], "avatarBase64": picture}}
        await service.client.post(
            "/graphql",
            json={"query": UPDATE, "variables": variables},
            headers=service.headers(user),
        )
    await service.client.get(ME, headers={"Authorization": f"Bearer {token}x"})
    await service.client.get(
        f"/{PLANTED[0]}?q={token}", headers={"X-Request-ID": f"{PLANTED[1]}\n"}
    )
    await service.client.request(PLANTED[3].upper(), ME)

    def crash(*_, **__):
        raise ValueError(f"{PLANTED} {token}") from KeyError(PLANTED[0])

    monkeypatch.setattr("profile_infra.stores.sqlite.store.SqliteProfiles.load", crash)
    assert (await service.get(user)).json()["code"] == Code.INTERNAL_ERROR
    await service.client.post(
        "/graphql", json={"query": "{ me { id } }"}, headers=service.headers(user)
    )
    logging.getLogger("asyncio").error("Task exception\nfuture: <%s>", PLANTED[0])
    text = json.dumps(result())
    for planted in (*PLANTED, token, token.split(".")[2], picture[40:80]):
        assert planted.lower() not in text.lower()
    crashes = [line["error"] for line in result() if "error" in line]
    assert [[each["type"] for each in crash] for crash in crashes] == [
        ["ValueError", "KeyError"]
    ] * 2
    assert "test_seeing.py" in crashes[0][0]["at"][-1]


def test_words_are_kept_where_they_can_be_of_no_person():
    assert logs.exception_chain(DomainError(Code.UNAVAILABLE))[0]["says"] == "unavailable"
    assert (
        logs.exception_chain(FileNotFoundError(2, "No such file", "/home/ada"))[0]["says"]
        == "No such file"
    )
    assert "says" not in logs.exception_chain(ValueError("Ada"))[0]


def test_a_terminal_is_given_words_and_no_json():
    stream = io.StringIO()
    stream.isatty = lambda: True
    logs.configure("auto", stream)
    logs.request_log()("request", route="/healthz", status=200)
    logging.getLogger("profile").warning("two\nlines")
    logs.configure("json", Nowhere())
    first, second = stream.getvalue().splitlines()
    assert "request" in first
    assert "{" not in first
    assert "two" in second


def test_a_log_that_cannot_be_written_fails_no_request():
    stream = io.StringIO()
    logs.configure("json", stream)
    line = logs.request_log()
    stream.close()
    line("request")
    logs.configure("json", Nowhere())


async def test_metrics_have_few_labels_whatever_is_asked(service):
    user = await service.person()
    same_token = service.headers(user)
    await service.put(user, {"avatar_base64": data_uri(png(photo(8, 8)))}, **same_token)
    await service.get(user, **same_token)
    before = (await service.client.get("/metrics")).text.count("\n")
    for number in range(50):
        await service.client.get(f"/x{number}")
        await service.client.request(f"X{number}", ME)
        await service.client.request(f"Y{number}", f"/y{number}")
    text = (await service.client.get("/metrics")).text
    assert text.count("\n") < before + 100
    for name in (
        'profile_http_requests_total{code="",method="PUT",route="/v1/users/me/profile",status="200"} 1.0',
        'profile_http_requests_total{code="method_not_allowed",method="unknown"',
        "profile_picture_duration_seconds_count 1.0",
        "profile_policy_duration_seconds_count 2.0",
        "profile_token_cache_misses_total 1.0",
        "profile_token_cache_hits_total 1.0",
        "profile_store_calls_waiting 0.0",
        "profile_requests_at_work 0.0",
    ):
        assert name in text


async def test_every_answer_says_what_browsers_may_do_with_it_and_not_what_made_it(service):
    user = await service.person()
    answers = [
        await service.get(user),
        await service.put(user, {}),
        await service.client.get(ME),
        await service.client.get("/none"),
        await service.client.post("/graphql", json={"query": "{ me { id } }"}),
        await service.client.get("/healthz"),
        await service.client.options(ME),
    ]
    for answer in answers:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert (
            answer.headers["Content-Security-Policy"]
            == "default-src 'none'; frame-ancestors 'none'"
        )
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Server" not in answer.headers
    page = await service.client.get("/docs")
    assert "script-src" in page.headers["Content-Security-Policy"]
    assert len(page.headers.get_list("Content-Security-Policy")) == 1


async def test_metrics_say_what_runs_and_what_it_takes(service):
    text = (await service.client.get("/metrics")).text
    assert re.search(
        r'^profile_build_info\{python="3\.\S+",schema="\d{4}_\w+",version="\d\S+"\} 1\.0$',
        text,
        re.MULTILINE,
    )
    for name in (
        "process_resident_memory_bytes",
        "process_cpu_seconds_total",
        "process_open_fds",
        "process_max_fds",
        "process_start_time_seconds",
    ):
        (value,) = re.findall(rf"^{name} (\S+)$", text, re.MULTILINE)
        assert float(value) > 0, name


async def test_a_crash_is_counted_by_its_code_whatever_its_status(service, monkeypatch):
    def crash(*_, **__):
        raise ValueError

    user = await service.person()
    monkeypatch.setattr("profile_infra.stores.sqlite.store.SqliteProfiles.load", crash)
    await service.get(user)
    await service.graphql(user, "{ me { id } }")
    text = (await service.client.get("/metrics")).text
    counted = r'^profile_http_requests_total\{code="internal_error",.*status="(\d+)"\} 1\.0$'
    assert sorted(re.findall(counted, text, re.MULTILINE)) == ["200", "500"]


async def test_metrics_say_how_much_is_not_ready(service):
    admission = service.app.state.admission
    for draining in (True, False):
        admission.draining = draining
        text = (await service.client.get("/metrics")).text
        assert f"\nprofile_not_ready {float(draining)}\n" in text
        assert (await service.client.get("/readyz")).status_code == (503 if draining else 200)


async def test_metrics_say_of_how_many_issuers_no_keys_can_be_fetched(tmp_path, port):
    nobody = Issuer(
        issuer="https://elsewhere.example",
        audience="profile",
        algorithms=["RS256"],
        jwks_url=f"http://127.0.0.1:{port}/keys",
    )
    async with running(tmp_path, issuers=[SIGNER, nobody]) as service:
        await service.client.get(ME, headers=service.headers(await service.person()))
        while not failing_fetches((await service.client.get("/metrics")).text):  # noqa: ASYNC110  # as who watches it sees it
            await asyncio.sleep(0.01)


def failing_fetches(metrics):
    (value,) = re.findall(r"^profile_key_fetches_failing (\S+)$", metrics, re.MULTILINE)
    return float(value)


def test_dashboard_and_alerts_ask_for_metrics_that_exist(repository, service):
    folder = repository / "deploy" / "observability"
    text = (folder / "dashboard.json").read_text() + (folder / "alerts.yaml").read_text()
    asked = set(re.findall(r"(?:profile|process)_\w+", text))
    shown = service.app.state.metrics.text().decode()
    families = set(re.findall(r"^# TYPE (\w+) (?!histogram)", shown, re.MULTILINE))
    for name in re.findall(r"^# TYPE (\w+) histogram", shown, re.MULTILINE):
        families.add(f"{name}_bucket")
    assert json.loads((folder / "dashboard.json").read_text())["panels"]
    assert asked
    assert asked <= families
