"""Which names of resources statements take for the value, where they mean the definition."""

import ast
from collections.abc import Collection, Iterable

_OF_DEFINITIONS = frozenset({"options", "map", "open"})
"""What is asked of a definition."""


def taken_as_values(statements: Iterable[ast.stmt], names: Collection[str]) -> frozenset[str]:
    """Those of `names` that `statements` use other than as ``Db(...)`` or ``Db.options(...)``.

    Functions inside count, whatever their own variables are called.
    """
    found: set[str] = set()
    left: list[ast.AST] = list(statements)
    while left:
        node = left.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names:
            found.add(node.id)
        left += (one for one in ast.iter_child_nodes(node) if not _is_definition(node, one))
    return frozenset(found)


def _is_definition(parent: ast.AST, node: ast.AST) -> bool:
    """Whether `node` is a name that stands where a definition does."""
    if not isinstance(node, ast.Name):
        return False
    if isinstance(parent, ast.Attribute):
        return parent.attr in _OF_DEFINITIONS
    return isinstance(parent, ast.Call) and parent.func is node
