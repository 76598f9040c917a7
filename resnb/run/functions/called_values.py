"""Lets the values of a ``@flow`` function's tasks go, if it has ``keep_values="terminal"``.

The value of a called task goes when the function has it, that of a submitted one with its future.
Tasks that read a value hold the future until they have ended.
"""

from typing import TYPE_CHECKING
from weakref import finalize

from resnb.run.functions.call_arguments import NO_ARGUMENTS
from resnb.run.functions.futures import TaskFuture
from resnb.run.letting_go import let_go
from resnb.states import FIRST_FINISHED, FIRST_UNSUCCESSFUL

if TYPE_CHECKING:
    from resnb.graph.function import FlowFunction
    from resnb.run.engine.execution import Execution


class CalledValues:
    """The values of one run of a function."""

    def __init__(self, execution: "Execution", flow: "FlowFunction") -> None:
        self._execution = execution
        self._stay = flow.keep_values == "all"
        self._dropped: set[int] = set()
        if not self._stay:
            execution.scheduler.on_end = self._ended

    def handed_over(self, row: int) -> None:
        """The function has the value of `row`, which it has called."""
        if not self._stay:
            let_go(self._execution, row)

    def watch(self, future: TaskFuture) -> None:
        """Let the value of `future` go when the future is freed."""
        if not self._stay:
            finalize(future, self._drop, future.row).atexit = False

    def _drop(self, row: int) -> None:
        """Nobody has the future of `row` any more; called on any thread, so no lock is taken."""
        self._dropped.add(row)
        if self._execution.table.state[row] >= FIRST_FINISHED:
            let_go(self._execution, row)

    def _ended(self, row: int) -> None:
        """`row` has its final state; with the lock held, before others are told."""
        execution = self._execution
        execution.loops.pop(row, None)
        if execution.table.state[row] < FIRST_UNSUCCESSFUL:
            execution.errors.pop(row, None)  # of an earlier try
        added = execution.plan.added
        if row in added:
            added[row] = added[row]._replace(arguments=NO_ARGUMENTS)
        if row in self._dropped:
            let_go(execution, row)
