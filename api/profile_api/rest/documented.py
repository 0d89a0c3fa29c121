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
from profile_api.rest.avatars import AVATARS, AvatarRoutes
from profile_api.rest.models import ChangesBody, EditableFieldsBody, ExportBody, ProfileBody
from profile_api.rest.routes import ProfileRoutes

ME = "/v1/users/me/profile"
EXPORT = "/v1/users/me/export"


class LeanRoute(APIRoute):
    """A route documented by FastAPI whose endpoint gets the request unparsed."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        return self.endpoint


def add_profile_routes(app: FastAPI, routes: ProfileRoutes) -> None:
    ok = openapi.answer(ProfileBody, "The profile.", "ETag")
    add_route(
        app,
        "GET",
        ME,
        routes.view_my_profile,
        operation_id="viewMyProfile",
        summary="See your own profile",
        responses={
            200: ok,
            304: openapi.unchanged("profile", "ETag"),
            **openapi.errors(openapi.TO_CALL),
        },
        openapi_extra=openapi.of_a_caller(openapi.IF_NONE_MATCH),
    )
    add_route(
        app,
        "PUT",
        ME,
        routes.update_my_profile,
        operation_id="updateMyProfile",
        summary="Change your own profile",
        responses={
            200: ok,
            204: {
                "description": "Changed, and no more said, as `Prefer` asks.",
                "headers": openapi.headers("ETag", "Preference-Applied"),
            },
            **openapi.errors(openapi.TO_UPDATE),
        },
        openapi_extra={
            **openapi.of_a_caller(openapi.IF_MATCH, openapi.PREFER),
            "requestBody": openapi.UPDATE_BODY,
        },
    )
    add_route(
        app,
        "GET",
        f"{ME}/avatar",
        routes.view_my_avatar,
        operation_id="viewMyAvatar",
        summary="See your own picture",
        responses={
            200: openapi.picture("ETag", "Content-Location"),
            304: openapi.unchanged("picture", "ETag", "Content-Location"),
            **openapi.errors(openapi.TO_CALL, {404: "No picture, or no such user in the tenant."}),
        },
        openapi_extra=openapi.of_a_caller(openapi.IF_NONE_MATCH),
    )
    add_route(
        app,
        "GET",
        f"{ME}/editable-fields",
        routes.view_editable_fields,
        operation_id="viewEditableFields",
        summary="See what you may change",
        responses={
            200: openapi.answer(
                EditableFieldsBody,
                "The fields, in the profile's order.",
            ),
            **openapi.errors(openapi.TO_CALL),
        },
        openapi_extra=openapi.of_a_caller(),
    )
    add_route(
        app,
        "GET",
        f"{ME}/changes",
        routes.view_my_changes,
        operation_id="viewMyChanges",
        summary="See what changed",
        responses={
            200: openapi.answer(ChangesBody, "A page of changes, newest first."),
            **openapi.errors(
                openapi.TO_CALL_WITH_ARGUMENTS,
                {400: "The tenant header, `first` or `after` breaks a rule."},
                argument="first",
            ),
        },
        openapi_extra=openapi.of_a_caller(*openapi.PAGE),
    )
    add_route(
        app,
        "GET",
        EXPORT,
        routes.export,
        operation_id="exportMyProfile",
        summary="Take all that is kept about you",
        responses={
            200: openapi.answer(
                ExportBody,
                "The profile with the picture, and the whole history. It comes in chunks; where one"
                " cannot be had the connection is cut.",
                "Content-Disposition",
            ),
            **openapi.errors(openapi.TO_CALL),
        },
        openapi_extra=openapi.of_a_caller(),
    )


def add_avatar_routes(app: FastAPI, routes: AvatarRoutes) -> None:
    add_route(
        app,
        "GET",
        AVATARS + "/{tenant}/{user}/{digest}",
        routes.view_avatar,
        operation_id="viewAvatar",
        summary="See a picture by its address",
        responses={
            200: openapi.picture("ETag", "Cache-Control"),
            304: openapi.unchanged("picture", "ETag", "Cache-Control"),
            **openapi.errors(
                openapi.TO_SEE_A_PICTURE,
                {
                    400: "`size` is none of those listed, or sent twice.",
                    404: "No such picture: it was replaced or removed, or there never was one.",
                },
            ),
        },
        openapi_extra=openapi.AVATAR_ADDRESS,
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
