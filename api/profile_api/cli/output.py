"""All that the command prints. What a terminal would obey, hide or reorder becomes visible here.

Names, subjects and files are other people's text: an escape sequence in one could rewrite the
screen, and a direction override could show another name than the one that is stored.
"""

from __future__ import annotations

import errno
import json
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Final

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON: one object a line.")]

# Control, format (directions and what is invisible), surrogates, line and paragraph separators.
_ESCAPED: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS: Final = "\u200c\u200d"  # in names and emoji, as the rules for names have it


class OutputLost(Exception):
    """What was printed could not be written; the text says why."""


def say(
    text: str, *, bold: bool = False, red: bool = False, nl: bool = True, err: bool = False
) -> None:
    """Prints lines of our own words, with data in them."""
    lines = "\n".join("\t".join(map(visible, line.split("\t"))) for line in text.split("\n"))
    with _written():
        typer.secho(lines, bold=bold or None, fg="red" if red else None, nl=nl, err=err)


def row(*cells: str) -> None:
    """Prints cells of data with tabs between them."""
    with _written():
        typer.echo("\t".join(map(visible, cells)))


def as_it_is(text: str) -> None:
    """Prints what a program reads back to the letter, and that is nobody else's text: a setting."""
    with _written():
        typer.echo(text)


def json_line(value: object) -> None:
    """Prints a value as JSON on one line."""
    json_piece(json.dumps(value, ensure_ascii=False) + "\n")


def json_piece(text: str) -> None:
    """Prints a part of a JSON document; what is escaped in its strings stays the same value."""
    lines = text.split("\n")
    with _written():
        typer.echo("\n".join(map(visible, lines)), nl=False)


@contextmanager
def _written() -> Iterator[None]:
    """Raises OutputLost, for a full disk. A reader who has left is Typer's."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise
        raise OutputLost(f"the output cannot be written: {error.strerror}.") from error


def visible(text: str) -> str:
    r"""The text with such characters as ``\u202e``, a JSON escape."""
    return text if text.isprintable() else "".join(map(_visible, text))


def _visible(char: str) -> str:
    if unicodedata.category(char) not in _ESCAPED or char in _JOINERS:
        return char
    units = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[place : place + 4]}" for place in range(0, len(units), 4))
