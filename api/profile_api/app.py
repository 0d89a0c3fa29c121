"""The composition root: creates the adapters, the service and the faces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from platform import python_version
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from profile_api import reference
from profile_api.adapters import adapters_of
from profile_api.middleware.admission import Admission, Buffers
from profile_api.middleware.each_request import EachRequest
from profile_api.pages.assets import Assets
from profile_api.pages.docs import page as docs_page
from profile_api.pages.person import Person
from profile_api.pages.settings_page import page as settings_page
from profile_api.pages.sign_in import seam as sign_in
from profile_api.rest import openapi
from profile_api.rest.avatars import AvatarAddresses, AvatarRoutes
from profile_api.rest.documented import EXPORT, ME, add_avatar_routes, add_profile_routes, add_route
from profile_api.rest.errors import STATUS, answer_domain_error, answer_http_error, error_response
from profile_api.rest.operations import Operations
from profile_api.rest.routes import ProfileRoutes
from profile_api.settings import Settings
from profile_api.telemetry import siblings
from profile_api.telemetry.logs import request_log
from profile_api.telemetry.metrics import Metrics, TimedPictures, TimedPolicy
from profile_domain.caller import Identity
from profile_domain.errors import DomainError
from profile_domain.public_avatars import PublicAvatars
from profile_domain.service import ProfileService
from profile_graphql.errors import refusal
from profile_graphql.graphiql import page as graphiql_page
from profile_graphql.schema import schema
from profile_graphql.view import GraphQLView
from profile_infra.people.provisioning import TokenProvisioning
from profile_infra.pictures.processes import PictureProcesses
from profile_infra.pictures.sizes import PictureSizes
from profile_infra.rate_limits.in_process import InProcessRateLimit
from profile_infra.rate_limits.in_redis import RedisRateLimit
from profile_infra.reloading import Reloads
from profile_infra.stores.revisions import newest
from profile_infra.stores.store import Store
from profile_infra.tokens.jose import JoseTokens

GRAPHQL = "/graphql"


def create_app(settings: Settings, people: Sequence[Person] = ()) -> FastAPI:
    """The ASGI application; ``people`` are those that the pages of a demo can act as.

    Raises UnusableDatabase, UnusableKeys, UnusableRateLimitStore, UnusableVariable or PolicyError
    for settings that cannot work.
    """
    store, tokens, policy, rate_limit, spans = adapters_of(settings)
    reloads = Reloads([*tokens.files, *([policy.files] if settings.policy_dir else [])])
    pictures = PictureProcesses(settings.picture_workers)
    metrics = Metrics()
    metrics.build(version=version("profile-service"), python=python_version(), schema=newest())
    admission = Admission(
        settings.max_requests, settings.request_seconds, Buffers(settings.max_buffered_bytes)
    )
    service = ProfileService(
        tokens=tokens,
        profiles=store,
        policy=TimedPolicy(policy, metrics.policy),
        pictures=TimedPictures(pictures, metrics.pictures),
        rate_limit=rate_limit,
        provisioning=TokenProvisioning(store),
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await store.open()
        try:
            async with tokens.with_fresh_keys(), reloads.running():
                yield
        finally:
            await store.close()
            await pictures.close()
            await rate_limit.close()
            if spans is not None:
                await asyncio.to_thread(spans.shutdown)

    app = FastAPI(
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        # FastAPI's logs and metrics would leak personal data or duplicate ours.
        telemetry={
            "tracing": spans is not None,
            "tracer_provider": spans,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
        },
    )
    app.state.service, app.state.reloads = service, reloads
    app.state.settings, app.state.admission, app.state.metrics = settings, admission, metrics
    direct: dict[tuple[str, str], APIRoute] = {}
    errors = {DomainError: answer_domain_error, HTTPException: answer_http_error}
    # In place of FastAPI's own layers: it answers what they are for, and they take 2 % of a GET.
    app.middleware_stack = EachRequest(
        ExceptionMiddleware(app.router, errors),
        admission=admission,
        routes=direct,
        refuse=_refusal,
        origins=settings.cors_origins,
        metrics=metrics,
        line=request_log(),
    )
    _watch(metrics, admission, store, tokens, rate_limit, reloads=reloads)

    addresses = AvatarAddresses(settings.public_url)
    routes = ProfileRoutes(service, addresses, max_body_bytes=settings.max_body_bytes)
    add_profile_routes(app, routes)
    add_avatar_routes(app, AvatarRoutes(PublicAvatars(store, PictureSizes(pictures))))
    pages = _Pages(settings, people)
    view = GraphQLView(
        schema._schema,  # noqa: SLF001  # Strawberry has no public name for it
        service,
        addresses.of,
        introspection=settings.introspection,
        max_body_bytes=settings.max_body_bytes,
        page=pages.graphiql if settings.graphiql else None,
    )
    add_route(app, "GET", GRAPHQL, view.get, include_in_schema=False)
    add_route(app, "POST", GRAPHQL, view.post, include_in_schema=False)
    direct |= {
        (method, route.path): route
        for route in app.routes
        if spans is None and isinstance(route, APIRoute) and route.path in {ME, EXPORT, GRAPHQL}
        for method in route.methods or ()
    }
    missing = (partial(_draining, admission), store.missing, tokens.missing)
    operations = Operations(
        metrics,
        missing=missing,
        outdated=lambda: reloads.outdated,
        workers_missing=siblings.missing,
    )
    _add_operations(app, operations)
    pages.add_to(app, tokens.verify)
    return app


def _add_operations(app: FastAPI, operations: Operations) -> None:
    add_route(app, "GET", "/healthz", operations.healthz, **openapi.HEALTHZ)
    add_route(app, "GET", "/readyz", operations.readyz, **openapi.READYZ)
    add_route(app, "GET", "/metrics", operations.metrics, **openapi.METRICS)


def _watch(
    metrics: Metrics,
    admission: Admission,
    store: Store,
    tokens: JoseTokens,
    rate_limit: InProcessRateLimit | RedisRateLimit,
    *,
    reloads: Reloads,
) -> None:
    """Registers metrics that are read from other objects."""
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
        "Writes that wait for SQLite, calls that wait for a batch to Postgres.",
        lambda: store.waiting,
    )
    metrics.counter(
        "profile_token_cache_hits", "Tokens that were known.", lambda: tokens.verified.hits
    )
    metrics.counter(
        "profile_token_cache_misses", "Tokens that were checked.", lambda: tokens.verified.misses
    )
    metrics.gauge(
        "profile_key_fetches_failing",
        "Issuers whose last fetch of keys failed; the keys fetched before are in force.",
        lambda: tokens.failing,
    )
    metrics.counter(
        "profile_rate_limit_store_failures",
        "Attempts to write that met an outage of the shared rate limit.",
        lambda: rate_limit.failures,
    )
    metrics.gauge(
        "profile_files_outdated",
        "Policies and key files whose last change cannot be used; what was before is in force.",
        lambda: len(reloads.outdated),
    )
    metrics.gauge(
        "profile_workers_missing",
        "Workers of the command that do not serve, and are started again and again.",
        siblings.missing,
        over_workers="livemax",
    )


async def _draining(admission: Admission) -> str | None:
    return "draining" if admission.draining else None


def _refusal(scope: Scope, error: DomainError) -> Response:
    """The response for an error outside the faces, in the format of the requested face."""
    scope["state"].update(error.log_fields, code=error.code)
    return refusal(error, STATUS[error.code]) if scope["path"] == GRAPHQL else error_response(error)


class _Pages:
    """The pages that the settings ask for, each made anew for a request: headers hold a nonce.

    All stand at the top, and all that they ask for is relative, so that they work behind a prefix
    that a proxy strips.
    """

    def __init__(self, settings: Settings, people: Sequence[Person]) -> None:
        self._settings = settings
        self._people = people
        self._home = bool(people or settings.sign_in)
        self._assets = Assets.load(
            *([graphiql_page.ASSETS] if settings.graphiql else []),
            *([docs_page.ASSETS] if settings.docs else []),
            modules=[
                *([settings_page.ASSETS] if self._home else []),
                *([sign_in.ASSETS] if settings.sign_in else []),
            ],
        )

    def graphiql(self) -> Response:
        endpoint = GRAPHQL.removeprefix("/")
        return self._shown(graphiql_page.page, endpoint, home=self._home, **self._signing_in())

    def settings(self) -> Response:
        chosen = self._settings
        there = {"graphql": chosen.graphiql, "docs": chosen.docs}
        return self._shown(
            settings_page.page,
            GRAPHQL.removeprefix("/"),
            accounts={each.issuer: each.account_url for each in chosen.issuers if each.account_url},
            beside=[address for address, shown in there.items() if shown],
            **self._signing_in(),
        )

    def docs(self) -> Response:
        return self._shown(docs_page.page, "openapi.json", home=self._home)

    def add_to(self, app: FastAPI, verify: Callable[[str], Awaitable[Identity]]) -> None:
        """All but GraphiQL, which shares its address; the document has the routes so far."""
        add_route(app, "GET", "/assets/{name:path}", self._assets.serve, include_in_schema=False)
        if self._settings.docs:
            text = to_json(reference.document(app))
            _add_text(app, "/openapi.json", lambda: Response(text, media_type="application/json"))
            _add_text(app, "/docs", self.docs)
        if self._home:
            _add_text(app, "/", self.settings)
        if self._settings.sign_in:
            tenant = sign_in.TenantRoute(verify)
            add_route(app, "GET", sign_in.TENANT, tenant.get, include_in_schema=False)

    def _signing_in(self) -> dict[str, Any]:
        """What a page says of the provider, and to which origins it may connect."""
        chosen = self._settings.sign_in
        if chosen is None:
            return {}
        (issuer,) = (each for each in self._settings.issuers if each.issuer == chosen.issuer)
        told = sign_in.configuration(
            chosen, issuer.tenant_claim, self._settings.public_url, self._assets.url
        )
        return {"sign_in": told, "connect": chosen.connect}

    def _shown(
        self,
        render: Callable[..., tuple[bytes, dict[str, str]]],
        endpoint: str,
        **more: Any,  # noqa: ANN401  # what only some pages know
    ) -> Response:
        people = [person.document for person in self._people]
        body, headers = render(endpoint, self._assets.url, people, **more)
        return Response(body, headers=headers)


def _add_text(app: FastAPI, path: str, respond: Callable[[], Response]) -> None:
    async def endpoint(_: Request) -> Response:
        return respond()

    add_route(app, "GET", path, endpoint, include_in_schema=False)
