"""Which rows work with which resource of a run's scopes.

A row inside a mapped scope either is in step with its items, so that each child works with one of
the resources, or may work with all of them.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, TypeVar

from resnb.errors import GraphError
from resnb.graph.resources.scope import WHOLE, Scope, ScopeUse
from resnb.run.scheduling.outcome import has_made
from resnb.run.scheduling.plan import LEASE
from resnb.states import FIRST_FINISHED, FIRST_UNSUCCESSFUL

if TYPE_CHECKING:
    from resnb.run.scheduling.mapped_rows import MappedRows
    from resnb.run.scheduling.plan import Plan, PlannedScope
    from resnb.run.scheduling.state_table import Table

T = TypeVar("T")


class ScopeRows:
    """Tells the uses of one run's scopes apart.

    Raises:
        GraphError: a task is to run on the thread of a mapped scope's set-up.
    """

    def __init__(self, plan: "Plan", mapped: "MappedRows", table: "Table") -> None:
        self._plan = plan
        self._mapped = mapped
        self._state = table.state
        self._in_step = {
            scope: frozenset(plan.row_of[one] for one in scope.in_step() if one in plan.row_of)
            for scope in plan.flow.scopes
            if scope.is_mapped
        }
        self._refuse_threads()

    def use_of(self, row: int) -> ScopeUse:
        """The use that `row` is part of, or the innermost one around it."""
        origin = self._mapped.origin(row)
        scope = self._plan.scopes[self._plan.scope_of[origin]].scope
        is_item = row != origin and scope in self._in_step
        return ScopeUse(scope, self._mapped.index(row) if is_item else WHOLE)

    def in_step(self, scope: Scope) -> frozenset[int]:
        """The rows in step with the items of `scope`; none if it is not mapped."""
        return self._in_step.get(scope, frozenset())

    def around(self, use: ScopeUse) -> Iterator[ScopeUse | Scope]:
        """`use`, and from the inside out those it may depend on; a scope means all its uses."""
        yield use
        init = self._plan.row_of.get(use.scope.init_task, -1)
        for scope in list(use.scope.around())[1:]:
            if scope not in self._in_step:
                yield ScopeUse(scope)
            elif use.item != WHOLE and init in self._in_step[scope]:
                yield ScopeUse(scope, use.item)
            else:
                yield scope

    def rows(self, use: ScopeUse) -> list[int]:
        """The rows that may work with the resource of `use`: its set-up and what is inside.

        Clean-ups are left out, and so are children that do not exist yet; see `items_of`.
        """
        planned = self._planned(use)
        cleanups = {one.cleanup for one in self._plan.scopes}
        rows = {row for one in planned for row in (one.setup, *one.members)} - cleanups - {-1}
        in_step, items, _ = self._parted(use, rows)
        return sorted(rows - in_step | items)

    def inside(self, use: ScopeUse) -> list[int]:
        """The rows inside that may work with the resource of `use`, mapped ones among them."""
        rows = {row for one in self._planned(use) for row in one.members}
        in_step, items, pending = self._parted(use, rows)
        return sorted(rows - in_step | items | pending)

    def _planned(self, use: ScopeUse) -> "list[PlannedScope]":
        return [one for one in self._plan.scopes if use.scope in one.scope.around()]

    def _parted(self, use: ScopeUse, rows: set[int]) -> tuple[set[int], set[int], set[int]]:
        """Of `rows`, those in step with items, their children for this item, those without any."""
        in_step: set[int] = set()
        if use.item != WHOLE:
            in_step = rows & self.in_step(use.scope)
        children = self._mapped.children
        blocks = [children[row] for row in in_step if row in children]
        items = {one.first + use.item for one in blocks if one.first + use.item < one.last}
        return in_step, items, {row for row in in_step if row not in children}

    def with_children(self, rows: list[int]) -> list[int]:
        """`rows`, and the children of mapped ones."""
        known = self._mapped.children
        return [one for row in rows for one in (row, *(known[row].rows() if row in known else ()))]

    def have_succeeded(self, use: ScopeUse) -> bool:
        """Whether all that worked with the resource of `use` has ended in success."""
        rows = self.with_children(self.inside(use))
        return all(FIRST_FINISHED <= self._state[row] < FIRST_UNSUCCESSFUL for row in rows)

    def was_set_up(self, use: ScopeUse) -> bool:
        """Whether the set-up of `use` has made something, in this run or before."""
        row = self._plan.row_of.get(use.scope.setup_task)
        if row is None:
            return True
        if use.item == WHOLE:
            is_to_stay = use.scope.cleanup_task not in self._plan.row_of
            return is_to_stay or has_made(self._state[row])
        if row not in self._mapped.children:  # it was open before, and this run did not get to it
            return True
        block = self._mapped.children[row]
        child = block.first + use.item
        return child < block.last and has_made(self._state[child])

    def items_of(self, row: int, gone: Mapping[ScopeUse, str]) -> dict[int, str]:
        """The numbers of the children of `row` that work with one of `gone`, and why it is gone."""
        if not gone or self._plan.tasks[row].kind == "cleanup":
            return {}
        return {use.item: reason for use, reason in gone.items() if row in self.in_step(use.scope)}

    def _refuse_threads(self) -> None:
        """A task can be bound to the thread of one resource only."""
        plan = self._plan
        for row, lane in plan.lanes.items():
            index = plan.scope_of.get(row, -1) if lane == LEASE else -1
            scope = plan.scopes[index].scope if index >= 0 else None
            if scope in self._in_step and row not in self._in_step[scope]:
                message = (
                    f"task {plan.flow.label_of(plan.tasks[row])!r} has thread='setup', and scope "
                    f"{scope.name!r} has a thread for each item: map the task over its resource"
                )
                raise GraphError(message)


def in_order(found: Mapping[ScopeUse, T]) -> list[tuple[ScopeUse, T]]:
    """`found` in order, and by item within a scope, because items are set up side by side."""
    known = list(found.items())
    place = {scope: number for number, scope in enumerate(dict.fromkeys(u.scope for u, _ in known))}
    return sorted(known, key=lambda pair: (place[pair[0].scope], pair[0].item))
