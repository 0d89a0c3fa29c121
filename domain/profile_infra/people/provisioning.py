"""Provisioning: creating users from their first token, updating them from later ones."""

from __future__ import annotations

import logging
from dataclasses import replace
from uuid import uuid4

from profile_domain.caller import Caller, Identity
from profile_domain.people import Record, apply_sign_in, new_profile
from profile_domain.profile import Profile
from profile_infra.stores.changes import Author
from profile_infra.stores.records import Conflict, User
from profile_infra.stores.store import Store

_log = logging.getLogger(__name__)


class TokenProvisioning:
    """Applies the claims of verified tokens, as ``provider`` in the audit trail."""

    def __init__(self, people: Store) -> None:
        self._people = people

    async def provision_user(self, caller: Caller, stored: Profile | None) -> bool:
        """After a conflict another request has applied the claims: the profile is only reloaded."""
        identity, record = caller.identity, caller.identity.record
        if record is None:
            return False
        author = Author(identity.issuer, identity.subject, "provider", caller.request_id)
        try:
            if stored is None:
                return await self._add(author, identity, record)
            return await self._update(author, stored, record)
        except Conflict:
            return True

    async def _add(self, author: Author, identity: Identity, record: Record) -> bool:
        if record.email is None:
            _log.warning(
                "request %s: issuer %r: the token has no email to make a user with",
                author.request_id,
                identity.issuer,
            )
            return False
        profile = new_profile(identity.tenant_id, uuid4(), record)
        user = User(profile, identity.issuer, identity.subject, record.as_of)
        await self._people.apply(author, [user], [])
        return True

    async def _update(self, author: Author, stored: Profile, record: Record) -> bool:
        user = (await self._people.users_of(stored.tenant_id, [stored.id])).get(stored.id)
        if user is None or user.issuer != author.issuer:
            return True
        if not record.not_older_than(user.claims_issued_at):
            return False
        profile = apply_sign_in(user.profile, record)
        if profile is not user.profile:
            after = replace(user, profile=profile, claims_issued_at=record.as_of)
            await self._people.apply(author, [], [(user, after)])
        return True
