"""The structured log: one event a line, without personal data."""

from __future__ import annotations

import logging
import sqlite3
import sys
import time
import traceback
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from typing import Any, TextIO

import structlog
from pydantic_core import to_json

from profile_api.variables import LogForm
from profile_domain.errors import DomainError

Event = MutableMapping[str, Any]
Log = Callable[..., None]

_write_request: Log | None = None

# Errors whose messages are safe to log. Other messages may quote a token or a name.
_SAFE_MESSAGES = (DomainError, OSError, sqlite3.Error)


def configure(form: LogForm = "auto", stream: TextIO | None = None) -> None:
    """Sends the log of this process and its libraries to ``stream``, by default standard error.

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
    _write_request = None if pretty else _RequestLog(stream)
    structlog.configure(
        processors=[*common, render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: _LineWriter(stream),
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


class _RequestLog:
    """Writes request lines, the most frequent event, at a tenth of structlog's cost."""

    def __init__(self, stream: TextIO) -> None:
        self._lines = _LineWriter(stream)
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


class _LineWriter:
    """Ignores errors of writing: they must not fail a request."""

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
    """Keeps the first line only, and of exceptions no unsafe message: both may quote data."""
    event["event"] = str(event["event"]).partition("\n")[0]
    record: logging.LogRecord = event["_record"]
    event.pop("exc_info", None)
    if record.exc_info and record.exc_info[1] is not None:
        event["error"] = exception_chain(record.exc_info[1])
    return event
