"""A refusal before the whole body has come reaches each client, a hundred times of a hundred."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from service import ME, service, verdict

from profile_testing import nginx
from profile_testing.sending import HOWS, NEEDS, command_of, statuses

TIMES = 100
REFUSED = [
    (("POST", "/graphql", 3_000_000), "413"),
    (("PUT", ME, 1_500_000), "401"),
    (("PUT", "/nowhere", 1_500_000), "404"),
    (("PUT", "/healthz", 1_500_000), "405"),
]


def asked(address: str, command: list[str], how: str) -> int:
    """How many were not answered as they are to be, the request behind each counted too."""
    wrong = 0
    for large, status in REFUSED:
        answered = statuses(command, address, large, how, TIMES)
        wrong += sum(
            one != other for one, other in zip(answered, [status, "200"] * TIMES, strict=False)
        )
        wrong += 2 * TIMES - len(answered)
    return wrong


def main() -> None:
    wrong: dict[str, int] = {}
    with service(1) as drilled, TemporaryDirectory(prefix="profile-drill-") as name:
        folder = Path(name)
        for client, hows in HOWS.items():
            if client in NEEDS and not shutil.which(NEEDS[client]):
                print(f"refusals: no {NEEDS[client]} here")
                continue
            command = command_of(client, folder)
            for how in hows:
                wrong[f"{client} {how}"] = asked(drilled.address, command, how)
        if shutil.which("nginx"):
            urllib = command_of("urllib", folder)
            for front_of, locations, kept in (
                ("nginx", nginx.BY_DEFAULT, 0),
                ("nginx-keep", nginx.KEEPING_ALIVE, 4),
            ):
                (folder / front_of).mkdir()
                with nginx.proxied(
                    folder / front_of, drilled.address, locations, kept=kept
                ) as front:
                    wrong[front_of] = asked(front, urllib, "close")
    result = ", ".join(f"{client} {len(REFUSED) * TIMES * 2 - n}" for client, n in wrong.items())
    result = f"answered as they are to be, of {len(REFUSED) * TIMES * 2} each: {result}"
    verdict("refusals", result, holds=not any(wrong.values()))


main()
