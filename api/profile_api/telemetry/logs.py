"""What the service writes about itself: one event a line, and nothing about a person in it."""

from __future__ import annotations

import logging
import sqlite3
import sys
import time
import traceback
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from typing import Any, Literal, TextIO

import structlog
from pydantic_core import to_json

from profile_domain.errors import DomainError

Form = Literal["auto", "json", "pretty"]
Event = MutableMapping[str, Any]
Log = Callable[..., None]

_write_request: Log | None = None

# Errors whose words are their library's or ours. Those of all others may quote a token or a name.
_WORDS_ARE_SAFE = (DomainError, OSError, sqlite3.Error)


def configure(form: Form = "auto", stream: TextIO | None = None) -> None:
    """Sends this process's log, the libraries' too, to ``stream``, by default standard error.

    ``auto`` is pretty on a terminal and JSON elsewhere.
    """
    stream = stream or sys.stderr
    pretty = form == "pretty" or (form == "auto" and stream.isatty())
    render: Any = structlog.dev.ConsoleRenderer(colors=stream.isatty()) if pretty else _as_json
    common: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    global _write_request  # noqa: PLW0603  # as the configuration of structlog and logging is
    _write_request = None if pretty else _RequestLines(stream)
    structlog.configure(
        processors=[*common, render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: _Lines(stream),
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *common, _without_messages],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)


def request_log() -> Log:
    """Writes the line of one request."""
    log: Log = _write_request or structlog.get_logger().bind().info
    return log


def exception_chain(error: BaseException | None) -> list[dict[str, Any]]:
    """An exception and what it came from, by type and place."""
    story: list[dict[str, Any]] = []
    while error is not None and len(story) < 8:
        frames = traceback.extract_tb(error.__traceback__)[-12:]
        fields: dict[str, Any] = {"type": type(error).__qualname__}
        if isinstance(error, _WORDS_ARE_SAFE):
            fields["says"] = error.strerror if isinstance(error, OSError) else str(error)
        fields["at"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        story.append(fields)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return story


class _RequestLines:
    """The one event that is frequent: the same line as structlog's, at a tenth of its cost."""

    def __init__(self, stream: TextIO) -> None:
        self._lines = _Lines(stream)
        self._second = 0
        self._stamp = ""

    def __call__(self, event: str, **fields: object) -> None:
        now = time.time()
        second = int(now)
        if second != self._second:
            self._second = second
            self._stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        stamp = f"{self._stamp}.{int((now - second) * 1_000_000):06}Z"
        line = {"timestamp": stamp, "level": "info", "event": event, **fields}
        self._lines.info(to_json(line).decode())


class _Lines:
    """A log that cannot be written must not fail a request."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def info(self, line: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(line + "\n")
            self._stream.flush()

    debug = warning = error = critical = info


def _as_json(_: object, __: str, event: Event) -> str:
    return to_json(event, fallback=repr).decode()


def _without_messages(_: object, __: str, event: Event) -> Event:
    """Libraries put what they hold into the lines after the first, and into exceptions."""
    event["event"] = str(event["event"]).partition("\n")[0]
    record: logging.LogRecord = event["_record"]
    event.pop("exc_info", None)
    if record.exc_info and record.exc_info[1] is not None:
        event["error"] = exception_chain(record.exc_info[1])
    return event
