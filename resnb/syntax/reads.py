"""Which names statements read before they have surely assigned them: what they need from outside.

A name counts as assigned if every path through the statements so far assigns it. In doubt it counts
as needed: it is better to capture one name too many than one too few.
"""

import ast
from collections.abc import Iterable, Sequence

from resnb.syntax.scoping import names_of


def names_needed(statements: Sequence[ast.stmt]) -> tuple[str, ...]:
    """The names that must be assigned already when `statements` run in order."""
    walk = _Walk()
    walk.block(statements, frozenset())
    return tuple(walk.needed)


class _Walk:
    """Walks statements with the set of names that are assigned so far."""

    def __init__(self) -> None:
        self.needed: dict[str, None] = {}

    def block(self, statements: Iterable[ast.stmt], assigned: frozenset[str]) -> frozenset[str]:
        """Walk `statements` and return the names that are surely assigned after them."""
        for statement in statements:
            assigned = self.statement(statement, assigned)
        return assigned

    def statement(self, statement: ast.stmt, assigned: frozenset[str]) -> frozenset[str]:
        match statement:
            case ast.If(test=test, body=body, orelse=orelse):
                assigned = self.nodes([test], assigned)
                return self.block(body, assigned) & self.block(orelse, assigned)
            case ast.While(test=test, body=body, orelse=orelse):
                assigned = self.nodes([test], assigned)
                self.block(body, assigned)
                self.block(orelse, assigned)
            case ast.For() | ast.AsyncFor():
                assigned = self.nodes([statement.iter], assigned)
                self.block(statement.body, self.nodes([statement.target], assigned))
                self.block(statement.orelse, assigned)
            case ast.With() | ast.AsyncWith():
                assigned = self.nodes(statement.items, assigned)
                self.block(statement.body, assigned)  # the context manager may swallow an exception
            case ast.Match(subject=subject, cases=cases):
                assigned = self.nodes([subject], assigned)
                for case in cases:
                    matched = self.nodes([case.pattern], assigned)
                    matched = self.nodes([case.guard] if case.guard else [], matched)
                    self.block(case.body, matched)
            case ast.Try() | ast.TryStar():
                return self.attempt(statement, assigned)
            case _:
                return self.nodes([statement], assigned)
        return assigned

    def attempt(self, statement: ast.Try | ast.TryStar, assigned: frozenset[str]) -> frozenset[str]:
        after = self.block(statement.orelse, self.block(statement.body, assigned))
        for handler in statement.handlers:
            caught = frozenset({handler.name} if handler.name else ())
            begin = self.nodes([handler.type] if handler.type else [], assigned) | caught
            after &= self.block(handler.body, begin) - caught
        return after | self.block(statement.finalbody, assigned)

    def nodes(self, nodes: Sequence[ast.AST], assigned: frozenset[str]) -> frozenset[str]:
        """Walk what has no branches: it first reads, then binds."""
        read, bound = names_of(nodes)
        if not read <= assigned:
            self.needed.update(dict.fromkeys(sorted(read - assigned)))
        deleted = {
            target.id
            for node in nodes
            if isinstance(node, ast.Delete)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        return assigned.union(bound) - deleted
