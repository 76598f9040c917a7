"""A cell's body as code: IPython's own syntax translated, line numbers those of the cell."""

import ast
from types import CodeType
from typing import Any

from resnb.errors import MagicError
from resnb.notebook.cells.bodies import cell_awaits, cell_bindings, cell_reads
from resnb.notebook.cells.flow_cells import Body
from resnb.notebook.tracebacks import cell_being_compiled


def translated(shell: Any, body: str) -> str:
    """`body` with line magics and ``!`` translated to Python."""
    text: str = shell.transform_cell(body)
    return text


def cached(shell: Any, source: str) -> str:
    """Let tracebacks find `source`; gives the file name to compile it under."""
    # the running cell is the last one in the history; when the shell's own count goes up,
    # before or after the cell runs, depends on IPython's version
    number = max(1, len(shell.history_manager.input_hist_parsed) - 1)
    name: str = shell.compile.cache(source, number)
    return name


def flow_body(shell: Any, magic: str, body: str, cell_id: str | None) -> Body:
    """The body of a ``%%flow`` cell.

    Args:
        shell: IPython's shell.
        magic: the magic line, so that the body's lines keep their numbers.
        body: what stands below it.
        cell_id: the front end's id of the cell.

    Raises:
        MagicError: the body awaits, or is no Python.
    """
    with cell_being_compiled(shell):
        python = translated(shell, body)
        source = f"# {magic.strip()}\n{python}"
        filename = cached(shell, source)
        tree = ast.parse(source, filename)
        if cell_awaits(python):
            raise MagicError(
                "%%flow: a body builds the flow and cannot await; await inside an `async def` task"
            )
        code = compiled(shell, tree, filename)
    return Body(
        lambda: exec(code, shell.user_ns),  # noqa: S102 - the user's own cell
        cell_bindings(python),
        cell_reads(python),
        cell_id,
    )


def compiled(shell: Any, module: ast.Module, filename: str) -> CodeType:
    """The code of a parsed cell."""
    code: CodeType = compile(module, filename, "exec", flags=_flags(shell))
    return code


def _flags(shell: Any) -> int:
    """The ``from __future__`` features that the notebook has switched on."""
    flags: int = shell.compile.flags & ~ast.PyCF_ALLOW_TOP_LEVEL_AWAIT & ~ast.PyCF_ONLY_AST
    return flags


__all__ = ["cached", "compiled", "flow_body", "translated"]
