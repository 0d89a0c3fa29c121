"""What applies to every request: routes, methods, ids, rate limit, origins, crashes."""

import pytest

from asking import assert_error
from profile_domain.errors import Code
from running import ME, running


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        ME + "/",
        "/v1/users/you/profile",
        "/v1//users/me/profile",
        "/graphql/",
        "/%00",
        "/é",
        "/%0a",
        ME + "%0a",
        "/graphql%0A",
        "/healthz%0a",
        "/metrics%0a",
        "/readyz%0a",
        "/docs%0a",
        "/openapi.json%0d",
    ],
)
async def test_an_unknown_route_is_not_found_whoever_asks(service, path):
    for method in ("GET", "PUT", "OPTIONS"):
        assert_error(await service.client.request(method, path), Code.NOT_FOUND)


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        (ME, "GET, HEAD, PUT"), ("/graphql", "GET, HEAD, POST"), ("/healthz", "GET, HEAD"),
        ("/docs", "GET, HEAD"), ("/openapi.json", "GET, HEAD"), ("/metrics", "GET, HEAD"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
async def test_an_unknown_method_is_405_with_allow(service, path, allowed, method):
    answer = await service.client.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == allowed
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("path", [ME, "/healthz", "/docs", "/graphql", "/nowhere", "/openapi.json"])
async def test_head_is_answered_as_get_without_the_body(service, path):
    head, get = [await service.client.request(method, path) for method in ("HEAD", "GET")]
    assert (head.status_code, head.content) == (get.status_code, b"")
    own = {"x-request-id", "content-security-policy"}  # a page's has a number used once
    assert {name: value for name, value in head.headers.items() if name not in own} == {
        name: value for name, value in get.headers.items() if name not in own
    }


async def test_a_request_id_is_kept_if_it_can_be(service):
    for sent in ("a", "x" * 128, "Az09._-"):
        answer = await service.client.get("/healthz", headers={"X-Request-ID": sent})
        assert answer.headers["X-Request-ID"] == sent
    for sent in ("", "x" * 129, "a b", "a/b", "a\tb"):
        answer = await service.client.get("/healthz", headers={"X-Request-ID": sent})
        assert answer.headers["X-Request-ID"] != sent


async def test_a_crash_is_masked_and_logged_under_its_id(service, monkeypatch, caplog):
    user = await service.person()
    monkeypatch.setattr("profile_infra.stores.sqlite.store.read_profile", crash)
    answer = await service.get(user, **{"X-Request-ID": "it-broke"})
    assert_error(answer, Code.INTERNAL_ERROR)
    assert answer.headers["X-Request-ID"] == "it-broke"
    assert any("it-broke" in record.getMessage() for record in caplog.records)


def crash(*_):
    raise RuntimeError("secret")


async def test_health_readiness_and_metrics(service):
    assert (await service.client.get("/healthz")).json() == {"status": "ok"}
    assert (await service.client.get("/readyz")).json() == {"status": "ready"}
    await service.client.get("/some/unknown/path")
    metrics = await service.client.get("/metrics")
    assert metrics.headers["Content-Type"].startswith("text/plain")
    assert 'route="/healthz"' in metrics.text
    assert 'route="unknown"' in metrics.text
    assert "/some/unknown" not in metrics.text


async def test_the_pages_are_off_by_default(tmp_path):
    async with running(tmp_path, docs=False, graphiql=False, introspection=False) as service:
        for path in ("/docs", "/openapi.json"):
            assert_error(await service.client.get(path), Code.NOT_FOUND)
        page = await service.client.get("/graphql", headers={"Accept": "text/html"})
        assert page.status_code == 400
        assert page.headers["Content-Type"].startswith("application/json")


async def test_writes_are_limited_for_each_user_on_both_faces_together(tmp_path):
    async with running(tmp_path, rate_limit="3/minute") as service:
        user, other = await service.person(), await service.person()
        mutation = "mutation { updateMyProfile(input: {}) { __typename } }"
        assert (await service.put(user, {})).status_code == 200
        assert (await service.put(user, b"junk")).status_code == 400
        assert "data" in (await service.graphql(user, mutation)).json()
        refused = await service.put(user, b"junk")
        wait = int(refused.headers["Retry-After"])
        assert 1 <= wait <= 20
        assert_error(refused, Code.RATE_LIMITED, retry_after=wait)
        by_graphql = await service.graphql(user, mutation)
        (error,) = by_graphql.json()["errors"]
        assert error["message"] == Code.RATE_LIMITED.message
        wait = int(by_graphql.headers["Retry-After"])
        assert 1 <= wait <= 20
        assert error["extensions"] == {"code": "rate_limited", "details": {"retry_after": wait}}
        assert (await service.get(user)).status_code == 200
        assert (await service.put(other, {})).status_code == 200


async def test_only_the_origins_named_may_call_from_their_pages(tmp_path):
    origin = "https://app.example"
    async with running(tmp_path, cors_origins=[origin]) as service:
        user = await service.person()
        answer = await service.get(user, Origin=origin)
        assert answer.headers["Access-Control-Allow-Origin"] == origin
        exposed = answer.headers["Access-Control-Expose-Headers"]
        assert {"ETag", "X-Request-ID", "Retry-After"} == set(exposed.split(", "))
        crossing = {"Origin": origin, "Access-Control-Request-Method": "PUT"}
        wanted = {
            "Access-Control-Request-Headers": "authorization, x-tenant-id, if-match, content-type,"
            " traceparent, baggage, sentry-trace, x-of-their-own"
        }
        preflight = await service.client.options(ME, headers=crossing | wanted)
        assert preflight.status_code == 204
        assert preflight.headers["Access-Control-Allow-Origin"] == origin
        assert "PUT" in preflight.headers["Access-Control-Allow-Methods"]
        assert preflight.headers["Access-Control-Max-Age"] == "600"
        assert (
            preflight.headers["Access-Control-Allow-Headers"]
            == wanted["Access-Control-Request-Headers"]
        )
        assert preflight.headers["X-Request-ID"]
        foreign = {"Origin": "https://evil.example"}
        assert "Access-Control-Allow-Origin" not in (await service.get(user, **foreign)).headers
        refused = await service.client.options(ME, headers=crossing | wanted | foreign)
        assert refused.status_code == 405
        assert not [name for name in refused.headers if name.startswith("access-control")]


async def test_a_star_lets_every_page_call(tmp_path):
    async with running(tmp_path, cors_origins=["*"]) as service:
        crossing = {"Origin": "https://any.example", "Access-Control-Request-Method": "PUT"}
        preflight = await service.client.options(ME, headers=crossing)
        assert preflight.status_code == 204
        refused = await service.client.get(ME, headers={"Origin": "https://any.example"})
        assert refused.status_code == 401
        for answer in (preflight, refused):
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert "Access-Control-Allow-Credentials" not in answer.headers
