"""Execution plans: the work that is the same for each execution of an operation, done once.

graphql-core collects fields and looks up types in each execution; a plan does it when the document
is read. The semantics are those of section 6 of the GraphQL specification; a test compares the
responses with graphql-core's, which executes everything that is not planned (directives,
introspection, several operations).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    Undefined,
    get_argument_values,
    get_nullable_type,
    get_variable_values,
    is_leaf_type,
    located_error,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

from profile_graphql.execution.limits import MAX_ERRORS

Path = tuple[str | int, ...]
Complete = Callable[[Any, "Run", Path], Any]


class NotPlanned(Exception):
    """The operation must be executed by graphql-core."""


@dataclass(slots=True)
class Run:
    """One execution of a plan. Resolvers get it as their info, of which they use ``context``."""

    context: Any
    variables: Any
    errors: list[GraphQLError]


class Located(Exception):
    """An error that propagates to the nearest nullable field."""

    def __init__(self, error: GraphQLError) -> None:
        super().__init__()
        self.error = error


@dataclass(slots=True)
class PlannedField:
    """One field of one type: its resolver, and how its value is completed.

    ``attribute`` is set for a leaf that is an attribute of its source: there is nothing to await.
    """

    key: str
    definition: GraphQLField
    nodes: list[FieldNode]
    complete: Complete
    attribute: str | None

    def value_of(self, attribute: str, source: Any, run: Run, path: Path) -> Any:
        """The completed value of the attribute."""
        try:
            return self.complete(getattr(source, attribute), run, path)
        except Exception as cause:  # noqa: BLE001  # section 6.4.4: a field error is part of the response
            return self._failed(cause, run, (*path, self.key))

    def value(self, source: Any, run: Run, path: Path) -> Any:
        """The completed value, or an awaitable of it."""
        path = (*path, self.key)
        definition = self.definition
        try:
            arguments = (
                get_argument_values(definition, self.nodes[0], run.variables)
                if definition.args
                else {}
            )
            found = definition.resolve(source, run, **arguments)  # type: ignore[misc]  # checked when planned
            if not _is_awaitable(found):
                result = self.complete(found, run, path)
                if not _is_awaitable(result):
                    return result
                return self._later(result, lambda ready, *_: ready, run, path)
        except Exception as cause:  # noqa: BLE001  # as above
            return self._failed(cause, run, path)
        return self._later(found, self.complete, run, path)

    async def _later(self, value: Awaitable[Any], complete: Complete, run: Run, path: Path) -> Any:
        try:
            result = complete(await value, run, path)
            return await result if _is_awaitable(result) else result
        except Exception as cause:  # noqa: BLE001  # as above
            return self._failed(cause, run, path)

    def _failed(self, cause: Exception, run: Run, path: Path) -> None:
        error = (
            cause.error if isinstance(cause, Located) else located_error(cause, self.nodes, path)
        )
        if isinstance(self.definition.type, GraphQLNonNull):
            raise Located(error)
        run.errors.append(error)


class Plan:
    """A planned operation. Raises NotPlanned if graphql-core must execute it.

    ``fields`` is the number of planned fields, ``selected`` that of field nodes in the document
    with fragments expanded.
    """

    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, *, hide_suggestions: bool = False
    ) -> None:
        operations = [
            each for each in document.definitions if isinstance(each, OperationDefinitionNode)
        ]
        if len(operations) != 1 or operations[0].directives:
            raise NotPlanned
        (self._operation,) = operations
        root = schema.get_root_type(self._operation.operation)
        if root is None or self._operation.operation is OperationType.SUBSCRIPTION:
            raise NotPlanned
        self._schema = schema
        self._hide_suggestions = hide_suggestions
        planner = _Planner(schema, document)
        self._root = planner.object(root, [self._operation.selection_set])
        self.fields = planner.fields
        self.selected = planner.selected

    async def run(self, context: Any, variables: dict[str, Any]) -> ExecutionResult:
        coerced = get_variable_values(
            self._schema,
            self._operation.variable_definitions or (),
            variables,
            max_errors=MAX_ERRORS,
            hide_suggestions=self._hide_suggestions,
        )
        if isinstance(coerced, list):
            return ExecutionResult(None, coerced)
        run = Run(context, coerced, [])
        try:
            data = await self._root(None, run, ())
        except Located as located:
            run.errors.append(located.error)
            data = None
        return ExecutionResult(data, run.errors or None)


@dataclass(slots=True)
class _Planner:
    schema: GraphQLSchema
    document: DocumentNode
    fields: int = 0
    selected: int = 0

    def object(
        self, kind: GraphQLObjectType, selections: Iterable[SelectionSetNode]
    ) -> Callable[[Any, Run, Path], Awaitable[dict[str, Any]]]:
        """The executor of a selection. Fields run serially (as section 6.2.2 says of mutations)."""
        nodes: dict[str, list[FieldNode]] = {}
        spread: set[str] = set()
        for selection in selections:
            self._collect(kind, selection, nodes, spread)
        names: dict[str, str] = {}
        fields: dict[str, PlannedField] = {}
        self.fields += len(nodes)
        self.selected += sum(map(len, nodes.values()))
        for key, same in nodes.items():
            name = same[0].name.value
            if name == "__typename":
                names[key] = kind.name
            elif name.startswith("__"):
                raise NotPlanned
            else:
                definition = kind.fields[name]
                if definition.resolve is None:
                    raise NotPlanned
                complete = self.output(definition.type, same)
                fields[key] = PlannedField(
                    key, definition, same, complete, _attribute_of(definition)
                )
        order = list(nodes)

        async def execute(source: Any, run: Run, path: Path) -> dict[str, Any]:
            result: dict[str, Any] = {}
            for key in order:
                if key in names:
                    result[key] = names[key]
                elif (attribute := (field := fields[key]).attribute) is not None:
                    result[key] = field.value_of(attribute, source, run, path)
                else:
                    value = field.value(source, run, path)
                    result[key] = await value if _is_awaitable(value) else value
            return result

        return execute

    def output(self, kind: GraphQLOutputType, nodes: list[FieldNode]) -> Complete:
        """How a value of a type is completed (section 6.4.3)."""
        if isinstance(kind, GraphQLNonNull):
            return self._non_null(self.output(kind.of_type, nodes))
        if isinstance(kind, GraphQLList):
            return self._list(
                self.output(kind.of_type, nodes),
                nullable=not isinstance(kind.of_type, GraphQLNonNull),
            )
        if isinstance(kind, (GraphQLScalarType, GraphQLEnumType)):
            return _leaf(kind)
        selections = [node.selection_set for node in nodes if node.selection_set]
        if isinstance(kind, GraphQLObjectType):
            return _unless_null(self.object(kind, selections))
        if isinstance(kind, GraphQLUnionType):
            return self._union(kind, selections)
        raise NotPlanned

    def _non_null(self, complete: Complete) -> Complete:
        def non_null(value: Any, run: Run, path: Path) -> Any:
            if value is None:
                raise TypeError("a field that cannot be null has no value")
            return complete(value, run, path)

        return non_null

    def _list(self, complete: Complete, *, nullable: bool) -> Complete:
        if nullable:
            raise NotPlanned  # a failed item would be null; the schema has no such list

        async def items(value: Any, run: Run, path: Path) -> list[Any]:
            result = []
            for at, item in enumerate(value):
                each = complete(item, run, (*path, at))
                result.append(await each if _is_awaitable(each) else each)
            return result

        return _unless_null(items)

    def _union(self, kind: GraphQLUnionType, selections: list[SelectionSetNode]) -> Complete:
        members = {
            each.extensions[GraphQLCoreConverter.DEFINITION_BACKREF].origin: self.object(
                each, selections
            )
            for each in kind.types
        }

        def member(value: Any, run: Run, path: Path) -> Any:
            return members[type(value)](value, run, path)

        return _unless_null(member)

    def _collect(
        self,
        kind: GraphQLObjectType,
        selections: SelectionSetNode,
        into: dict[str, list[FieldNode]],
        spread: set[str],
    ) -> None:
        """Section 6.3.2; each fragment is expanded once, so in linear time."""
        for selection in selections.selections:
            if selection.directives:
                raise NotPlanned
            if isinstance(selection, FieldNode):
                key = (selection.alias or selection.name).value
                into.setdefault(key, []).append(selection)
                continue
            fragment: InlineFragmentNode | FragmentDefinitionNode
            if isinstance(selection, FragmentSpreadNode):
                if selection.name.value in spread:
                    continue
                spread.add(selection.name.value)
                fragment = self._fragment(selection.name.value)
            elif isinstance(selection, InlineFragmentNode):
                fragment = selection
            condition = fragment.type_condition.name.value if fragment.type_condition else kind.name
            applies = condition == kind.name
            if not applies and not isinstance(self.schema.get_type(condition), GraphQLObjectType):
                raise NotPlanned  # a fragment on a union or an interface
            if applies:
                self._collect(kind, fragment.selection_set, into, spread)

    def _fragment(self, name: str) -> FragmentDefinitionNode:
        return next(
            each
            for each in self.document.definitions
            if isinstance(each, FragmentDefinitionNode) and each.name.value == name
        )


def _attribute_of(definition: GraphQLField) -> str | None:
    """The attribute that is the field's value, of a leaf without a resolver of its own."""
    field: StrawberryField = definition.extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
    basic = field.is_basic_field and is_leaf_type(get_nullable_type(definition.type))
    return field.python_name if basic else None


def _is_awaitable(value: object) -> bool:
    """Like inspect.isawaitable, but without generators, at a sixth of the cost."""
    return hasattr(value, "__await__")


def _leaf(kind: GraphQLScalarType | GraphQLEnumType) -> Complete:
    coerce = kind.coerce_output_value

    def leaf(value: Any, _run: Run, _path: Path) -> Any:
        if value is None:
            return None
        result = coerce(value)
        if result is None or result is Undefined:
            raise TypeError("a value is not of its type")
        return result

    return leaf


def _unless_null(complete: Complete) -> Complete:
    def nullable(value: Any, run: Run, path: Path) -> Any:
        return None if value is None else complete(value, run, path)

    return nullable
