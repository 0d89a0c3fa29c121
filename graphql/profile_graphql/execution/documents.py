"""From a document's text to one that may be run: parsed, within limits, valid; remembered."""

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

# A document with a picture written into it is long, and never comes twice.
MAX_CACHED_LENGTH = 4_096
MAX_CACHED_BYTES = 24 * 1024 * 1024
# At most, as the tests measure it: of a document, of each token, of what is planned.
_BYTES = 8_192
_BYTES_OF_TOKEN = 600
_BYTES_OF_FIELD = 1_000
_BYTES_OF_SELECTED = 24


@dataclass(frozen=True, slots=True)
class Document:
    """A document that may be run, and what its execution wants to know beforehand."""

    ast: DocumentNode
    operations: dict[str, OperationType]
    wants_image: bool
    wants_editable: bool
    conditions: frozenset[str] = frozenset()  # the variables that decide on a selection
    plan: Plan | None = None

    def refuse_null_conditions(self, variables: Mapping[str, object]) -> None:
        """Raises RequestRefused for a null that decides on a selection.

        It is valid where the variable has a default (section 5.8.5), and an error only when the
        selection is looked at: beneath an update that is stored by then.
        """
        for name in sorted(self.conditions):
            if name in variables and variables[name] is None:
                raise RequestRefused([invalid_query(f"Variable '${name}' must not be null here.")])

    @property
    def cost(self) -> int:
        """The bytes that it takes in memory at most, its text aside."""
        cost = _BYTES + _BYTES_OF_TOKEN * self.ast.token_count
        if self.plan is not None:
            cost += _BYTES_OF_FIELD * self.plan.fields + _BYTES_OF_SELECTED * self.plan.selected
        return cost

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
        self._names = HiddenNames(schema)
        self._rules = tuple(
            rule for rule in specified_rules if rule is not OverlappingFieldsCanBeMergedRule
        )
        if not introspection:
            self._rules += (NoSchemaIntrospectionCustomRule,)
        self._cache: OrderedDict[str, tuple[Document, int]] = OrderedDict()
        self.cached_bytes = 0

    def read(self, text: str) -> Document:
        """Raises RequestRefused with an ``invalid_query`` for each thing wrong."""
        remembered = self._cache.get(text)
        if remembered is not None:
            self._cache.move_to_end(text)
            return remembered[0]
        document = self._read(text)
        if len(text) <= MAX_CACHED_LENGTH:
            document = self._planned(document)
            self._add_to_cache(text, document)
        return document

    def _add_to_cache(self, text: str, document: Document) -> None:
        # The text is the key, and most of it stands in the tokens' values too.
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
        errors = errors[:MAX_ERRORS]  # the last of too many says only that there are more
        entries = invalid_queries(text, errors)
        if not self._introspection:
            for each in entries:
                details = each["extensions"]["details"]
                details["explanation"] = self._names.hide(details["explanation"], ast)
        raise RequestRefused(entries)


class _UnlocatedSource(Source):
    """A text whose errors know their positions only.

    graphql-core looks for the line of each error that it makes, from the text's beginning: for an
    error with one position here, for one with several in what ``body`` is then.
    """

    def get_location(self, position: int) -> SourceLocation:
        return SourceLocation(1, position + 1)


class _LeanParser(Parser):
    """Its nodes know where they begin, but do not hold the tokens, two thirds of a document."""

    def loc(self, start_token: Token) -> Location:
        place = Location.__new__(Location)
        place.start = start_token.start
        place.end = self._lexer.last_token.end
        place.source = self._lexer.source
        return place


def _parse(source: Source) -> DocumentNode:
    """Raises GraphQLSyntaxError, and RecursionError for what nests too deeply."""
    return _LeanParser(
        source,
        lexer=QuickLexer(source),
        max_lexical_tokens=MAX_TOKENS,
        max_source_length=MAX_LENGTH,
    ).parse_document()


class _Selected(Visitor):
    """The names of all fields that a document selects, and of variables that decide on some."""

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
