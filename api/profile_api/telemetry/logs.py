"""The structured log: one event a line, without personal data."""

from __future__ import annotations

import json
import logging
import sqlite3
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TextIO

from pydantic_core import to_json

from profile_api.variables import LogForm
from profile_domain.errors import DomainError

Event = dict[str, Any]
Log = Callable[..., None]
Render = Callable[[Event], str]

# Errors whose messages are safe to log. Other messages may quote a token or a name.
_SAFE_MESSAGES = (DomainError, OSError, sqlite3.Error)


def configure(form: LogForm = "auto", stream: TextIO | None = None) -> None:
    """Sends the log of this process and its libraries to ``stream``, by default standard error.

    ``auto`` is pretty on a terminal and JSON elsewhere.
    """
    stream = stream or sys.stderr
    pretty = form == "pretty" or (form == "auto" and stream.isatty())
    global _events  # noqa: PLW0603  # as the configuration of logging is
    _events = _Events(stream, _pretty(colors=stream.isatty()) if pretty else _as_json)
    root = logging.getLogger()
    root.handlers = [_LibraryEvents(_events)]
    root.setLevel(logging.WARNING)


def request_log() -> Log:
    """Writes the line of one event, such as a request: its text, its level, and its fields."""
    return _events


def exception_chain(error: BaseException | None) -> list[dict[str, Any]]:
    """An exception and its causes: types and places, and messages where they are safe."""
    chain: list[dict[str, Any]] = []
    while error is not None and len(chain) < 8:
        frames = traceback.extract_tb(error.__traceback__)[-12:]
        fields: dict[str, Any] = {"type": type(error).__qualname__}
        if isinstance(error, _SAFE_MESSAGES):
            fields["says"] = error.strerror if isinstance(error, OSError) else str(error)
        fields["at"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        chain.append(fields)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return chain


class _Events:
    """Writes one event a line. Ignores errors of writing: they must not fail a request."""

    def __init__(self, stream: TextIO, render: Render) -> None:
        self._stream = stream
        self._render = render
        self._second = 0
        self._stamp = ""

    def __call__(self, event: str, level: str = "info", **fields: object) -> None:
        now = time.time()
        second = int(now)
        if second != self._second:
            self._stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._second = second
        stamp = f"{self._stamp}.{int((now - second) * 1_000_000):06}Z"
        line = self._render({"timestamp": stamp, "level": level, "event": event, **fields})
        with suppress(OSError, ValueError):
            self._stream.write(line + "\n")
            self._stream.flush()


class _LibraryEvents(logging.Handler):
    """Keeps the first line only, and of exceptions no unsafe message: both may quote data."""

    def __init__(self, events: _Events) -> None:
        super().__init__()
        self._events = events

    def emit(self, record: logging.LogRecord) -> None:
        fields: Event = {"logger": record.name}
        if record.exc_info and record.exc_info[1] is not None:
            fields["error"] = exception_chain(record.exc_info[1])
        try:
            text = record.getMessage().partition("\n")[0]
        except Exception:  # noqa: BLE001  # its arguments do not fit: still an event
            text = str(record.msg).partition("\n")[0]
        self._events(text, record.levelname.lower(), **fields)


def _as_json(event: Event) -> str:
    try:
        return to_json(event, fallback=repr).decode()
    except ValueError:  # a lone surrogate, as in a file name that is not UTF-8
        return json.dumps(event, default=repr)


def _pretty(*, colors: bool) -> Render:
    # Its console needs rich and Pygments, 4 MiB that JSON does without.
    from structlog.dev import ConsoleRenderer  # noqa: PLC0415  # see above

    render = ConsoleRenderer(colors=colors)
    return lambda event: render(None, event["level"], event)


_events = _Events(sys.stderr, _as_json)
