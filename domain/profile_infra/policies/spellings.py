"""Finding misspelt values in policies, where the schema of Cedar knows no more than text."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, Final

from profile_domain.profile import EDITABLE, AuthProvider

_COMPARISONS: Final = ("contains", "containsAll", "containsAny", "==", "!=")
# All values that these can have, by variable and attribute.
_KNOWN: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("context", "changes"): EDITABLE,
    ("principal", "auth_provider"): tuple(AuthProvider),
    ("resource", "auth_provider"): tuple(AuthProvider),
}


def misspelt(policy: dict[str, Any]) -> Iterator[str]:
    """A sentence for each text that is compared with what never has it.

    ``policy`` is in Cedar's JSON format. Only texts that stand in the comparison itself are judged.
    """
    nodes: list[Any] = [condition["body"] for condition in policy["conditions"]]
    while nodes:
        node = nodes.pop()
        if isinstance(node, list):
            nodes += reversed(node)
        elif isinstance(node, dict):
            nodes += reversed(node.values())
            for name in _COMPARISONS:
                if name in node:
                    yield from _compared(node[name])


def _compared(sides: Any) -> Iterator[str]:  # noqa: ANN401  # of JSON
    # A record may have a key of such a name.
    if not isinstance(sides, dict) or sides.keys() != {"left", "right"}:
        return
    for side, other in (("left", "right"), ("right", "left")):
        path = _path(sides[side])
        known = _KNOWN.get(path, ())
        for text in _texts(sides[other]) if known else ():
            if text not in known:
                (nearest,) = get_close_matches(text[:100], known, n=1, cutoff=0)
                shown = ascii(text[:100])
                yield f"{'.'.join(path)} never has {shown}; did you mean {nearest}?"


def _path(side: Any) -> tuple[str, str]:  # noqa: ANN401  # of JSON
    match side:
        case {".": {"left": {"Var": str(variable)}, "attr": str(attribute)}}:
            return variable, attribute
    return "", ""


def _texts(side: Any) -> Iterator[str]:  # noqa: ANN401  # of JSON
    match side:
        case {"Value": str(text)}:
            yield text
        case {"Set": list(elements)}:
            for element in elements:
                yield from _texts(element)
