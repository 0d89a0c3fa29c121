"""The wiring: the one place where the outside world meets the faces."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from profile_api import openapi
from profile_api.admission import Admission
from profile_api.assets import Assets
from profile_api.buffers import Buffers
from profile_api.cors import Cors
from profile_api.docs import page as docs_page
from profile_api.errors import STATUS, error_response
from profile_api.logs import request_log
from profile_api.measured import TimedPictures, TimedPolicy
from profile_api.metrics import Metrics
from profile_api.middleware import AroundEachRequest, CrashNet
from profile_api.models import ProfileBody
from profile_api.operations import Operations
from profile_api.person import Person
from profile_api.routes import ProfileRoutes
from profile_api.settings import Settings
from profile_api.settings_page import page as settings_page
from profile_api.shortcut import Shortcut
from profile_api.tracing import spans_from_environment
from profile_domain.errors import Code, DomainError
from profile_domain.service import ProfileService
from profile_graphql.errors import refusal
from profile_graphql.graphiql import page as graphiql_page
from profile_graphql.schema import schema
from profile_graphql.view import GraphQLView
from profile_infra.keys import keys_of
from profile_infra.pictures import PillowPictures
from profile_infra.policy import CedarPolicy
from profile_infra.provisioning import TokenProvisioning
from profile_infra.rate_limit import UserRateLimit
from profile_infra.shared_rate_limit import SharedRateLimit
from profile_infra.stores import Store
from profile_infra.tokens import JoseTokens

ME = "/v1/users/me/profile"
GRAPHQL = "/graphql"


class LeanRoute(APIRoute):
    """A route whose endpoint takes the request as it is: documented by FastAPI, not parsed."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        return self.endpoint


