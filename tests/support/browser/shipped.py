"""The files behind the pages that the service ships."""

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from profile_api.pages.assets import Assets
from profile_api.pages.docs import page as docs
from profile_api.pages.settings_page import page as settings_page
from profile_api.pages.sign_in import seam as sign_in
from profile_graphql.graphiql import page as graphiql

ASSETS = Assets.load(docs.ASSETS, graphiql.ASSETS, modules=[settings_page.ASSETS, sign_in.ASSETS])


def reader() -> TestClient:
    """Asks for them as a browser does."""
    return TestClient(Starlette(routes=[Route("/assets/{name:path}", ASSETS.serve)]))
