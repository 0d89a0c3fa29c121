"""Every store: a picture by the ids of its tenant and its user."""

from dataclasses import replace
from uuid import uuid4

import pytest

from profile_infra.stores.records import User
from storing import (
    IMPORT,
    OPERATOR,
    OTHER_PICTURE,
    OTHER_TENANT,
    PICTURE,
    TENANT,
    caller_of,
    load,
    person,
    stored,
)


@pytest.mark.parametrize("with_image", [True, False])
async def test_a_picture_is_found_with_its_bytes_only_if_they_are_asked_for(store, with_image):
    ada = person(avatar=PICTURE)
    await stored(store, ada, person(avatar=OTHER_PICTURE))
    found = await store.avatar(TENANT, ada.profile.id, with_image=with_image)
    assert found == (PICTURE if with_image else replace(PICTURE, image=None))


@pytest.mark.parametrize("with_image", [True, False])
async def test_nothing_is_found_of_others_or_of_people_without_one(store, with_image):
    ada, faceless = person(avatar=PICTURE), person()
    await stored(store, ada, faceless)
    for tenant, user in [
        (OTHER_TENANT, ada.profile.id), (TENANT, faceless.profile.id), (TENANT, uuid4()),
    ]:  # fmt: skip
        assert await store.avatar(tenant, user, with_image=with_image) is None


async def test_of_two_tenants_with_one_id_each_has_its_own(store):
    ada = person(avatar=PICTURE)
    other = User(replace(ada.profile, tenant_id=OTHER_TENANT, avatar=OTHER_PICTURE))
    await stored(store, ada)
    await stored(store, other)
    for tenant, picture in [(TENANT, PICTURE), (OTHER_TENANT, OTHER_PICTURE)]:
        assert await store.avatar(tenant, ada.profile.id, with_image=True) == picture


@pytest.mark.parametrize("with_image", [True, False])
async def test_a_picture_that_was_replaced_or_removed_is_gone(store, with_image):
    ada = person(avatar=PICTURE)
    await stored(store, ada)
    for picture in (OTHER_PICTURE, None):
        before = await load(store, ada, with_image=True)
        after = before.with_changes({"avatar_base64": picture})
        assert await store.save(caller_of(ada), before, after)
        found = await store.avatar(TENANT, ada.profile.id, with_image=with_image)
        assert (found and found.digest) == (picture and picture.digest)


@pytest.mark.parametrize("with_image", [True, False])
async def test_a_picture_is_gone_with_its_user_and_hidden_with_them(store, with_image):
    ada = person(avatar=PICTURE)
    await stored(store, ada)
    inactive = User(replace(ada.profile, active=False))
    await store.apply(IMPORT, [], [(ada, inactive)])
    assert await store.avatar(TENANT, ada.profile.id, with_image=with_image) is None
    inactive = (await store.users_of(TENANT, [ada.profile.id]))[ada.profile.id]
    active = User(replace(inactive.profile, active=True))
    await store.apply(IMPORT, [], [(inactive, active)])
    assert await store.avatar(TENANT, ada.profile.id, with_image=with_image) is not None
    active = (await store.users_of(TENANT, [ada.profile.id]))[ada.profile.id]
    await store.delete(OPERATOR, active)
    assert await store.avatar(TENANT, ada.profile.id, with_image=with_image) is None
