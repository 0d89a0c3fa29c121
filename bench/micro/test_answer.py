"""The response's body and headers, and the log line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from profile_api.rest.routes import _answer
from profile_api.telemetry import logs
from profile_domain.pictures.avatar import Avatar
from profile_domain.profile import Profile
from profile_testing.images import noise, png

LINE = {
    "method": "PUT", "route": "/v1/users/me/profile", "status": 200, "code": "", "ms": 1.25,
    "request_id": "0" * 32, "tenant": "7f1b3c5e-2d4a-4c6b-8e9f-0a1b2c3d4e5f",
}  # fmt: skip


@pytest.mark.parametrize("pictured", [False, True], ids=["alone", "with 100 KiB"])
def test_answer_serialised(benchmark: Any, profile: Profile, pictured: bool) -> None:
    if pictured:
        avatar = Avatar.of("image/png", png(noise(184, 184)))
        profile = profile.with_changes({"avatar_base64": avatar})
    assert benchmark(_answer, profile).status_code == 200


def test_log_line_written(benchmark: Any) -> None:
    with Path("/dev/null").open("w") as nowhere:
        logs.configure("json", nowhere)
        line = logs.request_log()
        benchmark(lambda: line("request", **LINE))
