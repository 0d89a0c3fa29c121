"""SQLite's store: a load, with and without a picture, and one save alone, on disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from profile_domain.caller import Caller
from profile_domain.pictures.avatar import Avatar
from profile_domain.profile import Profile
from profile_infra.stores.by_url import migrate
from profile_infra.stores.changes import Author
from profile_infra.stores.records import User
from profile_infra.stores.sqlite.store import SqliteProfiles
from profile_testing.images import noise, png


@pytest.fixture
def store(tmp_path: Path, loop_run: Any, profile: Profile) -> Iterator[SqliteProfiles]:
    url = f"sqlite:///{tmp_path / 'profile.db'}"
    migrate(url)
    opened = SqliteProfiles(url)
    loop_run(opened.open())
    avatar = Avatar.of("image/png", png(noise(184, 184)))
    user = User(profile.with_changes({"avatar_base64": avatar}))
    loop_run(opened.apply(Author("", "", "bench", "bench"), [user], []))
    yield opened
    loop_run(opened.close())


@pytest.mark.parametrize("with_image", [False, True], ids=["alone", "with 100 KiB"])
def test_store_load(
    benchmark: Any, finish: Any, store: Any, caller: Caller, with_image: bool
) -> None:
    assert benchmark(lambda: finish(store.load(caller.identity, with_image=with_image)))


def test_store_save(benchmark: Any, loop_run: Any, store: Any, caller: Caller) -> None:
    """Nobody shares its commit. A load is part of it."""

    def rename() -> bool:
        before = loop_run(store.load(caller.identity, with_image=False))
        after = before.with_changes({"display_name": f"n{before.version}"})
        saved: bool = loop_run(store.save(caller, before, after))
        return saved

    assert benchmark(rename)
