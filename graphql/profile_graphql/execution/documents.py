"""Parsing and validating documents, with limits and a cache."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from sys import getsizeof

from graphql import (
    ASTValidationRule,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    Location,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    OverlappingFieldsCanBeMergedRule,
    Source,
    SourceLocation,
    Token,
    VariableNode,
    Visitor,
    specified_rules,
    validate,
    visit,
)
from graphql.language.parser import Parser

from profile_graphql.errors import RequestRefused, invalid_queries, invalid_query
from profile_graphql.execution.hiding import HiddenNames
from profile_graphql.execution.lexer import QuickLexer
from profile_graphql.execution.limits import (
    MAX_ERRORS,
    MAX_LENGTH,
    MAX_TOKENS,
    broken_limit,
    repeats_too_often,
)
from profile_graphql.execution.plans import NotPlanned, Plan

# Longer documents have a picture as a literal, and are not repeated.
MAX_CACHED_LENGTH = 4_096
MAX_CACHED_BYTES = 24 * 1024 * 1024
# Upper bounds of memory, measured by tests: per document, token, planned field, selection.
_BYTES = 8_192
_BYTES_OF_TOKEN = 600
_BYTES_OF_FIELD = 1_000
_BYTES_OF_SELECTED = 24


@dataclass(frozen=True, slots=True)
class Document:
    """A valid document, with what is known about its execution in advance."""

    ast: DocumentNode
    operations: dict[str, OperationType]
    wants_image: bool
    wants_editable: bool
    conditions: frozenset[str] = frozenset()  # the variables of @skip and @include
    plan: Plan | None = None

    def refuse_null_conditions(self, variables: Mapping[str, object]) -> None:
        """Raises RequestRefused for a null variable of ``@skip`` or ``@include``.

        It is valid if the variable has a default (section 5.8.5), and would fail during execution:
        under a mutation, after the update was stored.
        """
        for name in sorted(self.conditions):
            if name in variables and variables[name] is None:
                raise RequestRefused([invalid_query(f"Variable '${name}' must not be null here.")])

    @property
    def cost(self) -> int:
        """An upper bound of its memory in bytes, without its text."""
        cost = _BYTES + _BYTES_OF_TOKEN * self.ast.token_count
        if self.plan is not None:
            cost += _BYTES_OF_FIELD * self.plan.fields + _BYTES_OF_SELECTED * self.plan.selected
        return cost

    def operation_type(self, name: str | None) -> OperationType:
        """The type of the operation to execute. Raises RequestRefused if it is not clear which."""
        if name is None and len(self.operations) == 1:
            return next(iter(self.operations.values()))
        if name is None or name not in self.operations:
            raise RequestRefused([invalid_query("operationName must name one operation.")])
        return self.operations[name]


class Documents:
    """Parses and validates documents of one schema; valid ones are cached by their text."""

    def __init__(self, schema: GraphQLSchema, *, introspection: bool) -> None:
        self._schema = schema
        self._introspection = introspection
        self._names = HiddenNames(schema)
        self._rules = tuple(
            rule for rule in specified_rules if rule is not OverlappingFieldsCanBeMergedRule
        )
        if not introspection:
            self._rules += (NoSchemaIntrospectionCustomRule,)
        self._cache: OrderedDict[str, tuple[Document, int]] = OrderedDict()
        self.cached_bytes = 0

    def read(self, text: str) -> Document:
        """The valid document. Raises RequestRefused with an ``invalid_query`` for each error."""
        cached = self._cache.get(text)
        if cached is not None:
            self._cache.move_to_end(text)
            return cached[0]
        document = self._read(text)
        if len(text) <= MAX_CACHED_LENGTH:
            document = self._planned(document)
            self._add_to_cache(text, document)
        return document

    def _add_to_cache(self, text: str, document: Document) -> None:
        # The text is the key, and its tokens hold most of it again.
        size = document.cost + 2 * getsizeof(text)
        self._cache[text] = document, size
        self.cached_bytes += size
        while self.cached_bytes > MAX_CACHED_BYTES:
            _, (_, freed) = self._cache.popitem(last=False)
            self.cached_bytes -= freed

    def _planned(self, document: Document) -> Document:
        try:
            plan = Plan(self._schema, document.ast, hide_suggestions=not self._introspection)
            return replace(document, plan=plan)
        except NotPlanned:
            return document

    def _read(self, text: str) -> Document:
        source = _UnlocatedSource(text)
        try:
            ast = _parse(source)
            broken = broken_limit(ast)
        except GraphQLError as error:
            raise RequestRefused(invalid_queries(text, [error])) from None
        except RecursionError:
            raise RequestRefused([invalid_query("The document nests too deeply.")]) from None
        source.body = ""
        if broken:
            raise RequestRefused([invalid_query(broken)])
        self._refuse_invalid(text, ast, self._rules)
        repeated = repeats_too_often(ast)
        if repeated:
            raise RequestRefused([invalid_query(repeated)])
        self._refuse_invalid(text, ast, [OverlappingFieldsCanBeMergedRule])
        operations = {
            definition.name.value if definition.name else "": definition.operation
            for definition in ast.definitions
            if isinstance(definition, OperationDefinitionNode)
        }
        selected = _Selected(ast)
        return Document(
            ast,
            operations,
            wants_image="avatarBase64" in selected.names,
            wants_editable="editableFields" in selected.names,
            conditions=selected.conditions,
        )

    def _refuse_invalid(
        self, text: str, ast: DocumentNode, rules: Collection[type[ASTValidationRule]]
    ) -> None:
        errors = validate(
            self._schema,
            ast,
            rules,
            max_errors=MAX_ERRORS,
            hide_suggestions=not self._introspection,
        )
        if not errors:
            return
        errors = errors[:MAX_ERRORS]  # graphql-core adds one that says that there are more
        entries = invalid_queries(text, errors)
        if not self._introspection:
            for each in entries:
                details = each["extensions"]["details"]
                details["explanation"] = self._names.hide(details["explanation"], ast)
        raise RequestRefused(entries)


class _UnlocatedSource(Source):
    """A source whose errors have positions but no lines.

    graphql-core finds the line of each error by a scan from the start of the source: by
    ``get_location``, or, for several positions, in ``body``, which is emptied after parsing.
    """

    def get_location(self, position: int) -> SourceLocation:
        return SourceLocation(1, position + 1)


class _LeanParser(Parser):
    """Its nodes have positions but do not hold tokens, which are two thirds of a document."""

    def loc(self, start_token: Token) -> Location:
        place = Location.__new__(Location)
        place.start = start_token.start
        place.end = self._lexer.last_token.end
        place.source = self._lexer.source
        return place


def _parse(source: Source) -> DocumentNode:
    """Raises GraphQLSyntaxError, or RecursionError for too deep nesting."""
    return _LeanParser(
        source,
        lexer=QuickLexer(source),
        max_lexical_tokens=MAX_TOKENS,
        max_source_length=MAX_LENGTH,
    ).parse_document()


class _Selected(Visitor):
    """The names of all selected fields, and of all variables in directives."""

    def __init__(self, ast: DocumentNode) -> None:
        super().__init__()
        self.names: frozenset[str] = frozenset()
        self.conditions: frozenset[str] = frozenset()
        visit(ast, self)

    def enter_directive(self, node: DirectiveNode, *_: object) -> None:
        self.conditions |= {
            argument.value.name.value
            for argument in node.arguments or ()
            if isinstance(argument.value, VariableNode)
        }

    def enter_field(self, node: FieldNode, *_: object) -> None:
        self.names |= {node.name.value}
