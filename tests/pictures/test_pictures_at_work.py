"""Cleaning beside the event loop, in a bounded number of processes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cleaning import shown
from profile_domain.errors import Code, DomainError, FieldRefused
from profile_infra.pictures import processes
from profile_infra.pictures.frames import frame
from profile_infra.pictures.processes import MAX_WAITING, PictureProcesses
from profile_testing.images import animated, jpeg, photo, png, upload


@asynccontextmanager
async def at_work(workers=1):
    pictures = PictureProcesses(workers)
    try:
        yield pictures
    finally:
        await pictures.close()


async def process_of(pictures):
    """The one process, once it has cleaned a first picture."""
    await pictures.clean(upload(png()))
    (process,) = pictures._processes
    return process


async def test_no_more_processes_than_workers_clean_and_they_stay():
    async with at_work(workers=1) as pictures:
        process = await process_of(pictures)
        sent = [upload(png(photo(n, 9))) for n in range(520, 540)]
        found = await asyncio.gather(*(pictures.clean(each) for each in sent))
        assert [shown(avatar).width for avatar in found] == [512] * 20
        assert pictures._processes == {process}


async def test_a_refusal_reaches_the_caller_with_its_limits():
    async with at_work() as pictures:
        with pytest.raises(FieldRefused, match=Code.AVATAR_ANIMATED):
            await pictures.clean(upload(animated("GIF")))
        with pytest.raises(FieldRefused, match=Code.AVATAR_DIMENSIONS) as refused:
            await pictures.clean(upload(png(photo(4097, 1))))
        assert refused.value.limits == {"max_side": 4096}
        assert (await pictures.clean(upload(png()))).image == png()


async def test_what_is_more_than_can_wait_is_unavailable_and_room_comes_back():
    async with at_work() as pictures:
        process = await process_of(pictures)
        process.send_signal(signal.SIGSTOP)
        works = [asyncio.create_task(pictures.clean(upload(png()))) for _ in range(1 + MAX_WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(DomainError, match=Code.UNAVAILABLE) as refused:
            await pictures.clean(upload(png()))
        assert refused.value.retry_after
        works.pop().cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        works.append(asyncio.create_task(pictures.clean(upload(png()))))
        process.send_signal(signal.SIGCONT)
        assert {avatar.image for avatar in await asyncio.gather(*works)} == {png()}
        assert pictures._accepted == 0


async def test_who_comes_after_a_slow_picture_does_not_wait_for_its_end():
    async with at_work(workers=2) as pictures:
        process = await process_of(pictures)
        process.send_signal(signal.SIGSTOP)
        slow = asyncio.create_task(pictures.clean(upload(jpeg())))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert (await pictures.clean(upload(png()))).image == png()
        assert not slow.done()
        process.send_signal(signal.SIGCONT)
        assert (await slow).image == jpeg()


@pytest.mark.parametrize(
    ("ended_by", "code"),
    [(signal.SIGSEGV, Code.AVATAR_CORRUPT), (signal.SIGKILL, Code.UNAVAILABLE)],
    ids=["a decoder that crashes", "a system without memory"],
)
async def test_a_process_that_ends_takes_one_picture_along(ended_by, code):
    async with at_work() as pictures:
        process = await process_of(pictures)
        process.send_signal(signal.SIGSTOP)
        work = asyncio.create_task(pictures.clean(upload(png())))
        await asyncio.sleep(0)
        process.send_signal(ended_by)
        process.send_signal(signal.SIGCONT)
        with pytest.raises((FieldRefused, DomainError), match=code):
            await work
        assert (await pictures.clean(upload(png()))).image == png()


async def test_a_process_that_ended_while_idle_is_replaced_unseen():
    async with at_work() as pictures:
        process = await process_of(pictures)
        process.kill()
        await process.wait()
        assert (await pictures.clean(upload(png()))).image == png()


async def test_a_picture_without_end_is_given_up_and_its_process_ended(monkeypatch):
    async with at_work() as pictures:
        process = await process_of(pictures)
        monkeypatch.setattr(processes, "MAX_SECONDS", 0.05)
        process.send_signal(signal.SIGSTOP)
        with pytest.raises(DomainError, match=Code.UNAVAILABLE):
            await pictures.clean(upload(png()))
        assert process.returncode == -signal.SIGKILL


async def test_a_caller_who_leaves_leaves_no_picture_at_work():
    async with at_work() as pictures:
        process = await process_of(pictures)
        process.send_signal(signal.SIGSTOP)
        work = asyncio.create_task(pictures.clean(upload(png())))
        await asyncio.sleep(0.05)
        work.cancel()
        await asyncio.wait([work])
        assert await process.wait() == -signal.SIGKILL
        assert (await pictures.clean(upload(jpeg()))).image == jpeg()


@pytest.mark.skipif(sys.platform != "linux", reason="a policy of Linux")
async def test_a_picture_gives_way_to_requests_but_not_for_ever(monkeypatch):
    async with at_work() as pictures:
        process = await process_of(pictures)
        monkeypatch.setattr(processes, "HURRY_SECONDS", 0.0)
        assert os.sched_getscheduler(process.pid) == os.SCHED_IDLE
        process.send_signal(signal.SIGSTOP)
        work = asyncio.create_task(pictures.clean(upload(png())))
        async with asyncio.timeout(60):
            while os.sched_getscheduler(process.pid) == os.SCHED_IDLE:  # noqa: ASYNC110  # it tells nobody
                await asyncio.sleep(0.01)
        assert os.sched_getscheduler(process.pid) == os.SCHED_OTHER
        process.send_signal(signal.SIGCONT)
        await work


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="read from /proc")
async def test_a_process_knows_no_setting_and_holds_no_file_of_the_service(monkeypatch, tmp_path):
    for name in ("PROFILE_ISSUERS", "PGPASSWORD", "OTEL_EXPORTER_OTLP_HEADERS", "PATHS", "XPATH"):
        monkeypatch.setenv(name, "a secret")
    with (tmp_path / "store").open("w") as store:
        os.set_inheritable(store.fileno(), True)
        async with at_work() as pictures:
            folder = Path(f"/proc/{(await process_of(pictures)).pid}")
            assert b"a secret" not in (folder / "environ").read_bytes()
            assert len(list((folder / "fd").iterdir())) == 3


async def test_a_process_ends_with_the_one_that_started_it():
    """Its standard input ends then."""
    async with at_work() as pictures:
        process = await process_of(pictures)
        process.stdin.close()
        assert await process.wait() == 0


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_what_ends_or_reloads_the_whole_group_takes_no_picture_along(sign):
    async with at_work() as pictures:
        process = await process_of(pictures)
        process.send_signal(signal.SIGSTOP)
        work = asyncio.create_task(pictures.clean(upload(png())))
        await asyncio.sleep(0)
        process.send_signal(sign)
        process.send_signal(signal.SIGCONT)
        assert (await work).image == png()
        assert pictures._processes == {process}


def worker(then):
    """A worker process in which ``then`` runs instead of the cleaning of a picture."""
    script = (
        "import time\n"
        "from profile_infra.pictures import worker\n"
        "from profile_domain.pictures.avatar import Avatar\n"
        "worker.MAX_SECONDS = 0\n"
        f"def clean(upload): {then}\n"
        "worker.clean = clean\n"
        "worker.main()\n"
    )
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", script], stdin=pipe, stdout=pipe, stderr=pipe)


def test_a_picture_without_end_ends_though_nobody_is_left_to_end_it():
    with worker("time.sleep(3600)") as process:
        process.stdin.write(frame("image/png", b"AAAA"))
        process.stdin.close()
        assert process.wait(60) == -signal.SIGALRM


def test_a_process_whose_answer_nobody_takes_ends_in_silence():
    with worker("return Avatar.of(upload.declared_type, upload.base64)") as process:
        process.stdout.close()
        process.stdin.write(frame("image/png", b"AAAA"))
        process.stdin.close()
        assert process.wait(60) == -signal.SIGPIPE
        assert process.stderr.read() == b""


async def test_after_closing_no_picture_is_taken_and_no_process_is_left():
    async with at_work() as pictures:
        process = await process_of(pictures)
    assert process.returncode is not None
    with pytest.raises(DomainError, match=Code.UNAVAILABLE):
        await pictures.clean(upload(png()))
