"""Finds collections in the code that can grow: by their construction, or by insertions."""

import ast
from collections.abc import Iterable, Iterator

# What makes something that can grow, by the last part of its name.
MAKERS = {
    "dict", "list", "set", "bytearray", "OrderedDict", "defaultdict", "deque", "Counter", "ChainMap",
    "WeakValueDictionary", "WeakKeyDictionary", "WeakSet", "Queue", "LifoQueue", "PriorityQueue",
    "SimpleQueue", "ThreadPoolExecutor", "ProcessPoolExecutor", "lru_cache", "cache", "TTLCache",
    "LRUCache",
}  # fmt: skip
METHODS = {
    "append", "appendleft", "extend", "insert", "add", "update", "setdefault", "put", "put_nowait",
}  # fmt: skip
LITERALS = (ast.Dict, ast.List, ast.Set, ast.DictComp, ast.ListComp, ast.SetComp)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SCOPES = (*FUNCTIONS, ast.Lambda, ast.ClassDef)


def growing(code: str) -> set[str]:
    """``name``, ``Class.attribute``, ``function.variable`` of one that functions within it keep,
    and functions and methods that remember results.

    A table that is written once where it stands, and never added to, cannot grow.
    """
    module = ast.parse(code)
    found = _in_scope(module, "", _assigned(_own(module)))
    for each in ast.walk(module):
        if isinstance(each, ast.ClassDef):
            of_instances = [pair for pair in _assigned(ast.walk(each)) if _is_attribute(pair[0])]
            found |= _in_scope(each, f"{each.name}.", [*_assigned(_own(each)), *of_instances])
        elif isinstance(each, FUNCTIONS):
            kept = {name for name in _made_in(each) if name in _used_within(each)}
            found |= {f"{each.name}.{name}" for name in kept}
    return found


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """What is in it, but not in functions and classes within it."""
    for each in ast.iter_child_nodes(scope):
        if not isinstance(each, SCOPES):
            yield each
            yield from _own(each)


def _made_in(function: ast.AST) -> set[str]:
    return {_last_name(target) for target, value in _assigned(_own(function)) if _makes(value)}


def _used_within(function: ast.AST) -> set[str]:
    within = (
        each for each in ast.walk(function) if isinstance(each, SCOPES) and each is not function
    )
    return {node.id for each in within for node in ast.walk(each) if isinstance(node, ast.Name)}


def _in_scope(
    scope: ast.Module | ast.ClassDef, prefix: str, assigned: Iterable[tuple[ast.expr, ast.expr]]
) -> set[str]:
    added_to = {_last_name(each) for each in _added_to(scope)}
    remembering = {
        each.name
        for each in scope.body
        if isinstance(each, FUNCTIONS) and any(map(_is_maker, each.decorator_list))
        if ast.unparse(each.args)  # without arguments there is one result
    }
    made = {
        _last_name(target)
        for target, value in assigned
        if _makes(value) or (isinstance(value, LITERALS) and _last_name(target) in added_to)
    }
    return {prefix + name for name in remembering | made}


def _makes(value: ast.expr) -> bool:
    """Whether it is empty, a queue, a pool or a memory; for each instance of a dataclass too."""
    match value:
        case ast.Dict(keys=[]) | ast.List(elts=[]):
            return True
        case ast.Call(called, arguments, keywords):
            full = arguments and _last_name(called) in {"dict", "list", "set", "Counter"}
            factories = [each.value for each in keywords if each.arg == "default_factory"]
            return (_is_maker(called) and not full) or any(map(_is_maker, factories))
        case ast.IfExp(_, one, other) | ast.BoolOp(_, [one, other]):
            return _makes(one) or _makes(other)
    return False


def _is_maker(node: ast.expr) -> bool:
    return _last_name(node) in MAKERS


def _assigned(nodes: Iterable[ast.AST]) -> Iterator[tuple[ast.expr, ast.expr]]:
    for node in nodes:
        match node:
            case ast.Assign(targets, value):
                yield from ((target, value) for target in targets)
            case ast.AnnAssign(target, _, value) if value is not None:
                yield target, value


def _added_to(scope: ast.AST) -> Iterator[ast.expr]:
    """What functions put something into; what a module does by itself, it does once."""
    functions = (each for each in ast.walk(scope) if isinstance(each, FUNCTIONS))
    for node in (inner for function in functions for inner in ast.walk(function)):
        match node:
            case ast.Subscript(kept, ctx=ast.Store()) | ast.AugAssign(kept):
                yield kept
            case ast.Call(ast.Attribute(kept, method)) if method in METHODS:
                yield kept
            case ast.Call(called, [kept, *_]) if _last_name(called) in {"heappush", "insort"}:
                yield kept


def _is_attribute(target: ast.expr) -> bool:
    return isinstance(target, ast.Attribute) and _last_name(target.value) in {"self", "cls"}


def _last_name(node: ast.expr) -> str:
    match node:
        case ast.Name(name) | ast.Attribute(_, name):
            return name
        case ast.Call(called) | ast.Subscript(called):
            return _last_name(called)
    return ""
