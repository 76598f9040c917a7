"""A cell's body as code: IPython's own syntax translated, line numbers those of the cell."""

import ast
import inspect
import re
from types import CodeType
from typing import Any

from IPython.core.inputtransformer2 import (
    EscapedCommand,
    HelpEnd,
    MagicAssign,
    SystemAssign,
    TransformerManager,
)

from resnb.errors import MagicError, nearest
from resnb.notebook.cells.records import CellBody
from resnb.notebook.cells.step_names import StepBody
from resnb.notebook.lines.parsed import StepLine
from resnb.notebook.timed_lines import with_timed_lines
from resnb.notebook.tracebacks import cell_being_compiled
from resnb.syntax.reads import names_needed
from resnb.syntax.scoping import bound_names, has_await, names_left
from resnb.syntax.step_code import step_code, without_globals

_CELL_MAGIC = re.compile(r"%%(flow|resource)\s")
_OF_FUNCTIONS = re.compile(r"\b(?:async|await|global|return|yield)\b")
_GLOBAL = re.compile(r"\bglobal\b")
_ESCAPES = re.compile(r"[!?%]|^\s*[,;/]", re.MULTILINE)
"""Without one of these, none of `_TRANSFORMERS` finds anything to do."""
_TRANSFORMERS: list[Any] = [MagicAssign, SystemAssign, EscapedCommand, HelpEnd]


def translated(shell: Any, body: str) -> str:
    """`body` with line magics and ``!`` translated to Python."""
    plain = _without_escapes(shell, body)
    return with_timed_lines(shell.transform_cell(body)) if plain is None else plain


def _without_escapes(shell: Any, body: str) -> str | None:
    """What IPython makes of a body in which it would search all tokens in vain; else None.

    That takes it longer than Python takes to parse and to compile the body.
    """
    manager = getattr(shell, "input_transformer_manager", None)
    if type(manager) is not TransformerManager or manager.token_transformers != _TRANSFORMERS:
        return None
    text = body if body.endswith("\n") else f"{body}\n"
    lines: Any = text.splitlines(keepends=True)
    transforms: list[Any] = [*manager.cleanup_transforms, *manager.line_transforms]
    for transform in transforms:
        lines = transform(lines)
    if len(lines) == 1 or _ESCAPES.search("".join(lines)):  # a single line may call by its name
        return None
    for transform in shell.input_transformers_post:
        lines = transform(lines)
    return "".join(lines)


def let_be_empty(lines: list[str]) -> list[str]:
    """An input transformer: give a cell magic of resnb's without a body an empty line.

    IPython refuses a cell magic whose body is empty, and proposes the line magic.
    """
    first = next(iter(lines), "")
    if _CELL_MAGIC.match(first) and not any(line.strip() for line in lines[1:]):
        return [first.rstrip("\n") + "\n", "\n"]
    return lines


def cached(shell: Any, source: str) -> str:
    """Let tracebacks find `source`; gives the file name to compile it under."""
    name: str = shell.compile.cache(source, _number(shell))
    return name


def _number(shell: Any) -> int:
    """The number of the running cell.

    It is the last one in the history; whether the shell's own count goes up before or after the
    cell runs depends on IPython's version.
    """
    return max(1, len(shell.history_manager.input_hist_parsed) - 1)


def flow_body(
    shell: Any, magic: str, body: str, cell_id: str | None, step: StepLine | None = None
) -> CellBody:
    """The body of a ``%%flow`` cell.

    Args:
        shell: IPython's shell.
        magic: the magic line, so that the body's lines keep their numbers.
        body: the text below it.
        cell_id: the front end's id of the cell.
        step: how the body is one task; None if it builds tasks.

    Raises:
        MagicError: the body awaits although it is no step, or is not Python.
    """
    number = None if cell_id is None else _number(shell)
    with cell_being_compiled(shell):
        source = f"# {magic.strip()}\n{translated(shell, body)}"
        filename = cached(shell, source)
        tree = ast.parse(source, filename)
        if step is not None:
            shows = not body.rstrip().endswith(";")
            found = _step_body(shell, tree, source, filename, step, shows=shows)
            read = tuple(one for one in found.code.needs if one not in found.code.perhaps)
            outputs = found.code.outputs
            return CellBody(lambda: None, outputs, read, found.statements, cell_id, number, found)
        if has_await(tree.body):
            raise MagicError(
                "%%flow: a body builds the flow and cannot await; await inside an `async def` task"
            )
        code = compiled(shell, tree, filename)
    return CellBody(
        lambda: exec(code, shell.user_ns),  # noqa: S102 - the user's own cell
        names_left(tree.body),
        names_needed(tree.body),
        tuple(tree.body),
        cell_id,
        number,
    )


def _step_body(
    shell: Any, tree: ast.Module, source: str, filename: str, line: StepLine, *, shows: bool
) -> StepBody:
    imports = (one.module for one in tree.body if isinstance(one, ast.ImportFrom))
    if "__future__" in imports:
        raise MagicError(
            "%%flow: a step cannot hold `from __future__ import ...`: put the line into an "
            "ordinary cell, which turns it on for the whole notebook"
        )
    flags = 0
    if _OF_FUNCTIONS.search(source):  # finds what a function may hold, and a cell not
        flags = compiled(shell, tree, filename, awaits=True).co_flags
    statements = without_globals(tree.body) if _GLOBAL.search(source) else tuple(tree.body)
    code = step_code(statements, line.inside)
    bound = bound_names(statements)
    for name in line.inside:
        if name not in bound:
            near = nearest(name, bound)
            hint = f"did you mean {near}?" if near else f"it binds {', '.join(bound) or 'nothing'}"
            raise MagicError(f"%%flow: --inside {name}: the cell does not bind {name}; {hint}")
    if code.imports_all:
        raise MagicError(
            "%%flow: a step cannot hold `from ... import *`: name what you need, or put the line "
            "into an ordinary cell"
        )
    return StepBody(
        statements,
        code,
        lambda module: compiled(shell, module, filename),
        shows=shows,
        awaits=bool(flags & inspect.CO_COROUTINE),
    )


def compiled(shell: Any, module: ast.Module, filename: str, *, awaits: bool = False) -> CodeType:
    """The code of a parsed cell, with the ``__future__`` features that the notebook has on.

    Args:
        shell: IPython's shell.
        module: the parsed cell.
        filename: what its lines are found by.
        awaits: whether it may await.
    """
    flags = shell.compile.flags & ~ast.PyCF_ALLOW_TOP_LEVEL_AWAIT & ~ast.PyCF_ONLY_AST
    if awaits:
        flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    code: CodeType = compile(module, filename, "exec", flags=flags)
    return code
