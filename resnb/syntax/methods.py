"""Extracting a function that a resource's body defines, so that it can be called by itself.

``find`` is called when set-up has not run, perhaps in another process. It may therefore use the
resource's parameters, names of the notebook, and what the body imports, defines or assigns as a
constant, but nothing else that set-up makes.
"""

import ast
from collections.abc import Collection, Sequence
from typing import NamedTuple

from resnb.syntax.reads import names_needed
from resnb.syntax.scoping import bound_names, local_names

METHODS = ("handle", "attach", "find", "ready")
"""The functions that a resource's body may define before its yield."""


class Method(NamedTuple):
    """A function of the body, with what it needs.

    Attributes:
        statements: its definition, preceded by the definitions that it uses.
        parameters: the resource's parameters that it uses.
        outer_names: the other names that it uses, of the notebook or built in.
        fault: why it cannot be called by itself; empty if it can.
    """

    statements: tuple[ast.stmt, ...] = ()
    parameters: frozenset[str] = frozenset()
    outer_names: frozenset[str] = frozenset()
    fault: str = ""


def methods_of(setup: Sequence[ast.stmt], parameters: Collection[str]) -> dict[str, Method]:
    """The methods that the top level of `setup` defines, by name.

    Args:
        setup: the statements before the yield.
        parameters: the names of the resource's parameters.
    """
    defined = [one.name for one in setup if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {name: _taken_out(setup, name, parameters) for name in METHODS if name in defined}


def _taken_out(setup: Sequence[ast.stmt], name: str, parameters: Collection[str]) -> Method:
    binders: dict[str, list[ast.stmt]] = {}
    for statement in setup:
        for bound in local_names([statement]):
            binders.setdefault(bound, []).append(statement)
    taken: list[ast.stmt] = []
    used: set[str] = set()
    outer: set[str] = set()
    todo = [name]
    while todo:
        needed = todo.pop()
        if needed not in binders:
            (used if needed in parameters else outer).add(needed)
            continue
        statement = binders[needed][0]
        if len(binders[needed]) > 1 or needed in parameters or not _is_known(statement):
            return Method(fault=f"{name} uses {needed!r}, which set-up makes")
        if statement not in taken:
            taken.append(statement)
            todo += names_needed([statement])
    order = {statement: place for place, statement in enumerate(setup)}
    statements = sorted(taken, key=order.__getitem__)
    return Method(tuple(statements), frozenset(used), frozenset(outer))


def _is_known(statement: ast.stmt) -> bool:
    """Whether `statement` always binds the same value and does nothing else."""
    if isinstance(statement, ast.Assign):
        return isinstance(statement.value, ast.Constant) and bool(bound_names([statement]))
    return isinstance(
        statement,
        ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef,
    )
