"""PublicAvatars with ports in memory."""

from base64 import urlsafe_b64encode
from uuid import uuid4

import pytest

from profile_domain.errors import Code, DomainError
from profile_domain.pictures.avatar import Avatar
from profile_domain.public_avatars import PublicAvatars, check_size

TENANT, USER = uuid4(), uuid4()
PICTURE = Avatar.of("image/png", b"a picture")
DIGEST = urlsafe_b64encode(PICTURE.digest).rstrip(b"=").decode()
OTHER = Avatar.of("image/png", b"another")


class World:
    """The store and the maker of sizes, writing down what was asked of them."""

    def __init__(self, *stored):
        self.stored = list(stored)
        self.story = []
        self.avatars = PublicAvatars(self, self)

    async def avatar(self, tenant_id, user_id, *, with_image):
        self.story.append((tenant_id, user_id, with_image))
        return self.stored[0] if len(self.stored) == 1 else self.stored.pop(0)

    async def scaled(self, owner, avatar, side, load):
        self.story.append((owner, avatar, side))
        return await load()


async def test_whoever_knows_the_digest_sees_the_picture():
    world = World(PICTURE)
    assert await world.avatars.view(TENANT, USER, DIGEST) == PICTURE
    assert world.story == [(TENANT, USER, False), (TENANT, USER, True)]


async def test_a_size_is_made_of_the_owners_picture():
    world = World(PICTURE)
    assert await world.avatars.view(TENANT, USER, DIGEST, size=64) == PICTURE
    assert world.story[1] == ((TENANT, USER), PICTURE, 64)


@pytest.mark.parametrize("stored", [None, OTHER], ids=["no picture", "another picture"])
@pytest.mark.parametrize("digest", [DIGEST, "", "x", "\ud800", DIGEST + "=", "." * 43])
@pytest.mark.parametrize("size", [None, 64])
async def test_whoever_does_not_is_told_nothing_after_one_call_without_the_image(
    stored, digest, size
):
    world = World(stored)
    with pytest.raises(DomainError, match=Code.NOT_FOUND) as refused:
        await world.avatars.view(TENANT, USER, digest, size=size)
    assert refused.value.as_dict() == DomainError(Code.NOT_FOUND).as_dict()
    assert world.story == [(TENANT, USER, False)]


@pytest.mark.parametrize("size", [None, 64])
@pytest.mark.parametrize("later", [None, OTHER])
async def test_a_picture_that_goes_meanwhile_is_gone(size, later):
    with pytest.raises(DomainError, match=Code.NOT_FOUND):
        await World(PICTURE, later).avatars.view(TENANT, USER, DIGEST, size=size)


@pytest.mark.parametrize("size", [0, -32, 1, 31, 33, 96, 512, 2**31])
def test_there_are_four_sizes(size):
    assert [check_size(each) for each in (None, 32, 64, 128, 256)] == [None, 32, 64, 128, 256]
    with pytest.raises(DomainError, match=Code.INVALID_ARGUMENT) as refused:
        check_size(size)
    assert refused.value.details == {"argument": "size"}
