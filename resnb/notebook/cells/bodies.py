"""What can be said of a cell's body from its text alone.

Bodies arrive as Python: line magics and ``!`` are calls already. What is no Python raises Python's
own `SyntaxError`, which shows the place better than we could.
"""

import ast

from resnb.notebook.cells.generators import generator_function
from resnb.notebook.cells.resource_bodies import (
    ClassBody,
    GeneratorBody,
    ResourceBody,
    resource_body,
)
from resnb.syntax.parsing import parsed
from resnb.syntax.reads import names_needed
from resnb.syntax.scoping import bound_names, has_await


def cell_bindings(source: str) -> tuple[str, ...]:
    """The names that a cell's top level binds, in order, without those that it deletes again.

    Raises:
        SyntaxError: `source` is not Python.
    """
    names: dict[str, None] = {}
    for statement in parsed(source).body:
        names.update(dict.fromkeys(bound_names([statement])))
        if isinstance(statement, ast.Delete):
            for target in statement.targets:
                names.pop(getattr(target, "id", ""), None)
    return tuple(names)


def cell_reads(source: str) -> tuple[str, ...]:
    """The names that a cell needs to find assigned: what it reads and has not assigned before.

    Raises:
        SyntaxError: `source` is not Python.
    """
    return names_needed(parsed(source).body)


def cell_awaits(source: str) -> bool:
    """Whether a cell has a top-level ``await``, ``async for`` or ``async with``.

    Raises:
        SyntaxError: `source` is not Python.
    """
    return has_await(parsed(source).body)


__all__ = [
    "ClassBody",
    "GeneratorBody",
    "ResourceBody",
    "cell_awaits",
    "cell_bindings",
    "cell_reads",
    "generator_function",
    "resource_body",
]
