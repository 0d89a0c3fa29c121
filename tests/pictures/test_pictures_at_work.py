"""Cleaning beside the event loop, in a bounded number of threads."""

from __future__ import annotations

import asyncio
import threading

import pytest

from cleaning import PICTURES, shown
from images import animated, jpeg, photo, png, upload
from profile_domain.errors import Code, DomainError, FieldRefused
from profile_infra.pictures import MAX_WAITING, PillowPictures


async def test_pictures_are_cleaned_beside_the_event_loop(monkeypatch):
    from_the_loop, clean = threading.Event(), PICTURES._clean

    def told_meanwhile(picture):
        assert from_the_loop.wait(60)
        return clean(picture)

    monkeypatch.setattr(PICTURES, "_clean", told_meanwhile)
    work = asyncio.create_task(PICTURES.clean(upload(jpeg(photo(900, 900)))))
    await asyncio.sleep(0)
    from_the_loop.set()
    assert shown(await work).width == 512


async def test_no_more_threads_than_workers_are_at_work():
    pictures = PillowPictures(workers=1)
    before = set(threading.enumerate())
    await asyncio.gather(*(pictures.clean(upload(png(photo(n, 9)))) for n in range(520, 540)))
    assert len(set(threading.enumerate()) - before) == 1
    pictures.close()


async def test_a_refusal_reaches_the_caller():
    with pytest.raises(FieldRefused, match=Code.AVATAR_ANIMATED):
        await PICTURES.clean(upload(animated("GIF")))


async def test_what_is_more_than_can_wait_is_unavailable_and_room_comes_back(monkeypatch):
    pictures, go_on = PillowPictures(workers=1), threading.Event()
    clean = pictures._clean
    monkeypatch.setattr(pictures, "_clean", lambda picture: go_on.wait(60) and clean(picture))
    works = [asyncio.create_task(pictures.clean(upload(png()))) for _ in range(1 + MAX_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(DomainError, match=Code.UNAVAILABLE) as refused:
        await pictures.clean(upload(png()))
    assert refused.value.retry_after
    works.pop().cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    works.append(asyncio.create_task(pictures.clean(upload(png()))))
    go_on.set()
    assert {avatar.image for avatar in await asyncio.gather(*works)} == {png()}
    assert pictures._taken == 0
    pictures.close()


async def test_who_comes_after_a_slow_picture_does_not_wait_for_its_end(monkeypatch):
    pictures, go_on = PillowPictures(workers=2), threading.Event()
    clean, slow = pictures._clean, upload(jpeg())
    monkeypatch.setattr(
        pictures, "_clean", lambda sent: clean(sent) if sent is not slow or go_on.wait(60) else None
    )
    at_work = asyncio.create_task(pictures.clean(slow))
    assert (await pictures.clean(upload(png()))).image == png()
    assert not at_work.done()
    go_on.set()
    assert (await at_work).image == jpeg()
    pictures.close()


async def test_after_closing_no_picture_is_taken():
    pictures = PillowPictures()
    pictures.close()
    with pytest.raises(RuntimeError):
        await pictures.clean(upload(png()))
