"""The PROFILE_ variables: their names, files with secrets (``…_FILE``), and quoting."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Final, Literal

PREFIX: Final = "PROFILE_"
FILE: Final = "_FILE"
LogForm = Literal["auto", "json", "pretty"]
# Kubernetes sets variables for each service of the namespace, which may be called profile-… too.
_OF_KUBERNETES: Final = re.compile(
    r"PROFILE_(\w+_)?(SERVICE_HOST=.*|SERVICE_PORT(_\w+)?=\d+|PORT=\w+://.*|PORT_\d+_\w+=.*)"
)


_PLAIN: Final = re.compile(r"[A-Za-z0-9@%+=:,./_-]*")


class UnusableVariable(ValueError):
    """A misspelt variable, or one that asks for what cannot be had; the text contains no value."""


def resolved(
    variables: Mapping[str, str | None],
    known: Collection[str],
    secret: Collection[str],
    read: Callable[[Path], bytes],
) -> dict[str, str | None]:
    """The variables, with each ``…_FILE`` replaced by the content of its file.

    Names are in lower case; ``known`` and ``secret`` are without the prefix. ``read``
    reads a file, and raises OSError; trailing line ends are removed. Raises UnusableVariable.
    """
    files = {_variable(name) + FILE: name for name in secret}
    found = dict(variables)
    for key, value in variables.items():
        name = key.upper()
        if not name.startswith(PREFIX) or name.removeprefix(PREFIX).lower() in known:
            continue
        if name not in files:
            if not _OF_KUBERNETES.fullmatch(f"{name}={value}"):
                raise UnusableVariable(_unknown(name, [*map(_variable, known), *files]))
            continue
        instead = _variable(files[name])
        if variables.get(instead.lower()) is not None:
            raise UnusableVariable(f"set {instead} or {name}, not both.")
        del found[key]
        found[instead.lower()] = _contents(name, Path(value or ""), read)
    return found


def quoted(value: str) -> str | None:
    """The value as both a POSIX shell (2.2 Quoting) and python-dotenv read it; None if no such form
    exists. They differ in single quotes in the meaning of a backslash, in double ones in that of
    ``$`` and a backtick; and dotenv replaces ``${…}`` and carriage returns in both.
    """
    if _PLAIN.fullmatch(value):
        return value
    if "${" in value or "\r" in value:
        return None
    if not ("'" in value or "\\\\" in value or value.endswith("\\")):
        return f"'{value}'"
    if "$" in value or "`" in value:
        return None
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _variable(name: str) -> str:
    return PREFIX + name.upper()


def _unknown(name: str, known: list[str]) -> str:
    shown = name if len(name) <= 100 and name.isprintable() else f"{name[:100]!a}"
    (nearest,) = get_close_matches(name[:100], known, n=1, cutoff=0)
    return f"{shown} is no setting; did you mean {nearest}?"


def _contents(name: str, path: Path, read: Callable[[Path], bytes]) -> str:
    try:
        return read(path).decode("utf-8-sig").rstrip("\r\n")
    except OSError as error:
        raise UnusableVariable(f"{name}: the file cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UnusableVariable(f"{name}: the file is not UTF-8.") from None
