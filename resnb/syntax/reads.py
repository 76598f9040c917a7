"""Which names statements read before they have surely assigned them: what they need from outside.

A name counts as assigned if every path through the statements so far assigns it. In doubt it counts
as needed: it is better to capture one name too many than one too few.
"""

import ast
from collections.abc import Iterable, Sequence

from resnb.syntax.scoping import names_of


def names_needed(statements: Sequence[ast.stmt]) -> tuple[str, ...]:
    """The names that must be assigned already when `statements` run in order."""
    return tuple(Walk(statements).needed)


class Walk:
    """Walks statements in order, with the set of names that are assigned so far.

    Args:
        statements: the statements.
        ends_blocks: whether what stands in a ``with`` counts as run to its end, unless the block's
            name says that it swallows exceptions; else any may.

    Attributes:
        needed: the names that must be assigned already.
        perhaps: those of `needed` that an earlier statement has bound on some path.
        bound: the names that the statements bind, also where a later line deletes them, and
            whether only imports, loops and ``with ... as`` bind them.
        imports_all: whether there is an ``import *``.
    """

    def __init__(self, statements: Sequence[ast.stmt], *, ends_blocks: bool = False) -> None:
        self._ends_blocks = ends_blocks
        self.needed: dict[str, None] = {}
        self.perhaps: set[str] = set()
        self.bound: dict[str, bool] = {}
        self.imports_all = False
        self._block(statements, frozenset())

    def _block(self, statements: Iterable[ast.stmt], assigned: frozenset[str]) -> frozenset[str]:
        """Walk `statements` and return the names that are surely assigned after them."""
        for statement in statements:
            assigned = self._statement(statement, assigned)
        return assigned

    def _statement(self, statement: ast.stmt, assigned: frozenset[str]) -> frozenset[str]:
        match statement:
            case ast.If(test=test, body=body, orelse=orelse):
                assigned = self._nodes([test], assigned)
                return self._block(body, assigned) & self._block(orelse, assigned)
            case ast.While(test=test, body=body, orelse=orelse):
                assigned = self._nodes([test], assigned)
                self._block(body, assigned)
                self._block(orelse, assigned)
            case ast.For() | ast.AsyncFor():
                assigned = self._nodes([statement.iter], assigned)
                self._block(statement.body, self._nodes([statement.target], assigned, passing=True))
                self._block(statement.orelse, assigned)
            case ast.With() | ast.AsyncWith():
                assigned = self._nodes([one.context_expr for one in statement.items], assigned)
                targets = [one.optional_vars for one in statement.items if one.optional_vars]
                assigned = self._nodes(targets, assigned, passing=True)
                after = self._block(statement.body, assigned)
                if self._ends_blocks and not any(map(_swallows, statement.items)):
                    return after
            case ast.Match(subject=subject, cases=cases):
                assigned = self._nodes([subject], assigned)
                for case in cases:
                    matched = self._nodes([case.pattern], assigned)
                    matched = self._nodes([case.guard] if case.guard else [], matched)
                    self._block(case.body, matched)
            case ast.Try() | ast.TryStar():
                return self._attempt(statement, assigned)
            case ast.Import() | ast.ImportFrom():
                self.imports_all |= statement.names[0].name == "*"
                return self._nodes([statement], assigned, passing=True)
            case _:
                return self._nodes([statement], assigned)
        return assigned

    def _attempt(
        self, statement: ast.Try | ast.TryStar, assigned: frozenset[str]
    ) -> frozenset[str]:
        after = self._block(statement.orelse, self._block(statement.body, assigned))
        for handler in statement.handlers:
            caught = frozenset({handler.name} if handler.name else ())
            begin = self._nodes([handler.type] if handler.type else [], assigned) | caught
            after &= self._block(handler.body, begin) - caught
        return after | self._block(statement.finalbody, assigned)

    def _nodes(
        self, nodes: Sequence[ast.AST], assigned: frozenset[str], *, passing: bool = False
    ) -> frozenset[str]:
        """Walk what has no branches: it first reads, then binds."""
        read, bound = names_of(nodes)
        if not read <= assigned:
            missing = dict.fromkeys(sorted(read - assigned))
            self.perhaps.update((missing.keys() & self.bound.keys()) - self.needed.keys())
            self.needed.update(missing)
        for name in bound:
            self.bound[name] = passing and self.bound.get(name, True)
        deleted = {
            target.id
            for node in nodes
            if isinstance(node, ast.Delete)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        return assigned.union(bound) - deleted


def _swallows(item: ast.withitem) -> bool:
    """Whether one goes on after an exception in the block, as far as its name tells."""
    found = item.context_expr.func if isinstance(item.context_expr, ast.Call) else item.context_expr
    name = getattr(found, "attr", getattr(found, "id", ""))
    return any(word in name.lower() for word in ("suppress", "raises", "ignor"))
