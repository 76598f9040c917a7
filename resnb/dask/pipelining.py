"""Which rows may be given to the cluster before what they need has ended.

A chain would otherwise wait for the kernel after each link. A row goes ahead if only plain success
upstream decides whether it runs, and if everything upstream is on the cluster or has succeeded. If
something upstream ends otherwise, the row's call notices that on the worker and does nothing; it
is made again when the scheduler says so.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from resnb.graph.base.triggers import all_successful
from resnb.states import CACHED, FIRST_FINISHED, SUCCESS

if TYPE_CHECKING:
    from resnb.graph.resources.scope import Scope
    from resnb.run.scheduling.plan import Plan

MOST = 20_000
"""Maximum number of rows that are ahead at once."""
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
        self._followed: set[int] = set()

    def after(self, row: int) -> list[int]:
        """The rows that may follow now that `row` is on the cluster."""
        plan = self._plan
        if row >= len(plan.tasks) or row in self._followed or not self._is_plain(row):
            return []
        self._followed.add(row)
        found = []
        for after in plan.downstream[row]:
            waits = self._waits.get(after)
            if waits is None:
                waits = self._counted(after)
            self._waits[after] = waits = waits if waits == _NEVER else waits - 1
            if not waits and self._nothing_is_against(after):
                found.append(after)
        return found

    def _counted(self, row: int) -> int:
        if not self._is_mine(row) or not self._is_plain(row):
            return _NEVER
        if self._plan.tasks[row].trigger is not all_successful:
            return _NEVER
        upstream = [one for one in self._plan.upstream[row] if self._is_mine(one)]
        return len(upstream) if all(self._is_plain(one) for one in upstream) else _NEVER

    def _nothing_is_against(self, row: int) -> bool:
        return all(
            code in (SUCCESS, CACHED) or (self._is_mine(one) and code < FIRST_FINISHED)
            for one in self._plan.upstream[row]
            for code in (self._state_of(one),)
        )

    def _is_mine(self, row: int) -> bool:
        return row in self._plan.remote and self._plan.remote[row] is self._scope

    def _is_plain(self, row: int) -> bool:
        return not self._plan.special[row] and not self._plan.nodes[row].is_mapped