def create_app(settings: Settings, people: Sequence[Person] = ()) -> FastAPI:
    """The whole service; ``people`` are those that a demo's pages can act as.

    Raises UnusableDatabase, UnusableKeys, UnusableRateLimitStore, TracingUnavailable or PolicyError
    for settings that cannot work.
    """
    store = settings.store()
    tokens = JoseTokens(
        {each: keys_of(each, kept=settings.keys_kept_seconds) for each in settings.issuers}
    )
    pictures = PillowPictures(settings.picture_workers)
    metrics = Metrics()
    admission = Admission(
        settings.max_requests, settings.request_seconds, Buffers(settings.max_buffered_bytes)
    )
    spans = spans_from_environment()
    rate_limit = settings.limit()
    service = ProfileService(
        tokens=tokens,
        profiles=store,
        policy=TimedPolicy(CedarPolicy(settings.policy_dir), metrics.policy),
        pictures=TimedPictures(pictures, metrics.pictures),
        rate_limit=rate_limit,
        provisioning=TokenProvisioning(store),
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await store.open()
        try:
            async with tokens.with_fresh_keys():
                yield
        finally:
            await store.close()
            pictures.close()
            await rate_limit.close()
            if spans is not None:
                await asyncio.to_thread(spans.shutdown)

    app = FastAPI(
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        exception_handlers={DomainError: _domain_error, HTTPException: _http_error},
        # Exceptions and metrics of its own would tell too much, or twice.
        telemetry={
            "tracing": spans is not None,
            "tracer_provider": spans,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
        },
    )
    app.state.service = service
    app.state.settings, app.state.admission, app.state.metrics = settings, admission, metrics
    shortcuts: dict[tuple[str, str], APIRoute] = {}
    app.add_middleware(Shortcut, routes=shortcuts)
    app.add_middleware(CrashNet, refuse=_refusal)
    app.add_middleware(admission.middleware, refuse=_refusal)
    if settings.cors_origins:
        app.add_middleware(Cors, origins=settings.cors_origins)
    app.add_middleware(AroundEachRequest, metrics=metrics, line=request_log())
    _watch(metrics, admission, store, tokens, rate_limit)

    _add_rest(app, ProfileRoutes(service, max_body_bytes=settings.max_body_bytes))
    assets = Assets.load(
        *([graphiql_page.ASSETS] if settings.graphiql else []),
        *([docs_page.ASSETS] if settings.docs else []),
        modules=[settings_page.ASSETS] if people else [],
    )
    _add(app, "GET", "/assets/{name:path}", assets.serve, include_in_schema=False)
    view = GraphQLView(
        schema._schema,  # noqa: SLF001  # Strawberry has no public name for it
        service,
        introspection=settings.introspection,
        max_body_bytes=settings.max_body_bytes,
        page=_page(graphiql_page.page, GRAPHQL, assets, people) if settings.graphiql else None,
    )
    _add(app, "GET", GRAPHQL, view.get, include_in_schema=False)
    _add(app, "POST", GRAPHQL, view.post, include_in_schema=False)
    shortcuts |= {
        (method, route.path): route
        for route in app.routes
        if spans is None and isinstance(route, APIRoute) and route.path in {ME, GRAPHQL}
        for method in route.methods or ()
    }
    if people:
        _add_text(app, "/", _page(settings_page.page, GRAPHQL, assets, people))
    ending = partial(_ending, admission)
    operations = Operations(metrics, missing=(ending, store.missing, tokens.missing))
    _add(app, "GET", "/healthz", operations.healthz, **openapi.HEALTHZ)
    _add(app, "GET", "/readyz", operations.readyz, **openapi.READYZ)
    _add(app, "GET", "/metrics", operations.metrics, **openapi.METRICS)
    if settings.docs:
        document = to_json(openapi.document(app))
        _add_text(app, "/openapi.json", lambda: Response(document, media_type="application/json"))
        _add_text(app, "/docs", _page(docs_page.page, "/openapi.json", assets, people))
    return app


def _watch(
    metrics: Metrics,
    admission: Admission,
    store: Store,
    tokens: JoseTokens,
    rate_limit: UserRateLimit | SharedRateLimit,
) -> None:
    """What other rooms count by themselves."""
    metrics.gauge("profile_requests_at_work", "Being answered.", lambda: admission.at_work)
    metrics.counter("profile_requests_shed", "Refused for load.", lambda: admission.shed)
    metrics.gauge(
        "profile_buffered_bytes", "Held for slow clients.", lambda: admission.buffers.held
    )
    metrics.counter(
        "profile_buffers_shed", "Cut for what they held.", lambda: admission.buffers.shed
    )
    metrics.gauge(
        "profile_store_calls_waiting",
        "Writes that wait for SQLite, calls that wait for a trip to Postgres.",
        lambda: store.waiting,
    )
    metrics.counter(
        "profile_token_cache_hits", "Tokens that were known.", lambda: tokens.verified.hits
    )
    metrics.counter(
        "profile_token_cache_misses", "Tokens that were checked.", lambda: tokens.verified.misses
    )
    metrics.counter(
        "profile_rate_limit_store_failures",
        "Attempts to write that met an outage of the shared rate limit.",
        lambda: rate_limit.failures,
    )


async def _ending(admission: Admission) -> str | None:
    return "ending" if admission.ending else None


def _refusal(scope: Scope, error: DomainError) -> Response:
    """What is refused around the faces, in the form of the face that was asked."""
    scope["state"]["code"] = error.code
    return refusal(error, STATUS[error.code]) if scope["path"] == GRAPHQL else error_response(error)


def _page(
    render: Callable[..., tuple[bytes, dict[str, str]]],
    address: str,
    assets: Assets,
    people: Sequence[Person],
) -> Callable[[], Response]:
    """A page is made anew for each request: its headers hold a nonce."""

    def respond() -> Response:
        body, headers = render(address, assets.url, [person._asdict() for person in people])
        return Response(body, headers=headers)

    return respond


def _add_text(app: FastAPI, path: str, respond: Callable[[], Response]) -> None:
    async def endpoint(_: Request) -> Response:
        return respond()

    _add(app, "GET", path, endpoint, include_in_schema=False)


def _add_rest(app: FastAPI, routes: ProfileRoutes) -> None:
    ok = {
        "description": "The profile.",
        "headers": openapi.headers("ETag"),
        "content": {"application/json": {"schema": openapi.schema_of(ProfileBody)}},
    }
    unchanged = {
        "description": "The profile is still the one in `If-None-Match`.",
        "headers": openapi.headers("ETag"),
    }
    _add(
        app,
        "GET",
        ME,
        routes.view_my_profile,
        operation_id="viewMyProfile",
        summary="See your own profile",
        responses={200: ok, 304: unchanged, **openapi.errors(openapi.TO_CALL)},
        openapi_extra=openapi.of_a_caller(openapi.IF_NONE_MATCH),
    )
    _add(
        app,
        "PUT",
        ME,
        routes.update_my_profile,
        operation_id="updateMyProfile",
        summary="Change your own profile",
        responses={200: ok, **openapi.errors(openapi.TO_UPDATE)},
        openapi_extra={
            **openapi.of_a_caller(openapi.IF_MATCH),
            "requestBody": openapi.UPDATE_BODY,
        },
    )


def _add(
    app: FastAPI,
    method: str,
    path: str,
    endpoint: Callable[[Request], Awaitable[Response]],
    **documented: Any,  # noqa: ANN401  # whatever FastAPI takes to document a route
) -> None:
    app.router.add_api_route(
        path,
        endpoint,
        methods=[method],
        response_class=Response,
        route_class_override=LeanRoute,
        **documented,
    )
    route = app.routes[-1]
    assert isinstance(route, APIRoute)  # noqa: S101  # for the type checker: just added
    # Starlette's pattern ends in $, which a line feed may follow.
    route.path_regex = re.compile(route.path_regex.pattern.removesuffix("$") + r"\Z")


async def _domain_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, DomainError)  # noqa: S101  # for the type checker: registered so
    request.state.code, request.state.reason = error.code, error.why
    return error_response(error)


async def _http_error(request: Request, error: Exception) -> Response:
    """What Starlette raises by itself: no such route, or not by this method."""
    assert isinstance(error, HTTPException)  # noqa: S101  # for the type checker: registered so
    if error.status_code != 405:
        return await _domain_error(request, DomainError(Code.NOT_FOUND))
    answer = await _domain_error(request, DomainError(Code.METHOD_NOT_ALLOWED))
    methods = {
        method
        for route in request.app.routes
        if isinstance(route, APIRoute) and route.path_regex.match(request.url.path)
        for method in route.methods or ()
    }
    if "GET" in methods:
        methods.add("HEAD")
    answer.headers["Allow"] = ", ".join(sorted(methods))
    return answer
