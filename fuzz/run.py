"""Coverage-guided fuzzing of one target: ``python fuzz/run.py TARGET SECONDS [FOLDER]``."""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

INSTRUMENTED = [
    *("profile_domain", "profile_infra", "profile_graphql", "profile_api"),
    *("PIL", "jose", "graphql"),
]
with atheris.instrument_imports(include=INSTRUMENTED):
    from targets import TARGETS, seeds


def main() -> None:
    name, seconds, *folder = sys.argv[1:]
    corpus = Path(folder[0] if folder else ".fuzz") / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(name)):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = [f"-max_total_time={seconds}", "-rss_limit_mb=2048", "-timeout=60"]
    if int(seconds) <= 60:
        options.append("-seed=1")  # a check should be reproducible, a long run need not be
    options += [
        "-max_len=65536",
        f"-artifact_prefix={corpus.parent}/{name}-",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], str(corpus), *options], TARGETS[name])
    atheris.Fuzz()


main()
