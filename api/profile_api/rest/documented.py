"""The routes of the REST face, and their documentation for FastAPI."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from profile_api.rest import openapi
from profile_api.rest.models import ProfileBody
from profile_api.rest.routes import ProfileRoutes

ME = "/v1/users/me/profile"


class LeanRoute(APIRoute):
    """A route documented by FastAPI whose endpoint gets the request unparsed."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        return self.endpoint


def add_profile_routes(app: FastAPI, routes: ProfileRoutes) -> None:
    ok = {
        "description": "The profile.",
        "headers": openapi.headers("ETag"),
        "content": {"application/json": {"schema": openapi.schema_of(ProfileBody)}},
    }
    unchanged = {
        "description": "The profile is still the one in `If-None-Match`.",
        "headers": openapi.headers("ETag"),
    }
    add_route(
        app,
        "GET",
        ME,
        routes.view_my_profile,
        operation_id="viewMyProfile",
        summary="See your own profile",
        responses={200: ok, 304: unchanged, **openapi.errors(openapi.TO_CALL)},
        openapi_extra=openapi.of_a_caller(openapi.IF_NONE_MATCH),
    )
    add_route(
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


def add_route(
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
    # Starlette's pattern ends in $, which also matches before a trailing line feed.
    route.path_regex = re.compile(route.path_regex.pattern.removesuffix("$") + r"\Z")
