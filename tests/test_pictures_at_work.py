"""Cleaning beside the event loop, in a bounded number of threads."""

from __future__ import annotations

import asyncio
import threading

import pytest
from PIL import Image

from cleaning import PICTURES, shown
from images import animated, gif, jpeg, photo, png, upload
from profile_domain.errors import Code, FieldRefused
from profile_infra.pictures import PillowPictures


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


async def test_large_pictures_are_at_work_one_by_one_and_small_ones_pass():
    pictures = PillowPictures(workers=2)
    with pictures._one_large:
        large = asyncio.create_task(pictures.clean(upload(gif(Image.new("P", (2049, 2048))))))
        assert (await pictures.clean(upload(png()))).image == png()
        assert not large.done()
    assert shown(await large).size == (512, 512)
    pictures.close()


async def test_after_closing_no_picture_is_taken():
    pictures = PillowPictures()
    pictures.close()
    with pytest.raises(RuntimeError):
        await pictures.clean(upload(png()))
