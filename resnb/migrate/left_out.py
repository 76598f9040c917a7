"""Which calls and attributes of a program for Prefect ask for what resnb leaves out."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from resnb import unsupported


class Remark(NamedTuple):
    """Something in a program that resnb leaves out.

    Attributes:
        line: where, from 1.
        name: what.
        advice: what to do instead.
    """

    line: int
    name: str
    advice: str


def left_out(tree: ast.AST, known: Iterable[str] = ()) -> Iterator[Remark]:
    """Options, methods and attributes that are left out.

    Args:
        tree: the program.
        known: the names of flows that are made elsewhere.
    """
    flows = {*known, *flows_in(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _options(node, _table_of(node, flows))
            yield from _asked_of_context(node)
        if isinstance(node, ast.Attribute) and _last(node.value) in flows:
            yield from _attribute(node)


def _last(node: ast.AST | None) -> str:
    """The last name of ``a.b.c``, or of the function of a call."""
    if isinstance(node, ast.Call):
        return _last(node.func)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def flows_in(tree: ast.AST) -> Iterator[str]:
    """The names of the flows that a program makes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.With | ast.AsyncWith):
            for item in node.items:
                if _last(item.context_expr) == "Flow":
                    yield _last(item.optional_vars)
        elif isinstance(node, ast.Assign) and _last(node.value) == "Flow":
            yield from map(_last, node.targets)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any(
            _last(one) == "flow" for one in node.decorator_list
        ):
            yield node.name


def _table_of(node: ast.Call, flows: set[str]) -> Mapping[str, str]:
    """The options that are left out of what `node` calls."""
    name = _last(node.func)
    if name == "run" and isinstance(node.func, ast.Attribute) and _last(node.func.value) in flows:
        return unsupported.RUN_OPTIONS
    if name == "with_options":
        return {**unsupported.TASK_OPTIONS, **unsupported.FUNCTION_OPTIONS}
    return {
        "Flow": unsupported.FLOW_OPTIONS,
        "flow": unsupported.FUNCTION_OPTIONS,
        "task": unsupported.TASK_OPTIONS,
        "Task": unsupported.TASK_OPTIONS,
        "DaskExecutor": unsupported.EXECUTOR_OPTIONS,
    }.get(name, {})


def _options(node: ast.Call, table: Mapping[str, str]) -> Iterator[Remark]:
    for one in node.keywords:
        asks = not (isinstance(one.value, ast.Constant) and one.value.value in (None, False))
        if one.arg is not None and one.arg in table and asks:
            yield Remark(one.value.lineno, f"{_last(node.func)}({one.arg}=)", table[one.arg])


def _asked_of_context(node: ast.Call) -> Iterator[Remark]:
    is_get = isinstance(node.func, ast.Attribute) and node.func.attr == "get"
    if is_get and _last(node.func.value) == "context" and node.args:  # type: ignore[attr-defined]
        key = node.args[0]
        if isinstance(key, ast.Constant) and key.value in unsupported.CONTEXT:
            name = f"context.get({key.value!r})"
            yield Remark(node.lineno, name, unsupported.CONTEXT[str(key.value)])


def _attribute(node: ast.Attribute) -> Iterator[Remark]:
    table = unsupported.FLOW_METHODS
    if isinstance(node.ctx, ast.Store):
        table = unsupported.FLOW_OPTIONS
    if node.attr in table:
        yield Remark(node.lineno, f"flow.{node.attr}", table[node.attr])
