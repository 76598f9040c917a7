"""Splitting a resource's body into set-up and clean-up, so that another process can clean up.

Two shapes can be split: ``S; yield v; T`` and ``S; try: yield v finally: T``. For these, running T
with the variables of S that it needs does the same as resuming the generator. With any other shape
only the live generator can clean up, and the reason is given.
"""

import ast
from collections.abc import Collection, Sequence
from typing import NamedTuple

from resnb.syntax.reads import names_needed
from resnb.syntax.scoping import has_await, local_names, own_nodes
from resnb.syntax.shell_commands import names_in_commands

_MAGICS = ("run_line_magic", "run_cell_magic")
_KINDS: dict[type[ast.stmt], str] = {
    ast.With: "a `with` block",
    ast.AsyncWith: "an `async with` block",
    ast.If: "an `if` block",
    ast.Match: "a `match` block",
    ast.Assign: "an assignment",
    ast.AnnAssign: "an assignment",
    ast.Try: "another `try`",
    ast.TryStar: "a `try` with `except*`",
}


class RecipeSplit(NamedTuple):
    """The two parts of a body. The statements keep their line numbers and must not be changed.

    Attributes:
        setup: the statements before the yield.
        resource: the yielded expression; None for a bare yield.
        cleanup: the statements after the yield.
        variables: the local names that the clean-up needs: parameters, and what set-up assigned.
        outer_names: the other names that it needs, of the notebook or built in.
        named: names in its shell commands (``!rm {path}``), which are shell variables if the
            notebook does not have them.
        cleanup_is_async: whether the clean-up awaits.
    """

    setup: tuple[ast.stmt, ...]
    resource: ast.expr | None
    cleanup: tuple[ast.stmt, ...]
    variables: frozenset[str]
    outer_names: frozenset[str]
    named: frozenset[str]
    cleanup_is_async: bool


class NoSplit(NamedTuple):
    """Why a body cannot be split.

    Attributes:
        reason: a clause that completes "its clean-up lives in the kernel, because ...".
    """

    reason: str


def recipe_split(
    statements: Sequence[ast.stmt], parameters: Collection[str] = ()
) -> RecipeSplit | NoSplit:
    """Split the body of a generator function.

    Args:
        statements: the body.
        parameters: the names of the function's parameters.
    """
    parts = _parts(statements)
    if isinstance(parts, NoSplit):
        return parts
    setup, place, cleanup = parts
    for node in own_nodes(statements):
        if isinstance(node, ast.Global | ast.Nonlocal):
            return NoSplit(f"it assigns {', '.join(node.names)}, which is not its own")
    if any(getattr(node, "attr", "") in _MAGICS for one in cleanup for node in ast.walk(one)):
        return NoSplit("its clean-up uses a magic, which no other process has")
    resource = place.value
    assigned = local_names([*setup, *([resource] if resource else [])])
    needed = frozenset(names_needed(cleanup))
    named = names_in_commands(cleanup)
    variables = (needed | named) & (assigned | frozenset(parameters))
    return RecipeSplit(
        setup=tuple(setup),
        resource=resource,
        cleanup=tuple(cleanup),
        variables=variables,
        outer_names=needed - variables - local_names(statements),
        named=named - variables - local_names(statements),
        cleanup_is_async=has_await(cleanup),
    )


_Parts = tuple[Sequence[ast.stmt], ast.Yield, Sequence[ast.stmt]]


def _parts(statements: Sequence[ast.stmt]) -> _Parts | NoSplit:
    holders = [i for i, statement in enumerate(statements) if _yields(statement)]
    if len(holders) != 1:
        return NoSplit("it does not yield in one place")
    index = holders[0]
    before, holder, after = statements[:index], statements[index], statements[index + 1 :]
    if isinstance(holder, ast.Try):
        if reason := _fault_of_try(holder, after):
            return NoSplit(reason)
        after, holder = holder.finalbody, holder.body[0]
    if isinstance(holder, ast.Expr) and isinstance(holder.value, ast.Yield):
        return before, holder.value, after
    return NoSplit(f"the yield is part of {_KINDS.get(type(holder), 'another statement')}")


def _fault_of_try(holder: ast.Try, after: Sequence[ast.stmt]) -> str | None:
    if any(map(_yields, (*holder.handlers, *holder.orelse, *holder.finalbody))):
        return "the yield is not in the body of its `try`"
    if holder.handlers or holder.orelse:
        return "the `try` around the yield has more than a `finally`"
    if after:
        return "statements follow the `try` around the yield: move them into its `finally`"
    if len(holder.body) > 1:
        return "the `try` holds more than the yield: move the rest out of it"
    return None


def _yields(node: ast.AST) -> bool:
    return any(isinstance(inner, ast.Yield | ast.YieldFrom) for inner in own_nodes([node]))
