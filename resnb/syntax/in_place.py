"""Which names' objects statements change in place, as far as their text tells.

Assignments to items and attributes are certain. Of methods only those count whose names say so; a
function that changes its argument is not seen.
"""

import ast
from collections.abc import Iterable, Iterator

from resnb.syntax.scoping import own_nodes

CHANGING_METHODS = frozenset({
    "add", "append", "appendleft", "clear", "compile", "discard", "drain", "extend", "extendleft",
    "fill", "fit", "fit_transform", "insert", "load_state_dict", "partial_fit", "pop", "popitem",
    "popleft", "put", "remove", "resize", "reverse", "rotate", "set_params", "setdefault", "sort",
    "train", "update",
})  # fmt: skip
"""Methods that change the object whose they are."""
_CHANGING_FIRST = frozenset({
    "delattr", "heapify", "heappop", "heappush", "heapreplace", "insort", "put", "setattr",
    "shuffle",
})  # fmt: skip


def changed_in_place(statements: Iterable[ast.stmt]) -> frozenset[str]:
    """The names whose objects `statements` change in place."""
    return frozenset(name for node in own_nodes(statements) for name in _changed_by(node))


def _changed_by(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Subscript() | ast.Attribute() if isinstance(node.ctx, ast.Store | ast.Del):
            yield from _root(node)
        case ast.Call(func=ast.Attribute(value=target, attr=method)):
            in_place = (one for one in node.keywords if one.arg == "inplace")
            asks = any(not _is_false(one.value) for one in in_place)
            if asks or method in CHANGING_METHODS:
                yield from _root(target)
            if method in _CHANGING_FIRST and node.args:
                yield from _root(node.args[0])
        case ast.Call(func=ast.Name(id=name), args=[first, *_]) if name in _CHANGING_FIRST:
            yield from _root(first)
        case _:
            pass


def _is_false(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and not value.value


def _root(node: ast.expr) -> Iterator[str]:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    if isinstance(node, ast.Name):
        yield node.id
