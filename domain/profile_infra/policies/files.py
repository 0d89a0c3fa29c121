"""Policy files: finding, parsing and validating them; ids are unique."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from io import BytesIO, TextIOWrapper
from pathlib import Path

from cedarpy import Schema, policies_to_json_str, validate_policies

from profile_infra.bounded_files import read_file
from profile_infra.policies.spellings import misspelt

_SHIPPED = Path(__file__).parent
_BUILT_IN = "built-in policies"
# Everything but white space; U+001C to U+001F are not white space in Cedar.
# Of one policy. The engine is recursive: what overflows its stack ends the process.
MAX_LENGTH = 20_000
MAX_NESTING = 100
_NESTS = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\n]*|([(\[{}\])]|\bif\b)')
_TOKEN = re.compile(r'//[^\n]*|"(?:\\.|[^"\\])*"?|[^\s"/;]+|\S|[\x1c-\x1f]', re.DOTALL)
_COMMON = {"ProfileService::Tenant", "ProfileService::Action"}
_ENGINE_PREFIX = re.compile(r"^for policy `[^`]*`, ")


class PolicyError(Exception):
    """Invalid policies; the text has one line for each problem."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Rule:
    """A policy that is valid against the schema; ``place`` is ``file:line``.

    ``tells_people_apart``: its decision may differ between two people who have the tenant, the
    sign-in provider and all of the context in common. ``misspelt``: sentences on texts that it
    compares with what never has them.
    """

    id: str
    place: str
    text: str
    forbids: bool
    notice: str | None
    tells_people_apart: bool
    misspelt: tuple[str, ...]


@cache
def schema() -> Schema:
    return Schema.from_str((_SHIPPED / "schema.cedarschema").read_text("utf-8"))


def check(folder: Path) -> list[str]:
    """The problems of an operator's policies, as ``file:line: reason``, by file and line; the line
    is the first of the policy. Then what is valid, and serves, but would never apply.

    Empty if all are well.
    """
    rules, problems = _read(folder)
    return problems + [f"{rule.place}: {each}" for rule in rules for each in rule.misspelt]


def read_policies(folder: Path | None) -> list[Rule]:
    """The built-in policies and those in ``folder``, sorted by id. Raises PolicyError."""
    rules, problems = _read(folder)
    if problems:
        raise PolicyError(problems)
    # By code point, which is the byte order of UTF-8.
    return sorted(rules, key=lambda rule: rule.id)


def _read(folder: Path | None) -> tuple[list[Rule], list[str]]:
    rules: dict[str, Rule] = {}
    problems = []
    for found in _found(folder):
        if isinstance(found, str):
            problems.append(found)
        elif found.id in rules:
            other = rules[found.id].place
            problems.append(f'{found.place}: the id "{found.id}" is taken by {other}')
        else:
            rules[found.id] = found
    return list(rules.values()), [" ".join(each.split()) for each in problems]


def _found(folder: Path | None) -> Iterator[Rule | str]:
    """Each rule, and a sentence for each problem, in the order of files and lines."""
    yield from _rules(_BUILT_IN, (_SHIPPED / "builtin.cedar").read_text("utf-8"))
    if folder is None:
        return
    files = sorted(policy_files(folder))
    if not files:
        yield f"{folder}: there is no folder with .cedar files that can be read"
    for path in files:
        name = str(path.relative_to(folder))
        if not name.isprintable():
            yield f"{name!a}: the file's name must be printable UTF-8"
        elif path.parent != folder:
            yield f"{name}: policies in a subfolder are not read"
        else:
            try:
                if path.is_file():
                    with TextIOWrapper(BytesIO(read_file(path)), "utf-8-sig") as text:
                        yield from _rules(name, text.read())
                else:
                    yield f"{name}: this is not a file"
            except OSError as error:
                yield f"{name}: the file cannot be read: {error.strerror}"
            except UnicodeDecodeError:
                yield f"{name}: the file is not UTF-8"


def policy_files(folder: Path) -> Iterator[Path]:
    """Skips hidden names, as a shell does: editors and mounted volumes create them."""
    for pattern in ("*.cedar", "*/*.cedar"):
        for path in folder.glob(pattern):
            if not any(part.startswith(".") for part in path.relative_to(folder).parts):
                yield path


def _rules(name: str, text: str) -> Iterator[Rule | str]:
    for position, (line, policy) in enumerate(_split(text), start=1):
        place = f"{name}:{line}"
        if _is_too_complex(policy):
            yield (
                f"{place}: the policy is too long or nested too deeply: {MAX_LENGTH:,} characters,"
                f" {MAX_NESTING} brackets within each other and as many ifs at most"
            )
            continue
        try:
            parsed = json.loads(policies_to_json_str(policy))
        except (ValueError, RecursionError) as error:
            reason = "nested too deeply" if isinstance(error, RecursionError) else error
            yield f"{place}: the policy does not parse: {reason}"
            continue
        if parsed["templates"]:
            yield f"{place}: templates (?principal, ?resource) are not supported"
            continue
        validity = validate_policies(policy, schema())
        if not validity:
            # The engine's order varies.
            reasons = sorted(_ENGINE_PREFIX.sub("", each.error) for each in validity.errors)
            yield f"{place}: the policy is not valid: {'; '.join(reasons)}"
            continue
        (body,) = parsed["staticPolicies"].values()
        annotations = body.get("annotations", {})
        yield Rule(
            id=annotations.get("id") or f"{name}:{position}",
            place=place,
            text=policy,
            forbids=body["effect"] == "forbid",
            notice=annotations.get("notice"),
            tells_people_apart=_tells_people_apart(body),
            misspelt=tuple(dict.fromkeys(misspelt(body))),
        )


def _tells_people_apart(body: object) -> bool:
    """Whether a policy, in Cedar's JSON format, has the word ``email`` or names an entity that is
    neither a tenant nor an action. Nothing else in the schema differs between such people.
    """
    parts = [body]
    while parts:
        part = parts.pop()
        if part == "email":
            return True
        if isinstance(part, list):
            parts += part
        elif isinstance(part, dict):
            # In a record that a policy writes with these keys, each value is an expression.
            kind = part.get("type") if "id" in part else None
            if isinstance(kind, str) and kind not in _COMMON:
                return True
            parts += [*part, *part.values()]
    return False


def _is_too_complex(policy: str) -> bool:
    if len(policy) > MAX_LENGTH:
        return True
    depth = deepest = ifs = 0
    for mark in _NESTS.findall(policy):
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(mark, 0)
        deepest = max(deepest, depth)
        ifs += mark == "if"
    return deepest > MAX_NESTING or ifs > MAX_NESTING


def _split(text: str) -> Iterator[tuple[int, str]]:
    """Each policy's text with its first line number, which the engine does not give.

    A policy ends with ``;``, which otherwise occurs in strings and comments only.
    """
    start = None
    for token in _TOKEN.finditer(text):
        if token[0].startswith("//"):
            continue
        if start is None:
            start = token.start()
        if token[0] == ";":
            yield text.count("\n", 0, start) + 1, text[start : token.end()]
            start = None
    if start is not None:
        yield text.count("\n", 0, start) + 1, text[start:]
