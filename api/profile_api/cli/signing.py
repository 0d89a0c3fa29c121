"""Signing tokens for operators."""

from __future__ import annotations

import time

from profile_api.settings import Settings
from profile_api.variables import PREFIX
from profile_domain.caller import matching_issuers, speaks_for
from profile_infra.people.operators import Refused
from profile_infra.stores.records import User
from profile_infra.tokens.claims import claims_for
from profile_infra.tokens.issuers import Issuer
from profile_infra.tokens.jose import sign


def signing_issuer(settings: Settings) -> Issuer:
    """The first issuer with a secret. Raises Refused."""
    for issuer in settings.issuers:
        if issuer.secret is not None:
            return issuer
    raise Refused(f"no issuer in {PREFIX}ISSUERS has a secret to sign with.")


def token_for(issuer: Issuer, user: User, *, scope: str = "", minutes: int = 60) -> str:
    """A token that matches this user. Raises Refused if the issuer cannot sign one."""
    tenant_id = user.profile.tenant_id
    if user.issuer not in matching_issuers(issuer.issuer, provisions=issuer.provision):
        if user.issuer:
            raise Refused(f"this user signs in by {user.issuer}, which has no secret here.")
        raise Refused(
            f"issuer {issuer.issuer} provisions users: its tokens meet only those stored with its"
            " name."
        )
    if not speaks_for(issuer.tenants, tenant_id):
        raise Refused(f"issuer {issuer.issuer} does not speak for tenant {tenant_id}.")
    try:
        named = claims_for(issuer, tenant_id, user.subject)
    except ValueError as problem:
        raise Refused(f"issuer {issuer.issuer} cannot sign for this user: {problem}.") from None
    now = int(time.time())
    claims: dict[str, object] = {**named, "iat": now, "exp": now + 60 * minutes}
    if scope:
        claims["scope"] = scope
    return sign(issuer, claims)
