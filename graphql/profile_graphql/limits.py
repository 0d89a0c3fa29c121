"""Limits on a document, each fragment looked at once, so in time linear in its size."""

from __future__ import annotations

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
MAX_COMMENTS = 1_000
MAX_LENGTH = 512 * 1024  # code points; a picture written into a document takes 350,000
MAX_DEPTH = 10
MAX_ALIASES = 15
MAX_UPDATES = 1
UPDATE = "updateMyProfile"
# GraphiQL's own query goes deeper than the limit here.
NOT_COUNTED = frozenset({"__schema", "__type"})


@dataclass(slots=True)
class Size:
    """What a selection amounts to with its fragments spread out."""

    depth: int = 0
    aliases: int = 0
    updates: int = 0

    def add(self, other: Size, *, deeper: int = 0) -> None:
        self.depth = max(self.depth, other.depth + deeper)
        self.aliases += other.aliases
        self.updates += other.updates


def broken_limit(document: DocumentNode) -> str | None:
    """The limit that the document breaks, as a sentence; None when it keeps them all."""
    fragments = {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    measured: dict[str, Size] = {}
    aliases = 0
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            size = _measure(definition.selection_set, fragments, measured)
            aliases += size.aliases
            if size.depth > MAX_DEPTH:
                return f"An operation nests at most {MAX_DEPTH} fields deep."
            if size.updates > MAX_UPDATES:
                return f"An operation calls {UPDATE} at most once."
            if aliases > MAX_ALIASES:
                return f"A document has at most {MAX_ALIASES} aliases, fragments spread out."
    return None


def _measure(
    selections: SelectionSetNode,
    fragments: dict[str, FragmentDefinitionNode],
    measured: dict[str, Size],
) -> Size:
    size = Size()
    for selection in selections.selections:
        if isinstance(selection, FieldNode):
            field = Size(depth=1, aliases=selection.alias is not None)
            field.updates = selection.name.value == UPDATE
            if selection.selection_set:
                inner = _measure(selection.selection_set, fragments, measured)
                field.add(inner, deeper=0 if selection.name.value in NOT_COUNTED else 1)
                if selection.name.value in NOT_COUNTED:
                    field.depth = 1
            size.add(field)
        elif isinstance(selection, InlineFragmentNode):
            size.add(_measure(selection.selection_set, fragments, measured))
        elif isinstance(selection, FragmentSpreadNode):
            name = selection.name.value
            if name not in measured and name in fragments:
                measured[name] = Size()  # a fragment within itself counts as nothing
                measured[name] = _measure(fragments[name].selection_set, fragments, measured)
            size.add(measured.get(name, Size()))
    return size
