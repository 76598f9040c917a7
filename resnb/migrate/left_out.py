"""Which calls and attributes of a program for Prefect ask for what resnb leaves out."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from resnb import unsupported
from resnb.migrate.names import is_renamed

_TABLES: Mapping[str, Mapping[str, str]] = {
    "prefect.signals": unsupported.SIGNALS,
    "prefect.engine.signals": unsupported.SIGNALS,
    "prefect.triggers": unsupported.TRIGGERS,
    "prefect.engine.state": unsupported.STATES,
    "prefect.states": unsupported.STATES,
    "prefect.context": unsupported.CONTEXT,
}


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


def left_out(tree: ast.AST, flows: frozenset[str], names: Mapping[str, str]) -> Iterator[Remark]:
    """Options, methods and attributes that are left out.

    Args:
        tree: the program.
        flows: the names of flows.
        names: other names, and what of Prefect they stand for.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _options(node, _table_of(node, flows, names))
            yield from _asked_of_context(node)
            yield from _imported_by_name(node)
        if isinstance(node, ast.Attribute) and _last(node.value) in {*flows, "Flow"}:
            yield from _attribute(node)
    yield from _of_modules(tree, names)


def _last(node: ast.AST | None) -> str:
    """The last name of ``a.b.c``, or of the function of a call."""
    if isinstance(node, ast.Call):
        return _last(node.func)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _called(node: ast.AST | None, names: Mapping[str, str]) -> str:
    """The last name of Prefect's for `node`, which a program may call otherwise."""
    found = node.func if isinstance(node, ast.Call) else node
    local = found.id if isinstance(found, ast.Name) else ""
    return names[local].rpartition(".")[2] if local in names else _last(node)


def flows_in(tree: ast.AST) -> Iterator[str]:
    """The names of the flows that a program makes."""
    names = dict(imported_names(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.With | ast.AsyncWith):
            for item in node.items:
                if _called(item.context_expr, names) == "Flow":
                    yield _last(item.optional_vars)
        elif isinstance(node, ast.Assign) and _called(node.value, names) == "Flow":
            yield from map(_last, node.targets)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any(
            _called(one, names) == "flow" for one in node.decorator_list
        ):
            yield node.name


def _table_of(node: ast.Call, flows: frozenset[str], names: Mapping[str, str]) -> Mapping[str, str]:
    """The options that are left out of what `node` calls."""
    name = _called(node.func, names)
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
    if table is unsupported.FLOW_OPTIONS and _asks(node.args[1:2]):
        yield Remark(node.args[1].lineno, f"{_last(node.func)}(schedule=)", table["schedule"])
    for one in node.keywords:
        if one.arg is not None and one.arg in table and _asks([one.value]):
            yield Remark(one.value.lineno, f"{_last(node.func)}({one.arg}=)", table[one.arg])


def _asks(values: Sequence[ast.expr]) -> bool:
    """Whether one of `values` asks for something."""
    return any(
        not (isinstance(one, ast.Constant) and unsupported.asks_nothing(one.value))
        for one in values
    )


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


def imported_names(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """The names that a program binds to something of Prefect, each with what it stands for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found = {one.asname: one.name for one in node.names if one.asname}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found = {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
        else:
            continue
        yield from (pair for pair in found.items() if pair[1].partition(".")[0] == "prefect")


def _of_modules(tree: ast.AST, names: Mapping[str, str]) -> Iterator[Remark]:
    """What is left out of signals, triggers, states and the context, whatever these are called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Subscript):
            root, dot, rest = ast.unparse(node.value).partition(".")
            module = names.get(root, root) + dot + rest
            table = _TABLES.get(module, {})
            key = node.attr if isinstance(node, ast.Attribute) else _text(node.slice)
            if key in table and not is_renamed(f"{module}.{key}"):
                yield Remark(node.lineno, ast.unparse(node), table[key])


def _text(node: ast.expr) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else ""


def _imported_by_name(node: ast.Call) -> Iterator[Remark]:
    """``import_module("prefect.triggers")``, whose text may be made of anything."""
    if _last(node.func) in ("import_module", "__import__") and node.args:
        name = _text(node.args[0])
        if name.partition(".")[0] == "prefect":
            call = f"{_last(node.func)}({name!r})"
            yield Remark(node.lineno, call, "import it from resnb by a statement")
