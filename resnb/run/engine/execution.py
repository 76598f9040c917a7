"""What the rows of a run are given, and what they gave.

Who takes the value of a row that failed gets its exception. A value that is on a cluster stays
there until somebody looks it up by way of `Values.readable`.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from resnb.graph.base.inputs import flat
from resnb.graph.base.signals import TRIGGERFAIL
from resnb.run.scheduling.plan import argument

if TYPE_CHECKING:
    from resnb.run.executors.remote import Remote
    from resnb.run.scheduling.outcome import Outcome
    from resnb.run.scheduling.plan import Plan
    from resnb.run.scheduling.scheduler import Scheduler
    from resnb.states import State


class Values:
    """The part of a run that has its values.

    Attributes:
        values: the value of each row; its argument lists are read from here.
        errors: the exception of each row that failed.
        items: for each mapped row what its children are mapped over, by argument.
        owners: for each mapped row, and each row whose values it flattens, who gave each item.
        columns: the arguments of all children of a mapped row, where these are plain calls.
        remote: what runs rows on clusters, if any do.
    """

    plan: "Plan"
    scheduler: "Scheduler"

    def __init__(self, plan: "Plan") -> None:
        self.values: list[Any] = [None] * len(plan.tasks)
        self.errors: dict[int, BaseException] = {}
        self.items: dict[int, dict[str, Sequence[Any]]] = {}
        self.owners: dict[int, dict[int, list[int]]] = {}
        self.columns: dict[int, Sequence[Sequence[Any]]] = {}
        self.remote: Remote | None = None
        self._kept: dict[int, list[Any]] = {}

    def receive(self) -> None:
        """Take over the values of the states that were given to the run.

        Raises:
            NoValueError: one was on a cluster that is gone.
        """
        for row, state in self.plan.given.items():
            children = getattr(state, "map_states", ())
            self.values[row] = (
                [self._received(one) for one in children] if children else self._received(state)
            )
        for row, states in self.plan.kept.items():
            self._kept[row] = [self._received(one) if one.is_finished() else None for one in states]

    def _received(self, state: "State") -> Any:
        return state.result if self.remote is None else state.kept

    def kept_values(self, row: int) -> list[Any]:
        """What those children of `row` gave that need not run again; None for the others."""
        return list(self._kept[row])

    @property
    def readable(self) -> Any:
        """The value of each row, for what runs in the kernel."""
        return self.values if self.remote is None else self.remote.readable(self.values)

    def arguments(
        self, row: int, values: Any = None, flattened: Callable[[Any], Any] = flat
    ) -> tuple[list[Any], dict[str, Any]]:
        """What to call the code of `row` with.

        Args:
            row: the row.
            values: stands in for the values in the kernel.
            flattened: takes a level of nesting out of a value.
        """
        plan = self.plan
        values = self.readable if values is None else values
        origin, items, index = row, None, 0
        if row >= len(plan.tasks):
            origin = self.scheduler.origin(row)
            items, index = self.items[origin], self.scheduler.child_index(row)
        node = plan.nodes[origin]
        actual = [
            (
                key,
                items[key][index]
                if items is not None and key in items
                else argument(value, plan.row_of, values),
            )
            for key, value in node.inputs.items()
        ]
        if node.flattened:
            actual = [
                (key, flattened(value) if key in node.flattened - node.mapped else value)
                for key, value in actual
            ]
        return [value for _, value in actual[: node.positional]], dict(actual[node.positional :])

    def store(self, row: int, value: Any) -> None:
        """Keep the value of `row`; a child's goes into the list that is its mapped row's value."""
        if row < len(self.plan.tasks):
            self.values[row] = value
        else:
            self.values[self.scheduler.origin(row)][self.scheduler.child_index(row)] = value

    def keep(self, row: int, outcome: "Outcome") -> None:
        """Keep what `row` ended with; who takes its value gets its exception if it failed."""
        value = outcome.value
        if outcome.error is not None:
            self.errors[row] = outcome.error
            value = outcome.error if value is None else value
        self.store(row, value)

    def refuse(self, row: int, reason: str) -> None:
        """`row` ends because of its trigger, without having run."""
        self.errors[row] = error = TRIGGERFAIL(reason)
        self.store(row, error)


__all__ = ["Values"]
