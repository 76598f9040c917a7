"""A cell's body as code: IPython's own syntax translated, line numbers those of the cell."""

import ast
from types import CodeType
from typing import Any

from resnb.errors import MagicError
from resnb.notebook.bodies import cell_awaits, cell_bindings, cell_reads
from resnb.notebook.flow_cells import Body


def translated(shell: Any, body: str) -> str:
    """`body` with line magics and ``!`` translated to Python."""
    text: str = shell.transform_cell(body)
    return text


def cached(shell: Any, source: str) -> str:
    """Let tracebacks find `source`; gives the file name to compile it under."""
    name: str = shell.compile.cache(source, shell.execution_count)
    return name


def flow_body(shell: Any, magic: str, body: str, cell_id: str | None) -> Body:
    """The body of a ``%%flow`` cell.

    Args:
        shell: IPython's shell.
        magic: the magic line, so that the body's lines keep their numbers.
        body: what stands below it.
        cell_id: the front end's id of the cell.

    Raises:
        MagicError: the body awaits.
        SyntaxError: it is not Python; with the cell's line.
    """
    python = translated(shell, body)
    source = f"# {magic.strip()}\n{python}"
    filename = cached(shell, source)
    tree = ast.parse(source, filename)
    if cell_awaits(python):
        raise MagicError(
            "%%flow: a body builds the flow and cannot await; await inside an `async def` task"
        )
    code = compile(tree, filename, "exec", flags=_flags(shell))
    return Body(
        lambda: exec(code, shell.user_ns),  # noqa: S102 - the user's own cell
        cell_bindings(python),
        cell_reads(python),
        cell_id,
    )


def run_module(shell: Any, module: ast.Module, filename: str, namespace: dict[str, Any]) -> None:
    """Run a parsed cell in `namespace`."""
    code: CodeType = compile(module, filename, "exec", flags=_flags(shell))
    exec(code, namespace)  # noqa: S102 - the user's own cell


def _flags(shell: Any) -> int:
    """The ``from __future__`` features that the notebook has switched on."""
    flags: int = shell.compile.flags & ~ast.PyCF_ALLOW_TOP_LEVEL_AWAIT & ~ast.PyCF_ONLY_AST
    return flags


__all__ = ["cached", "flow_body", "run_module", "translated"]
