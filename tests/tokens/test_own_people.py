"""A provisioning issuer matches, creates and changes its own users only."""

import time
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from profile_domain.caller import Credentials
from profile_domain.errors import Code, DomainError
from profile_domain.profile import ProfileUpdate
from profile_domain.service import ProfileService
from profile_infra.people.provisioning import TokenProvisioning
from profile_infra.pictures.processes import PictureProcesses
from profile_infra.policies.cedar import CedarPolicy
from profile_infra.rate_limits.in_process import InProcessRateLimit
from profile_infra.stores.records import User
from profile_testing.signing import OTHER_TENANT, TENANT, issuer, sign_for, tokens_of
from storing import person, stored

MAKES = issuer(issuer="https://makes.example", provision=True)
MAKES_TOO = issuer(issuer="https://makes-too.example", provision=True, tenants=[TENANT])
KNOWS = issuer(issuer="https://knows.example")
TENANTS = UUID(TENANT), UUID(OTHER_TENANT)
SUBJECTS = ["ada", "7", "mary@acme.example"]

verified = st.sampled_from([..., True, False, "true", "false", None, 0])
names = st.sampled_from([..., "Ann", "\u2068Ann\u2069", "", None, 5])
emails = st.sampled_from([..., "a@b.example", "boss@acme.example", "nobody", None])
steps = st.fixed_dictionaries(
    {
        "by": st.sampled_from([MAKES, MAKES_TOO, KNOWS]),
        "subject": st.integers(0, 40),
        "tenant": st.sampled_from([TENANT, TENANT, OTHER_TENANT]),
        "iat": st.integers(-1000, 0),
        "claims": st.fixed_dictionaries(
            {"email": emails, "email_verified": verified, "given_name": names}
        ),
        "change": st.sampled_from([None, {}, {"display_name": "Changed"}]),
    }
)


class Walk:
    """The service on a store, and a look at all users."""

    def __init__(self, store):
        self.store = store
        self.service = ProfileService(
            tokens=tokens_of(MAKES, MAKES_TOO, KNOWS),
            profiles=store,
            policy=CedarPolicy(None),
            pictures=PictureProcesses(1),
            rate_limit=InProcessRateLimit(None),
            provisioning=TokenProvisioning(store),
        )

    async def all_users(self) -> dict[UUID, User]:
        return {
            user.profile.id: user
            for tenant in TENANTS
            for user in await self.store.list_users(tenant, first=1000)
        }

    async def take(self, step) -> tuple[UUID | None, str | None]:
        """The id of the profile that was shown, or the code of the refusal."""
        subjects = [*SUBJECTS, *(str(id_) for id_ in await self.all_users())]
        claims = {
            "sub": subjects[step["subject"] % len(subjects)],
            "tenant_id": step["tenant"],
            "iat": int(time.time()) + step["iat"],
            **step["claims"],
        }
        credentials = Credentials([f"Bearer {sign_for(step['by'], **claims)}"], [step["tenant"]])
        try:
            caller = await self.service.identify(
                credentials, face="rest", request_id="walk", to_write=False
            )
            if step["change"] is None:
                shown = await self.service.view_my_profile(caller)
            else:
                change = ProfileUpdate(step["change"])
                shown = await self.service.update_my_profile(caller, change)
        except DomainError as refused:
            return None, refused.code
        return shown.id, None


@pytest.fixture
async def walk(store):
    await stored(
        store,
        *(
            person(tenant, issuer=by, subject=subject)
            for tenant in TENANTS
            for by in ("", MAKES.issuer, KNOWS.issuer)
            for subject in ("", *SUBJECTS[:2])
        ),
    )
    return Walk(store)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(taken=st.lists(steps, min_size=1, max_size=8))
async def test_whatever_tokens_say_no_row_of_others_is_read_made_or_changed(walk, taken):
    before = await walk.all_users()
    for step in taken:
        by = step["by"]
        shown, code = await walk.take(step)
        after = await walk.all_users()
        differing = {id_ for id_ in before | after if before.get(id_) != after.get(id_)}
        assert before.keys() <= after.keys()
        if by.provision:
            touched = differing | ({shown} if shown else set())
            assert {after[id_].issuer for id_ in touched} <= {by.issuer}
        else:
            assert before.keys() == after.keys()
            assert shown is None or after[shown].issuer in {"", by.issuer}
        for id_ in differing:
            email = after[id_].profile.email
            unverified = step["claims"]["email_verified"] not in (..., None, True, "true")
            assert not unverified or email == before[id_].profile.email
        assert code in {None, Code.NOT_FOUND, Code.UNAUTHENTICATED}
        before = after
