"""The smaller sizes of pictures: made once however many ask, kept within a bound, forgotten."""

import asyncio
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from cleaning import cleaned, shown
from profile_domain.errors import Code, DomainError
from profile_domain.pictures.avatar import Avatar
from profile_infra.pictures import sizes
from profile_infra.pictures.processes import PictureProcesses
from profile_infra.pictures.sizes import PictureSizes
from profile_testing.images import gif, jpeg, photo, png, webp

ADA = UUID(int=1), UUID(int=2)
WIDE = Avatar.of("image/png", png(photo(400, 100)))


@asynccontextmanager
async def at_work(**options):
    pictures = PictureProcesses(1)
    try:
        yield PictureSizes(pictures, **options)
    finally:
        await pictures.close()


class Loads:
    """Gives the picture, and counts how often it was asked for."""

    def __init__(self, avatar=WIDE):
        self.avatar = avatar
        self.count = 0

    async def __call__(self):
        self.count += 1
        if isinstance(self.avatar, DomainError):
            raise self.avatar
        return self.avatar


@pytest.mark.parametrize("made", [png, jpeg, webp, gif], ids=["png", "jpeg", "webp", "gif"])
async def test_the_longest_side_is_the_size_and_the_result_a_clean_picture(made):
    stored = cleaned(made(photo(400, 100)))
    async with at_work() as sizes:
        for side in (32, 64, 128, 256):
            found = await sizes.scaled(ADA, stored, side, Loads(stored))
            assert found.media_type == stored.media_type
            assert shown(found).size == (side, side // 4)
            assert cleaned(found.image) == found


async def test_a_transparent_picture_stays_so():
    stored = cleaned(png(photo(300, 300).convert("RGBA").resize((300, 300))))
    async with at_work() as sizes:
        assert shown(await sizes.scaled(ADA, stored, 64, Loads(stored))).mode == "RGBA"


@pytest.mark.parametrize("sides", [(32, 32), (20, 32), (1, 1)])
async def test_a_picture_that_fits_is_given_as_it_is(sides):
    stored = Avatar.of("image/png", png(photo(*sides)))
    async with at_work() as sizes:
        assert await sizes.scaled(ADA, stored, 32, Loads(stored)) == stored


async def test_a_line_keeps_a_pixel():
    stored = Avatar.of("image/png", png(photo(512, 1)))
    async with at_work() as sizes:
        assert shown(await sizes.scaled(ADA, stored, 32, Loads(stored))).size == (32, 1)


async def test_a_size_is_made_once_however_many_ask():
    loads = Loads()
    async with at_work() as sizes:
        found = await asyncio.gather(*(sizes.scaled(ADA, WIDE, 64, loads) for _ in range(50)))
        found.append(await sizes.scaled(ADA, WIDE, 64, loads))
        assert loads.count == 1
        assert len({id(each) for each in found}) == 1
        await sizes.scaled(ADA, WIDE, 32, loads)
        assert loads.count == 2
        assert sizes._making == {}


async def test_what_one_has_seen_does_not_tell_who_else_has_the_same_picture():
    loads = Loads()
    async with at_work() as sizes:
        for owner in (ADA, (ADA[0], UUID(int=3)), (UUID(int=3), ADA[1])):
            await sizes.scaled(owner, WIDE, 64, loads)
    assert loads.count == 3


async def test_who_leaves_takes_it_from_nobody_who_waits():
    loads = Loads()
    async with at_work() as sizes:
        first, second = (asyncio.create_task(sizes.scaled(ADA, WIDE, 64, loads)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        assert shown(await second).width == 64
        assert loads.count == 1


async def test_a_failure_reaches_all_who_wait_and_is_not_kept():
    loads = Loads(DomainError(Code.NOT_FOUND))
    async with at_work() as sizes:
        asked = [sizes.scaled(ADA, WIDE, 64, loads) for _ in range(3)]
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert [each.code for each in found] == [Code.NOT_FOUND] * 3
        loads.avatar = WIDE
        assert shown(await sizes.scaled(ADA, WIDE, 64, loads)).width == 64
        assert loads.count == 2


async def test_more_than_can_wait_are_unavailable(monkeypatch):
    monkeypatch.setattr(sizes, "MAX_MAKING", 2)
    async with at_work() as making:
        works = [asyncio.create_task(making.scaled(ADA, WIDE, side, Loads())) for side in (32, 64)]
        await asyncio.sleep(0)
        with pytest.raises(DomainError, match=Code.UNAVAILABLE) as refused:
            await making.scaled(ADA, WIDE, 128, Loads())
        assert refused.value.retry_after
        assert [shown(each).width for each in await asyncio.gather(*works)] == [32, 64]
        assert shown(await making.scaled(ADA, WIDE, 128, Loads())).width == 128


async def test_sizes_stay_within_the_bound_and_the_oldest_goes():
    loads = Loads()
    async with at_work(max_bytes=8_000) as sizes:
        for number in range(12):
            await sizes.scaled((ADA[0], UUID(int=number)), WIDE, 32, loads)
            assert sizes._bytes <= 8_000
        assert loads.count == 12
        assert 0 < len(sizes._entries) < 12
        await sizes.scaled((ADA[0], UUID(int=11)), WIDE, 32, loads)
        assert loads.count == 12
        await sizes.scaled((ADA[0], UUID(int=0)), WIDE, 32, loads)
        assert loads.count == 13


async def test_a_size_over_the_bound_is_not_kept():
    async with at_work(max_bytes=100) as sizes:
        await sizes.scaled(ADA, WIDE, 32, Loads())
        assert (sizes._bytes, len(sizes._entries)) == (0, 0)


async def test_sizes_are_forgotten_in_time(monkeypatch):
    loads = Loads()
    async with at_work() as making:
        await making.scaled(ADA, WIDE, 32, loads)
        monkeypatch.setattr(sizes, "MAX_AGE", 0.0)
        await making.scaled(ADA, WIDE, 32, loads)
        assert loads.count == 2
        await making.scaled(ADA, WIDE, 64, loads)
        assert [key.side for key in making._entries] == [64]
