"""What a new OpenAPI document takes away from the clients of an old one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

Json = Mapping[str, Any]
Way = Literal["sent", "received"]

METHODS = ("get", "put", "post", "delete", "patch", "head", "options")
UPPER = ("maxLength", "maximum", "maxItems", "maxProperties")
LOWER = ("minLength", "minimum", "minItems", "minProperties")
EXACT = ("pattern", "format", "const")


def narrowed(old: Json, new: Json) -> Iterator[str]:
    """One line for each thing that was promised and is gone, or asked for and was not."""
    for path, before in old["paths"].items():
        after = new["paths"].get(path, {})
        for method in METHODS:
            if method not in before:
                continue
            where = f"{method.upper()} {path}"
            if method in after:
                yield from _operation(where, _Pair(old, new), before[method], after[method])
            else:
                yield f"{where} is gone"


class _Pair:
    """The two documents, in which references are followed."""

    def __init__(self, old: Json, new: Json) -> None:
        self._documents = old, new

    def follow(self, which: int, found: Json) -> Json:
        while "$ref" in found:
            reference = found["$ref"]
            found = self._documents[which]
            for part in reference.removeprefix("#/").split("/"):
                found = found[part]
        return found


def _operation(where: str, pair: _Pair, before: Json, after: Json) -> Iterator[str]:
    if before.get("operationId") != after.get("operationId"):
        yield f"{where} has another operationId, by which clients name it"
    if not before.get("security") and after.get("security"):
        yield f"{where} asks for credentials now"
    yield from _parameters(where, pair, before, after)
    old_body, new_body = before.get("requestBody", {}), after.get("requestBody", {})
    if new_body.get("required") and not old_body.get("required"):
        yield f"{where} asks for a body now"
    yield from _content(f"{where}, body", pair, old_body, new_body, "sent")
    for status, answer in before["responses"].items():
        if status not in after["responses"]:
            yield f"{where}, answer {status} is gone"
            continue
        later = after["responses"][status]
        for header in answer.get("headers", {}).keys() - later.get("headers", {}).keys():
            yield f"{where}, answer {status}, header {header} is gone"
        yield from _content(f"{where}, answer {status}", pair, answer, later, "received")


def _parameters(where: str, pair: _Pair, before: Json, after: Json) -> Iterator[str]:
    asked = {(each["in"], each["name"]): each for each in before.get("parameters", [])}
    for parameter in after.get("parameters", []):
        known = asked.pop((parameter["in"], parameter["name"]), None)
        name = f"{where}, parameter {parameter['name']}"
        if parameter.get("required") and not (known or {}).get("required"):
            yield f"{name} is required now"
        if known:
            yield from _schema(name, pair, known["schema"], parameter["schema"], "sent")
    for _, name in asked:
        yield f"{where}, parameter {name} is gone"


def _content(where: str, pair: _Pair, before: Json, after: Json, way: Way) -> Iterator[str]:
    for media_type, content in before.get("content", {}).items():
        if media_type not in after.get("content", {}):
            yield f"{where}, {media_type} is gone"
            continue
        later = after["content"][media_type]
        yield from _schema(where, pair, content.get("schema", {}), later.get("schema", {}), way)


def _schema(where: str, pair: _Pair, before: Json, after: Json, way: Way) -> Iterator[str]:
    kinds = _kinds(pair, before, 0), _kinds(pair, after, 1)
    before, after = _flat(pair, before, 0), _flat(pair, after, 1)
    # What is sent must not be held to more than before; what is received must not promise less.
    tight, loose = (after, before) if way == "sent" else (before, after)
    missing = kinds[0] - kinds[1] if way == "sent" else kinds[1] - kinds[0]
    for kind in sorted(missing):
        yield f"{where} {'must not be' if way == 'sent' else 'may be'} {kind} now"
    for name in sorted(set(tight.get("required", ())) - set(loose.get("required", ()))):
        yield f"{where}, {name} {'is required now' if way == 'sent' else 'may be absent now'}"
    if "enum" in tight and way == "sent":
        for value in set(loose.get("enum", ["any other value"])) - set(tight["enum"]):
            yield f"{where} must not be {value} now"
    yield from _limits(where, tight, loose)
    if "items" in before and "items" in after:
        yield from _schema(f"{where}, each", pair, before["items"], after["items"], way)
    for name, known in before.get("properties", {}).items():
        if name in after.get("properties", {}):
            yield from _schema(f"{where}, {name}", pair, known, after["properties"][name], way)
        else:
            yield f"{where}, {name} is gone"


def _limits(where: str, tight: Json, loose: Json) -> Iterator[str]:
    for limit in EXACT:
        if limit in tight and tight[limit] != loose.get(limit):
            yield f"{where} has another {limit}"
    for limit in UPPER:
        if limit in tight and loose.get(limit, float("inf")) > tight[limit]:
            yield f"{where} has another {limit}"
    for limit in LOWER:
        if limit in tight and loose.get(limit, float("-inf")) < tight[limit]:
            yield f"{where} has another {limit}"


def _flat(pair: _Pair, schema: Json, which: int) -> Json:
    """The schema with its alternatives (a string or null, say) merged into one."""
    schema = pair.follow(which, schema)
    flat = dict(schema)
    for option in schema.get("anyOf", schema.get("oneOf", ())):
        flat |= _flat(pair, option, which)
    return flat


def _kinds(pair: _Pair, schema: Json, which: int) -> set[str]:
    """The JSON types that a schema lets through."""
    schema = pair.follow(which, schema)
    options = schema.get("anyOf", schema.get("oneOf"))
    if options is not None:
        return set().union(*(_kinds(pair, option, which) for option in options))
    later = schema.get("type", [])
    return {later} if isinstance(later, str) else set(later)
