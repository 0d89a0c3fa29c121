"""Removing schema names from validation messages, where introspection is off."""

from __future__ import annotations

import re

from graphql import (
    DocumentNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    NameNode,
    Visitor,
    specified_scalar_types,
    visit,
)

_SUGGESTION = re.compile(" Did you mean .*", re.DOTALL)
_NAME = re.compile(r"(['.(]?)([_0-9A-Za-z]++)")


class HiddenNames:
    """The names of a schema; a client may see those that its document contains."""

    def __init__(self, schema: GraphQLSchema) -> None:
        names = set(schema.type_map)
        for kind in schema.type_map.values():
            if isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType)):
                names |= kind.fields.keys()
                names |= {name for field in kind.fields.values() for name in field.args}
            elif isinstance(kind, GraphQLInputObjectType):
                names |= kind.fields.keys()
            elif isinstance(kind, GraphQLEnumType):
                names |= kind.values.keys()
        self._names = frozenset(names - specified_scalar_types.keys())

    def hide(self, message: str, document: DocumentNode) -> str:
        """A message of graphql-core without suggestions and without names that are not sent."""
        hidden = self._names - _Names(document).sent

        def unless_hidden(word: re.Match[str]) -> str:
            before, name = word.groups()
            # English words are in lower case, and do not follow one of these marks.
            is_a_name = before or not name.islower()
            return f"{before}…" if is_a_name and name in hidden else word[0]

        return _NAME.sub(unless_hidden, _SUGGESTION.sub("", message))


class _Names(Visitor):
    def __init__(self, document: DocumentNode) -> None:
        super().__init__()
        self.sent: frozenset[str] = frozenset()
        visit(document, self)

    def enter_name(self, node: NameNode, *_: object) -> None:
        self.sent |= {node.value}
