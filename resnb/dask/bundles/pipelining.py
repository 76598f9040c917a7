"""Which rows may be given to the cluster before what they need has ended.

A chain would otherwise wait for the kernel after each link. A row goes ahead if only plain success
upstream decides whether it runs, and if everything upstream is on the cluster or has succeeded. If
something upstream ends otherwise, the row's call notices that on the worker and does nothing; it
is made again when the scheduler says so.
"""

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from resnb.graph.base.triggers import all_successful
from resnb.states import CACHED, FIRST_FINISHED, SUCCESS

if TYPE_CHECKING:
    from resnb.graph.resources.scope import Scope
    from resnb.run.scheduling.plan import Plan

_NEVER = -1


class Pipeline:
    """Counts what the rows of one cluster still wait for until they can go ahead.

    Args:
        scope: the scope that is the rows' executor; None for the run's own.
    """

    def __init__(self, plan: "Plan", scope: "Scope | None", state_of: Callable[[int], int]) -> None:
        self._plan = plan
        self._scope = scope
        self._state_of = state_of
        self._waits: dict[int, int] = {}
        self._placed: set[int] = set()

    def place(self, row: int) -> list[int]:
        """`row` goes to the cluster; gives the rows that may follow now."""
        if row >= len(self._plan.tasks) or row in self._placed or not self._is_plain(row):
            return []
        self._placed.add(row)
        found = []
        for after in self._plan.downstream[row]:
            waits = self._waits.get(after)
            if waits is None:
                waits = self._counted(after)
            elif waits != _NEVER:
                waits -= 1
            self._waits[after] = waits
            if self.may_follow(after):
                found.append(after)
        return found

    def take_back(self, row: int) -> None:
        """`row` is not on the cluster any more, and its value neither."""
        if row in self._placed:
            self._placed.discard(row)
            for after in self._plan.downstream[row]:
                if self._waits.get(after, _NEVER) != _NEVER:
                    self._waits[after] += 1

    def may_follow(self, row: int) -> bool:
        """Whether `row` may go to the cluster now, before its turn."""
        return row not in self._placed and self.may_stay(row)

    def may_stay(self, row: int) -> bool:
        """Likewise for one that is there already."""
        return self._waits.get(row, _NEVER) == 0 and all(
            code in (SUCCESS, CACHED) or (self._is_mine(one) and code < FIRST_FINISHED)
            for one in self._plan.upstream[row]
            for code in (self._state_of(one),)
        )

    def followers(self, row: int) -> list[int]:
        """The rows that need `row`, clean-ups aside."""
        plan = self._plan
        if row >= len(plan.tasks):
            return []
        return [one for one in plan.downstream[row] if plan.tasks[one].kind != "cleanup"]

    def is_inside(self, row: int, rows: Collection[int]) -> bool:
        """Whether all that `row` still waits for is among `rows`."""
        upstream = self._plan.upstream[row]
        return all(one in rows or self._state_of(one) >= FIRST_FINISHED for one in upstream)

    def _counted(self, row: int) -> int:
        if not self._may_go_ahead(row):
            return _NEVER
        upstream = [one for one in self._plan.upstream[row] if self._is_mine(one)]
        if not all(self._is_plain(one) for one in upstream):
            return _NEVER
        return sum(one not in self._placed for one in upstream)

    def _may_go_ahead(self, row: int) -> bool:
        trigger = self._plan.tasks[row].trigger
        return self._is_mine(row) and self._is_plain(row) and trigger is all_successful

    def _is_mine(self, row: int) -> bool:
        return row in self._plan.remote and self._plan.remote[row] is self._scope

    def _is_plain(self, row: int) -> bool:
        return not self._plan.special[row] and not self._plan.nodes[row].is_mapped
