"""ProfileService with ports in memory."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from profile_domain.caller import Caller, Credentials, Identity
from profile_domain.errors import Code, DomainError, FieldRefused, unauthenticated
from profile_domain.export import StoredProfile
from profile_domain.people import Record
from profile_domain.pictures.avatar import Avatar
from profile_domain.profile import (
    AVATAR,
    EDITABLE,
    AuthProvider,
    Profile,
    ProfileChanged,
    ProfileUpdate,
)
from profile_domain.service import ProfileService

TENANT = UUID("11111111-1111-4111-8111-111111111111")
IDENTITY = Identity(TENANT, "https://issuer.example", "ada")
CALLER = Caller(IDENTITY, "rest", "request-1")
ADA = Profile(
    tenant_id=TENANT,
    id=UUID("aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"),
    email="ada@example.com",
    auth_provider=AuthProvider.LOCAL,
    first_name="Ada",
)
UPLOAD = "data:image/png;base64,AAAA"


class World:
    """All ports of one service, in memory, writing down what was asked of them."""

    def __init__(self, stored=ADA):
        self.stored = stored
        self.story = []
        self.forbidden = None
        self.gone = False
        self.picture = Avatar.of("image/png", b"clean")
        self.others_win = 0
        self.service = ProfileService(
            tokens=self,
            profiles=self,
            policy=self,
            pictures=self,
            rate_limit=self,
            provisioning=self,
        )

    async def verify(self, token):
        self.story.append("verify")
        if token != "good":
            raise unauthenticated("invalid", "form")
        return IDENTITY

    async def take(self, identity):
        self.story.append("take")

    async def load(self, identity, *, with_image):
        self.story.append("load")
        self.with_image = with_image
        return self.stored

    async def permit(self, action, caller, profile, changes=()):
        self.story.append((action, sorted(changes)))
        if self.forbidden is not None and set(changes) & self.forbidden:
            raise DomainError(Code.FORBIDDEN)

    async def stored_profile(self, tenant_id, user_id):
        self.story.append("stored_profile")
        now = datetime.now(UTC)
        return None if self.gone else StoredProfile(self.stored, now, now)

    async def history(self, tenant_id, user_id, *, first, after=None):
        self.story.append("history")
        return []

    async def provision_user(self, caller, profile):
        self.story.append("provision")
        self.stored = ADA
        return True

    async def clean(self, upload):
        self.story.append("clean")
        if isinstance(self.picture, FieldRefused):
            raise self.picture
        return self.picture

    async def save(self, caller, before, after):
        self.story.append("confirm" if after is before else "save")
        if self.others_win:
            self.others_win -= 1
            self.stored = replace(self.stored, last_name="Other", version=self.stored.version + 1)
            return False
        self.stored = after
        return True

    def update(self, body, **options):
        return self.service.update_my_profile(CALLER, ProfileUpdate(body), **options)


async def code_of(awaitable):
    with pytest.raises(DomainError) as raised:
        await awaitable
    return raised.value.code


async def test_an_update_loads_asks_the_policy_and_saves_the_next_version():
    world = World()
    updated = await world.update({"first_name": "Grace"})
    assert (updated.first_name, updated.version) == ("Grace", 2)
    assert world.stored == updated
    assert world.story == ["load", ("updateMyProfile", ["first_name"]), "save"]


@pytest.mark.parametrize("body", [{}, {"first_name": "Ada"}, {"first_name": " Ada", AVATAR: None}])
async def test_an_update_without_a_difference_is_authorised_and_writes_nothing(body):
    world = World()
    assert await world.update(body) is ADA
    assert world.story == ["load", ("updateMyProfile", []), "confirm"]


async def test_an_update_without_a_difference_still_honours_if_match():
    assert await code_of(World().update({}, if_match='"old"')) is Code.PRECONDITION_FAILED
    assert await World().update({}, if_match=ADA.etag) is ADA


async def test_a_picture_is_cleaned_after_the_policy_and_before_the_precondition():
    world = World()
    assert (
        await code_of(world.update({AVATAR: UPLOAD}, if_match='"old"')) is Code.PRECONDITION_FAILED
    )
    assert world.story == ["load", ("updateMyProfile", [AVATAR]), "clean"]


async def test_a_picture_that_becomes_the_stored_one_writes_nothing():
    world = World(replace(ADA, avatar=Avatar.of("image/png", b"clean")))
    assert await world.update({AVATAR: UPLOAD}) is world.stored
    assert "save" not in world.story


async def test_a_refused_picture_is_a_violation_of_its_field():
    world = World()
    world.picture = FieldRefused(Code.AVATAR_DIMENSIONS, max_side=4096)
    with pytest.raises(DomainError) as raised:
        await world.update({AVATAR: UPLOAD})
    assert raised.value.code is Code.AVATAR_DIMENSIONS
    (violation,) = raised.value.as_dict()["details"]["violations"]
    assert (violation["field"], violation["max_side"]) == (AVATAR, 4096)


async def test_errors_are_reported_in_the_contracts_order():
    nobody = World(stored=None)
    assert await code_of(nobody.update({"x": 1})) is Code.NOT_FOUND
    world = World()
    world.forbidden = {"first_name", AVATAR}
    assert await code_of(world.update({"first_name": 1, AVATAR: UPLOAD})) is Code.INVALID_TYPE
    assert await code_of(world.update({AVATAR: UPLOAD}, if_match='"old"')) is Code.FORBIDDEN
    assert "clean" not in world.story


async def test_a_lost_race_is_run_again_on_what_the_others_stored():
    world = World()
    world.others_win = 2
    updated = await world.update({"first_name": "Grace"})
    assert (updated.first_name, updated.last_name, updated.version) == ("Grace", "Other", 4)


async def test_concurrent_updates_of_one_person_are_serialized():
    world = World()
    save = world.save

    async def slowly(caller, before, after):
        await asyncio.sleep(0)
        return before.version == world.stored.version and await save(caller, before, after)

    world.save = slowly
    updated = await asyncio.gather(*(world.update({"last_name": f"L{n}"}) for n in range(9)))
    assert [each.version for each in updated] == list(range(2, 11))
    assert world.story.count("load") == 9


async def test_one_person_does_not_wait_for_another():
    world = World()
    other = replace(CALLER, identity=replace(CALLER.identity, subject="another"))
    async with asyncio.timeout(60):
        held = world.service.update_my_profile(CALLER, ProfileUpdate({"last_name": "L"}))
        gate = asyncio.Event()
        save = world.save

        async def waits(caller, before, after):
            if caller is CALLER:
                await gate.wait()
            return await save(caller, before, after)

        world.save = waits
        waiting = asyncio.create_task(held)
        await world.service.update_my_profile(other, ProfileUpdate({"last_name": "M"}))
        assert not waiting.done()
        gate.set()
        await waiting


async def test_three_lost_races_are_a_conflict_with_the_profile_as_it_is_now():
    world = World()
    world.others_win = 3
    with pytest.raises(ProfileChanged, match=Code.CONFLICT) as lost:
        await world.update({"first_name": "Grace"})
    assert world.story.count("save") == 3
    assert lost.value.current == world.stored
    assert world.stored.version == 4


async def test_a_lost_race_with_if_match_is_a_failed_precondition_with_the_profile_as_it_is_now():
    world = World()
    world.others_win = 1
    with pytest.raises(ProfileChanged, match=Code.PRECONDITION_FAILED) as lost:
        await world.update({"first_name": "Grace"}, if_match=ADA.etag)
    assert lost.value.current == world.stored != ADA


async def test_only_attempts_to_write_are_counted_and_all_of_them():
    world = World()
    good = Credentials(["Bearer good"], [str(TENANT)])
    identify = world.service.identify
    caller = await identify(good, face="graphql", request_id="r", to_write=False)
    assert caller == Caller(IDENTITY, "graphql", "r")
    await identify(good, face="rest", request_id="r", to_write=True)
    assert world.story == ["verify", "verify", "take"]


async def test_identity_is_judged_before_tenant_and_tenant_before_the_rate():
    world = World()
    identify = world.service.identify
    for token, code in (("bad", Code.UNAUTHENTICATED), ("good", Code.INVALID_TENANT_ID)):
        credentials = Credentials([f"Bearer {token}"], ["junk"])
        refused = identify(credentials, face="rest", request_id="r", to_write=True)
        assert await code_of(refused) is code
    assert "take" not in world.story


async def test_a_view_asks_the_policy():
    world = World()
    assert await world.service.view_my_profile(CALLER) is ADA
    assert world.story == ["load", ("viewMyProfile", [])]


async def test_editable_fields_are_those_of_the_provider_that_the_policy_permits():
    world = World()
    world.forbidden = {"display_name"}
    managed = replace(ADA, auth_provider=AuthProvider.SAML)
    for person, kept in (
        (ADA, {"display_name"}),
        (managed, {"first_name", "last_name", "display_name"}),
    ):
        fields = await world.service.editable_fields(CALLER, person)
        assert fields == [field for field in EDITABLE if field not in kept]
    assert {action for action, _ in world.story} == {"updateMyProfile"}


async def test_editable_fields_do_not_hide_a_failure():
    world = World()

    async def fail(*_):
        raise DomainError(Code.UNAVAILABLE)

    world.service._policy.permit = fail
    assert await code_of(world.service.editable_fields(CALLER, ADA)) is Code.UNAVAILABLE


@pytest.mark.parametrize("wanted", [{}, {"with_image": True}, {"with_image": False}])
async def test_a_picture_is_loaded_unless_it_is_not_wanted(wanted):
    world = World()
    await world.service.view_my_profile(CALLER, **wanted)
    assert world.with_image is wanted.get("with_image", True)
    await world.service.update_my_profile(CALLER, ProfileUpdate({}), **wanted)
    assert world.with_image is wanted.get("with_image", True)


async def test_pictures_of_one_person_wait_for_each_other_and_delay_nobody_else():
    world, at_work, done = World(), [], asyncio.Event()

    async def clean(upload):
        at_work.append(upload.image)
        await done.wait()
        return world.picture

    def sends(identity, digits):
        body = {AVATAR: f"data:image/png;base64,{digits}"}
        caller = replace(CALLER, identity=identity)
        return asyncio.create_task(world.service.update_my_profile(caller, ProfileUpdate(body)))

    world.clean = clean
    grace = replace(IDENTITY, subject="grace")
    updates = [*(sends(IDENTITY, digits) for digits in ["AAAA"] * 64), sends(grace, "BBBB")]
    for _ in range(200):
        await asyncio.sleep(0)
    assert at_work == [b"\0\0\0", b"\x04\x10\x41"]
    done.set()
    await asyncio.gather(*updates)


async def test_an_export_is_viewing():
    world = World()
    pieces = [piece async for piece in await world.service.export_my_profile(CALLER)]
    assert json.loads(b"".join(pieces))["profile"] == ADA.document
    assert world.story == ["load", ("viewMyProfile", []), "stored_profile", "history"]


async def test_nobody_is_exported_who_may_not_view_or_is_gone():
    world = World(stored=replace(ADA, active=False))
    assert await code_of(world.service.export_my_profile(CALLER)) is Code.FORBIDDEN
    assert "stored_profile" not in world.story
    world = World()
    world.gone = True
    assert await code_of(world.service.export_my_profile(CALLER)) is Code.NOT_FOUND


async def test_who_sees_their_changes_views_their_profile():
    world = World()
    assert await world.service.my_changes(CALLER, ADA, first=20) == []
    assert world.story == [("viewMyProfile", []), "history"]


async def test_a_token_that_brings_a_person_makes_them_before_they_are_loaded():
    world = World(stored=None)
    record = Record(ADA.email, AuthProvider.OIDC, {"first_name": "Ada"})
    caller = replace(CALLER, identity=replace(IDENTITY, record=record))
    assert await world.service.view_my_profile(caller, with_image=False) == ADA
    assert world.story == ["load", "provision", "load", ("viewMyProfile", [])]
