"""The body of a generator that makes a resource: its text, and what follows from it.

The text is all that is kept of it: in another process the same halves are made of it again, with
the places of the original, so that a traceback there names the line of the cell or the file.
"""

import ast
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from resnb.syntax.hooks import Hook, hooks_of
from resnb.syntax.parsing import parsed
from resnb.syntax.splitting import NoSplit, RecipeSplit, recipe_split

FUTURE = 0xFFFE0000
"""The flags of a code object that stand for ``from __future__`` features."""


class Body(NamedTuple):
    """The text of a body.

    Attributes:
        source: the text; of a function with its ``def``.
        filename: the name under which tracebacks know it.
        first_line: the line of that file on which the text begins.
        parameters: the names of the parameters.
        is_function: whether the text is a whole function, or the body alone.
        has_lease: whether it is given its lease, by the name ``lease``.
        flags: the ``from __future__`` features that it is compiled with.
    """

    source: str
    filename: str
    first_line: int
    parameters: tuple[str, ...]
    is_function: bool = False
    has_lease: bool = True
    flags: int = 0

    def tree(self) -> ast.Module:
        """The text as a tree, with the places that it has in its file."""
        indented = self.source[:1].isspace()
        module = parsed(f"if True:\n{self.source}" if indented else self.source, self.filename)
        ast.increment_lineno(module, self.first_line - 1 - indented)
        return module

    def statements(self) -> Sequence[ast.stmt]:
        """The body's statements."""
        module = self.tree()
        if not self.is_function:
            return module.body
        functions = (ast.FunctionDef, ast.AsyncFunctionDef)
        return next(node.body for node in ast.walk(module) if isinstance(node, functions))


class Halves(NamedTuple):
    """A body that can be split, with the functions that can be taken out of it.

    Attributes:
        split: its two halves.
        hooks: the functions ``handle``, ``attach``, ``find``, ``ready`` that it defines.
        made: the variables of the clean-up that set-up makes.
        yielded: the names that the yielded expression consists of, if it is made of names only.
        unpacked: whether those are several, as in ``yield process, folder``.
    """

    split: RecipeSplit
    hooks: Mapping[str, Hook]
    made: tuple[str, ...]
    yielded: tuple[str, ...]
    unpacked: bool


@lru_cache(maxsize=64)
def halves(body: Body) -> Halves | NoSplit:
    """`body` in halves, or why it cannot be split."""
    lease = ("lease",) if body.has_lease else ()
    split = recipe_split(body.statements(), (*body.parameters, *lease))
    if isinstance(split, NoSplit):
        return split
    hooks = hooks_of(split.setup, (*body.parameters, *lease)) if body.has_lease else {}
    if fault := hooks.get("attach", Hook()).fault:
        return NoSplit(fault)
    given = {*body.parameters, *lease}
    unpacked = isinstance(split.resource, ast.Tuple)
    parts = split.resource.elts if isinstance(split.resource, ast.Tuple) else [split.resource]
    names = [_name(part) for part in parts]
    return Halves(
        split=split,
        hooks=hooks,
        made=tuple(sorted(split.variables - given)),
        yielded=tuple(name for name in names if name) if all(names) else (),
        unpacked=unpacked,
    )


def _name(part: ast.expr | None) -> str:
    match part:
        case ast.Name(id=name) | ast.NamedExpr(target=ast.Name(id=name)):
            return name
        case _:
            return ""


__all__ = ["FUTURE", "Body", "Halves", "halves"]
