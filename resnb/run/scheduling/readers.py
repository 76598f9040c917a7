"""Which values are no longer read, by the states of the tasks that read them.

Each task downstream counts as a reader, because its trigger or handlers may ask for states with
their values. Clean-ups do not count: they would keep all values of a scope until its end.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from resnb.graph.base.kinds import NO_WORK
from resnb.states import FIRST_FINISHED

if TYPE_CHECKING:
    from resnb.graph.node import Neighbours
    from resnb.run.scheduling.plan import Plan
    from resnb.run.scheduling.state_table import Table

_STAYS: Final = -1


class Readers:
    """For each row of a closed plan, how many rows have yet to end that read its value.

    The values of parameters and resources stay, and those of terminal and chosen reference tasks;
    in a part of a flow also what a task reads that is not in this part.
    """

    def __init__(self, plan: "Plan", table: "Table") -> None:
        self._plan, self._table = plan, table
        flow = plan.flow
        chosen = flow.reference_tasks() if flow.has_reference_tasks else frozenset()
        self._left = [
            _STAYS if task.kind in NO_WORK or task in chosen else _readers(node.downstream, plan)
            for task, node in zip(plan.tasks, plan.nodes, strict=True)
        ]

    def unread(self) -> list[int]:
        """The given rows whose values are not read in this run."""
        return [row for row in self._plan.given if not self._left[row]]

    def ended(self, row: int) -> Iterator[int]:
        """`row` has its final state; returns the rows whose values are not read any more."""
        left = self._left
        if row >= len(left):
            return  # a child: its mapped row is yet to end
        if not left[row]:  # what reads it was cancelled before
            yield row
        if self._plan.tasks[row].kind == "cleanup":
            return
        for upstream in self._sources(row):
            if left[upstream] > 0:
                left[upstream] -= 1
                if not left[upstream] and self._table.state[upstream] >= FIRST_FINISHED:
                    yield upstream

    def _sources(self, row: int) -> Iterator[int]:
        row_of = self._plan.row_of
        return (row_of[one] for one in self._plan.nodes[row].upstream if one in row_of)


def _readers(tasks: "Neighbours", plan: "Plan") -> int:
    """How many of `tasks` are to end; `_STAYS` for none, or if one has no part in the run."""
    found = [plan.row_of.get(one, -1) for one in tasks if one.kind != "cleanup"]
    if not found or min(found) < 0:
        return _STAYS
    return sum(row not in plan.given for row in found)
