#!/usr/bin/env python3
"""Writes docs/errors.md and the README's table of codes from the catalogue of errors.

python tools/error_documents.py
"""

from __future__ import annotations

import re
from pathlib import Path

from profile_api.reference import sections, table

ROOT = Path(__file__).resolve().parent.parent
PAGE, README = ROOT / "docs" / "errors.md", ROOT / "README.md"
_TABLE = re.compile(r"\| code \| HTTP \| when \|\n(?:\|.*\n)+")
_INTRODUCTION = """\
# Errors

`make documents` writes this page from the catalogue in `domain/profile_domain/errors.py`. Each code
has a section: what it means, what a client does about it, and an answer of each face. Decide by
`code`, show `message`. New codes and keys may come: treat a code that you do not know by its
status, and read over keys that you do not know. What to do about time-outs and lost answers stands
in the [README](../README.md#when-an-answer-is-lost).

"""


def page() -> str:
    return f"{_INTRODUCTION}{table()}\n{sections('##')}"


def readme(text: str) -> str:
    """The README with the table as it should be."""
    return _TABLE.sub(lambda _: table(), text)


def main() -> None:
    PAGE.write_text(page(), "utf-8")
    README.write_text(readme(README.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
