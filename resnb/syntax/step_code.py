"""A cell as one function: what it reads, what it binds, and its code.

The function has the cell's line numbers. It gives all its local variables, so that the caller
chooses what leaves it.
"""

import ast
import builtins
from collections.abc import Collection, Sequence
from copy import copy
from functools import lru_cache
from typing import Final, NamedTuple

from resnb.syntax.reads import Walk
from resnb.syntax.scoping import names_left

FUNCTION: Final = "step"
"""The name of the function, which tracebacks show."""
SHOWN: Final = "_resnb_shown"
"""The local variable that has the value of the last line, if that is an expression."""
LATE: Final = "_resnb_late"
"""The function that gives what the step reads from the notebook before it binds it."""


class StepCode(NamedTuple):
    """What a cell reads and binds as a step.

    Attributes:
        needs: the names that it reads from outside, without builtins, in order of reading.
        outputs: the names that it binds and that others see.
        imports: its imports, which the notebook sees too.
        rebinds: those of `needs` that it also binds.
        perhaps: those of `rebinds` that it has bound on some path before it reads them.
        imports_all: whether there is an ``import *``.
    """

    needs: tuple[str, ...]
    outputs: tuple[str, ...]
    imports: tuple[ast.stmt, ...]
    rebinds: tuple[str, ...]
    perhaps: frozenset[str]
    imports_all: bool


def step_code(statements: Sequence[ast.stmt], stay_inside: Collection[str] = ()) -> StepCode:
    """What `statements` read and bind.

    Imports, the targets of loops and what ``with ... as`` binds are no outputs, nor are names that
    begin with an underscore, nor those of `stay_inside`.
    """
    walk = Walk(statements, ends_blocks=True)
    bound = walk.bound
    deletes = any(isinstance(one, ast.Delete) for one in statements)
    left = names_left(statements) if deletes else bound
    given = [
        one for one in left if not one.startswith("_") and not bound[one] and one not in stay_inside
    ]
    needs = [one for one in walk.needed if not hasattr(builtins, one)]
    imports = [one for one in statements if isinstance(one, ast.Import | ast.ImportFrom)]
    return StepCode(
        tuple(needs),
        tuple(given),
        tuple(imports),
        tuple([one for one in needs if one in bound]),
        frozenset(walk.perhaps),
        walk.imports_all,
    )


def without_globals(statements: Sequence[ast.stmt]) -> tuple[ast.stmt, ...]:
    """`statements` without their own ``global``, which says nothing in a cell.

    In a function it would let a name leave the step.
    """
    module = _Globals().visit(ast.Module([*statements], []))
    return tuple(module.body)


class _Globals(ast.NodeTransformer):
    def visit_Global(self, node: ast.Global) -> ast.Pass:
        return ast.copy_location(ast.Pass(), node)

    def _leave(self, node: ast.AST) -> ast.AST:
        """What is inside has a scope of its own."""
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = visit_Lambda = _leave  # noqa: N815


def as_function(
    statements: Sequence[ast.stmt],
    arguments: Sequence[str],
    late: Sequence[str],
    *,
    shows: bool,
    awaits: bool = False,
) -> ast.Module:
    """A module that defines the function `FUNCTION`, and with `late` the function `LATE`.

    Args:
        statements: the cell's.
        arguments: the names of the parameters of `FUNCTION`, which are passed by keyword.
        late: the names of more parameters, which `LATE` reads from the notebook; one that is left
            out is not bound when the cell begins.
        shows: whether the value of the last line is kept as `SHOWN`.
        awaits: whether the statements await, so that `FUNCTION` is a coroutine function.
    """
    body = list(statements)
    if shows and isinstance(last := body[-1], ast.Expr):
        target = ast.copy_location(ast.Name(SHOWN, ast.Store()), last)
        body[-1] = ast.copy_location(ast.Assign([target], last.value), last)
    unbound = [f"if {name} is NotImplemented: del {name}" for name in late]
    keywords = ", ".join([*arguments, *(f"{name}=NotImplemented" for name in late)])
    prefix = "async " if awaits else ""
    source = (
        f"{prefix}def {FUNCTION}({'*, ' if keywords else ''}{keywords}):\n"
        f"    return __import__('builtins').locals()"
    )
    if late:
        values = ", ".join(f"{name!r}: lambda: {name}" for name in late)
        source += f"\ndef {LATE}(): return {{{values}}}"
    frame, *others = _parsed(source).body
    assert isinstance(frame, ast.FunctionDef | ast.AsyncFunctionDef)
    before = ast.parse("\n".join(unbound)).body if unbound else []
    function = copy(frame)
    function.body = [*before, *body, *frame.body]
    return ast.Module([function, *others], [])


@lru_cache(maxsize=256)  # steps that read the same names have the same
def _parsed(source: str) -> ast.Module:
    """The parsed frame of a step, which nobody changes."""
    return ast.parse(source)
