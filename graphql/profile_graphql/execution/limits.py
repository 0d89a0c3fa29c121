"""Limits on documents, checked in time linear in their size: each fragment is visited once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

MAX_TOKENS = 1_000
MAX_LENGTH = 512 * 1024  # code points; a picture as a literal takes 350,000
MAX_DEPTH = 10
MAX_ALIASES = 15
MAX_UPDATES = 1
MAX_REPEATS = 20
MAX_SELECTED = 20_000
MAX_ERRORS = 10
# Fields of an object in a variable: more than an input type has, and than errors are told.
MAX_INPUT_FIELDS = 100
UPDATE = "updateMyProfile"
# GraphiQL's introspection query is deeper than the limit.
NOT_COUNTED = frozenset({"__schema", "__type"})
# Fields of introspection that are lists, with upper bounds of their lengths in this schema.
LISTED = {"types": 64, "fields": 16, "args": 4, "inputFields": 8, "enumValues": 32}
MAX_ANSWERED = 1_000_000


@dataclass(slots=True)
class Size:
    """The size of a selection with its fragments expanded."""

    depth: int = 0
    aliases: int = 0
    updates: int = 0
    answered: int = 0  # an upper bound of the fields in the response

    def add(self, other: Size, *, deeper: int = 0, times: int = 1) -> None:
        self.depth = max(self.depth, other.depth + deeper)
        self.aliases += other.aliases
        self.updates += other.updates
        self.answered = min(self.answered + times * other.answered, 10**12)


def broken_limit(document: DocumentNode) -> str | None:
    """A sentence about the limit that the document exceeds, or None."""
    fragments = _fragments(document)
    measured: dict[str, Size] = {}
    aliases = answered = 0
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            size = _measure(definition.selection_set, fragments, measured)
            aliases += size.aliases
            answered += size.answered
            if answered > MAX_ANSWERED:
                return f"A document asks for at most {MAX_ANSWERED:,} fields of the schema."
            if size.depth > MAX_DEPTH:
                return f"An operation nests at most {MAX_DEPTH} fields deep."
            if size.updates > MAX_UPDATES:
                return f"An operation calls {UPDATE} at most once."
            if aliases > MAX_ALIASES:
                return f"A document has at most {MAX_ALIASES} aliases, fragments spread out."
    return None


def repeats_too_often(document: DocumentNode) -> str | None:
    """A sentence about the limit on repeated fields that the document exceeds, or None.

    graphql-core compares the fields of one response key in pairs. They are counted as they are
    merged (section 6.3.2), so the document must be valid otherwise. The number of visited fields
    has a limit too.
    """
    fragments = _fragments(document)
    selected = 0
    merged = [
        [definition.selection_set]
        for definition in document.definitions
        if isinstance(definition, OperationDefinitionNode)
    ]
    while merged:
        fields: dict[str, list[FieldNode]] = {}
        for field in _expanded(merged.pop(), fragments):
            fields.setdefault((field.alias or field.name).value, []).append(field)
        selected += sum(map(len, fields.values()))
        if selected > MAX_SELECTED:
            return f"A document selects at most {MAX_SELECTED:,} fields, fragments spread out."
        if any(len(same) > MAX_REPEATS for same in fields.values()):
            return f"A selection has one response key at most {MAX_REPEATS} times."
        merged += [
            inner
            for same in fields.values()
            if (inner := [field.selection_set for field in same if field.selection_set])
        ]
    return None


def _expanded(
    selections: list[SelectionSetNode], fragments: dict[str, FragmentDefinitionNode]
) -> Iterator[FieldNode]:
    """The fields of a selection; each fragment is expanded once (section 6.3.2)."""
    spread: set[str] = set()
    pending = list(selections)
    while pending:
        for selection in pending.pop().selections:
            if isinstance(selection, FieldNode):
                yield selection
            elif isinstance(selection, InlineFragmentNode):
                pending.append(selection.selection_set)
            elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in spread:
                spread.add(selection.name.value)
                pending.append(fragments[selection.name.value].selection_set)


def _fragments(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    return {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }


def _measure(
    selections: SelectionSetNode,
    fragments: dict[str, FragmentDefinitionNode],
    measured: dict[str, Size],
) -> Size:
    size = Size()
    for selection in selections.selections:
        if isinstance(selection, FieldNode):
            name = selection.name.value
            field = Size(depth=1, aliases=selection.alias is not None, answered=1)
            field.updates = name == UPDATE
            if selection.selection_set:
                inner = _measure(selection.selection_set, fragments, measured)
                field.add(inner, deeper=0 if name in NOT_COUNTED else 1, times=LISTED.get(name, 1))
                if name in NOT_COUNTED:
                    field.depth = 1
            size.add(field)
        elif isinstance(selection, InlineFragmentNode):
            size.add(_measure(selection.selection_set, fragments, measured))
        elif isinstance(selection, FragmentSpreadNode):
            name = selection.name.value
            if name not in measured and name in fragments:
                measured[name] = Size()  # a cycle counts as empty
                measured[name] = _measure(fragments[name].selection_set, fragments, measured)
            size.add(measured.get(name, Size()))
    return size
