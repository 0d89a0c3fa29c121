"""From a document's text to one that may be run: parsed, within limits, valid; remembered."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    Visitor,
    parse,
    specified_rules,
    validate,
    visit,
)

from profile_graphql.errors import RequestRefused, invalid_query
from profile_graphql.limits import MAX_COMMENTS, MAX_LENGTH, MAX_TOKENS, broken_limit
from profile_graphql.plans import NotPlanned, Plan

# A document with a picture written into it is long, and never comes twice.
REMEMBERED_LENGTH = 4_096
REMEMBERED = 256


@dataclass(frozen=True, slots=True)
class Document:
    """A document that may be run, and what its execution wants to know beforehand."""

    ast: DocumentNode
    operations: dict[str, OperationType]
    wants_image: bool
    plan: Plan | None = None

    def operation_type(self, name: str | None) -> OperationType:
        """The type of the operation to run. Raises RequestRefused when none is meant clearly."""
        if name is None and len(self.operations) == 1:
            return next(iter(self.operations.values()))
        if name is None or name not in self.operations:
            raise RequestRefused([invalid_query("operationName must name one operation.")])
        return self.operations[name]


class Documents:
    """Reads documents for one schema; those that are valid are read once per text."""

    def __init__(self, schema: GraphQLSchema, *, introspection: bool) -> None:
        self._schema = schema
        self._introspection = introspection
        self._rules = (
            specified_rules
            if introspection
            else (*specified_rules, NoSchemaIntrospectionCustomRule)
        )
        self._remembered: OrderedDict[str, Document] = OrderedDict()

    def read(self, text: str) -> Document:
        """Raises RequestRefused with an ``invalid_query`` for each thing wrong."""
        document = self._remembered.get(text)
        if document is not None:
            self._remembered.move_to_end(text)
            return document
        document = self._read(text)
        if len(text) <= REMEMBERED_LENGTH:
            document = self._planned(document)
            self._remembered[text] = document
            if len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)
        return document

    def _planned(self, document: Document) -> Document:
        try:
            return replace(document, plan=Plan(self._schema, document.ast))
        except NotPlanned:
            return document

    def _read(self, text: str) -> Document:
        try:
            ast = parse(
                text,
                max_lexical_tokens=MAX_TOKENS,
                max_comments=MAX_COMMENTS,
                max_source_length=MAX_LENGTH,
            )
            limit = broken_limit(ast)
            if limit:
                raise RequestRefused([invalid_query(limit)])
            errors = validate(
                self._schema, ast, self._rules, hide_suggestions=not self._introspection
            )
        except GraphQLError as error:
            errors = [error]
        except RecursionError:
            raise RequestRefused([invalid_query("The document nests too deeply.")]) from None
        if errors:
            raise RequestRefused([invalid_query(error.message, error) for error in errors])
        operations = {
            definition.name.value if definition.name else "": definition.operation
            for definition in ast.definitions
            if isinstance(definition, OperationDefinitionNode)
        }
        return Document(ast, operations, _mentions(ast, "avatarBase64"))


def _mentions(ast: DocumentNode, field: str) -> bool:
    found = False

    class Find(Visitor):
        def enter_field(self, node: FieldNode, *_: object) -> None:
            nonlocal found
            found = found or node.name.value == field

    visit(ast, Find())
    return found
