"""A cell as one function: what it reads, what it binds, and its code.

The function has the cell's line numbers. It gives all its local variables, so that the caller
chooses what leaves it.
"""

import ast
import builtins
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from resnb.syntax.reads import names_needed
from resnb.syntax.scoping import bound_names, has_await, names_left, own_nodes

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
    """

    needs: tuple[str, ...]
    outputs: tuple[str, ...]
    imports: tuple[ast.stmt, ...]
    rebinds: tuple[str, ...]


def step_code(statements: Sequence[ast.stmt], stay_inside: Collection[str] = ()) -> StepCode:
    """What `statements` read and bind.

    Imports, the targets of loops and what ``with ... as`` binds are no outputs, nor are names that
    begin with an underscore, nor those of `stay_inside`.
    """
    inside = _bound_in_passing(statements).union(stay_inside)
    bound = bound_names(statements)
    given = [
        name for name in names_left(statements) if not name.startswith("_") and name not in inside
    ]
    needs = [one for one in names_needed(statements) if not hasattr(builtins, one)]
    imports = [one for one in statements if isinstance(one, ast.Import | ast.ImportFrom)]
    return StepCode(
        tuple(needs), tuple(given), tuple(imports), tuple(one for one in needs if one in bound)
    )


def as_function(
    statements: Sequence[ast.stmt], arguments: Sequence[str], late: Sequence[str], *, shows: bool
) -> ast.Module:
    """A module that defines the functions `FUNCTION` and `LATE`.

    Args:
        statements: the cell's.
        arguments: the names of the parameters of `FUNCTION`, which are passed by keyword.
        late: the names of more parameters, which `LATE` reads from the notebook; one that is left
            out is not bound when the cell begins.
        shows: whether the value of the last line is kept as `SHOWN`.
    """
    body = list(statements)
    if shows and isinstance(last := body[-1], ast.Expr):
        target = ast.copy_location(ast.Name(SHOWN, ast.Store()), last)
        body[-1] = ast.copy_location(ast.Assign([target], last.value), last)
    unbound = [f"if {name} is NotImplemented: del {name}" for name in late]
    keywords = ", ".join([*arguments, *(f"{name}=NotImplemented" for name in late)])
    prefix = "async " if has_await(statements) else ""
    values = ", ".join(f"{name!r}: lambda: {name}" for name in late)
    module = ast.parse(
        f"{prefix}def {FUNCTION}({'*, ' if keywords else ''}{keywords}):\n"
        f"    return __import__('builtins').locals()\n"
        f"def {LATE}(): return {{{values}}}"
    )
    function = module.body[0]
    assert isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
    before = ast.parse("\n".join(unbound)).body if unbound else []
    function.body = [*before, *body, *function.body]
    return module


def _bound_in_passing(statements: Sequence[ast.stmt]) -> set[str]:
    """The names that only loops, ``with`` and imports bind."""
    passing: list[ast.AST] = []
    for node in own_nodes(statements):
        match node:
            case ast.For(target=target) | ast.AsyncFor(target=target):
                passing.append(target)
            case ast.withitem(optional_vars=ast.expr() as target):
                passing.append(target)
            case ast.Import() | ast.ImportFrom():
                passing.append(node)
            case _:
                pass
    skipped = {id(one) for root in passing for one in ast.walk(root)}
    others = [one for one in own_nodes(statements) if id(one) not in skipped]
    kept = {name for one in others if isinstance(one, _BINDING) for name in bound_names([one])}
    return set(bound_names(passing)) - kept


_BINDING = (
    ast.Name,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.MatchAs,
    ast.MatchStar,
)
