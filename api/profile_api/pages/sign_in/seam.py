"""What the pages need of the service to sign people in: a configuration, and a token's tenant."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from profile_api.sign_in import SignIn
from profile_domain.caller import Credentials, Identity
from profile_domain.errors import Code, DomainError
from profile_domain.requests.headers import read_fields

ASSETS = Path(__file__).parent
TENANT = "/sign-in/tenant"


def configuration(
    sign_in: SignIn,
    tenant_claim: tuple[str, ...],
    public_url: str | None,
    asset_url: Callable[[str], str],
) -> dict[str, Any]:
    """What a page tells its modules, anew for each request: the time is the service's own.

    Nothing in it is secret: it stands in a page that everybody may load.
    """
    return {
        "issuer": sign_in.issuer,
        "client_id": sign_in.client_id,
        "scope": sign_in.scope,
        "parameters": sign_in.parameters,
        "tenant_claim": tenant_claim,
        "tenant": TENANT.removeprefix("/"),
        "home": f"{public_url}/" if public_url else None,
        "module": asset_url("sign_in/sign_in.js"),
        "now": time.time(),
    }


class TenantRoute:
    """Says for which tenant a token speaks, so that no page needs the list of all tenants.

    200 with ``{"tenant_id": uuid}``, or with ``{"refused": reason}`` for a token that does not
    work, as in RFC 7662 section 2.2: browsers write every other status into their console.
    """

    def __init__(self, verify: Callable[[str], Awaitable[Identity]]) -> None:
        self._verify = verify

    async def get(self, request: Request) -> Response:
        """Raises ``unavailable`` if no keys were ever fetched."""
        credentials = Credentials.sent_in(read_fields(request.scope["headers"]))
        try:
            identity = await self._verify(credentials.token)
        except DomainError as error:
            if error.code is not Code.UNAUTHENTICATED:
                raise
            request.scope["state"].update(error.log_fields, code=error.code)
            return JSONResponse({"refused": error.details["reason"]})
        return JSONResponse({"tenant_id": str(identity.tenant_id)})
