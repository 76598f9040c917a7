"""The source of a generator that makes a resource, and how it is split into set-up and clean-up.

Only the source is kept. Another process parses it again, with the original line numbers, so that a
traceback there names the line of the cell or the file.
"""

import ast
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from resnb.syntax.methods import Method, methods_of
from resnb.syntax.parsing import parsed
from resnb.syntax.splitting import NoSplit, RecipeSplit, recipe_split

FUTURE = 0xFFFE0000
"""The flags of a code object for ``from __future__`` features."""


class GeneratorSource(NamedTuple):
    """The source of a generator.

    Attributes:
        source: the text, which includes the ``def`` if it is that of a function.
        filename: the file's name in tracebacks.
        first_line: the line of that file on which the text begins.
        parameters: the names of the parameters.
        is_function: whether the text is a whole function; else it is only the body.
        has_lease: whether it gets its lease as ``lease``.
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
        """The syntax tree, with the line numbers of the file."""
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


class SplitBody(NamedTuple):
    """A body that can be split, and the functions in it that can be called alone.

    Attributes:
        parts: set-up and clean-up.
        methods: the functions ``handle``, ``attach``, ``find`` and ``ready`` that it defines.
        made: the variables of the clean-up that set-up assigns.
        yielded: the names in the yielded expression, if it consists of nothing but names.
        unpacked: whether it is a tuple of them, as in ``yield process, folder``.
    """

    parts: RecipeSplit
    methods: Mapping[str, Method]
    made: tuple[str, ...]
    yielded: tuple[str, ...]
    unpacked: bool


@lru_cache(maxsize=64)
def split_body(body: GeneratorSource) -> SplitBody | NoSplit:
    """`body` split into set-up and clean-up, or why it cannot be split."""
    given = (*body.parameters, "lease") if body.has_lease else body.parameters
    split = recipe_split(body.statements(), given)
    if isinstance(split, NoSplit):
        return split
    methods = methods_of(split.setup, given) if body.has_lease else {}
    if fault := methods.get("attach", Method()).fault:
        return NoSplit(fault)
    yielded = split.resource
    names = [_name(one) for one in (yielded.elts if isinstance(yielded, ast.Tuple) else [yielded])]
    return SplitBody(
        parts=split,
        methods=methods,
        made=tuple(sorted(split.variables.difference(given))),
        yielded=tuple(name for name in names if name) if all(names) else (),
        unpacked=isinstance(yielded, ast.Tuple),
    )


def _name(part: ast.expr | None) -> str:
    match part:
        case ast.Name(id=name) | ast.NamedExpr(target=ast.Name(id=name)):
            return name
        case _:
            return ""
