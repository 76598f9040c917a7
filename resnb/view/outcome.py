"""Reads a run's final state as progress, for pictures of a run that is over."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from resnb.states import FAILED, PENDING, SUCCESS, TIMED_OUT, Mapped, Pending
from resnb.view.snapshot import NOT_YET

if TYPE_CHECKING:
    from resnb.graph.resources.scope import Scope
    from resnb.graph.tasks.task import Task
    from resnb.states import State


class FinalProgress:
    """The progress (see `resnb.view.snapshot`) that a flow's final state shows."""

    link = ""

    def __init__(self, state: "State") -> None:
        self._state = state
        result: Any = state.kept
        self._states: Mapping[Task, State] = result if isinstance(result, Mapping) else {}

    @property
    def stale(self) -> "Mapping[Task, str]":
        """None: a state does not know what has changed since."""
        return {}

    def code_of(self, task: "Task") -> int:
        """The code of the task's state; pending if the task was not in the run."""
        state = self._states.get(task)
        return PENDING if state is None else state.code

    def codes_of(self, tasks: "Sequence[Task]") -> bytes:
        """The code of each task's state."""
        return bytes(map(self.code_of, tasks))

    def child_counts(self, task: "Task") -> Mapping[int, int]:
        """The number of children by state code."""
        state = self._states.get(task)
        return Counter(one.code for one in state.map_states) if isinstance(state, Mapped) else {}

    def lease_state(self, scope: "Scope") -> str:
        """The lease's state, as far as the states of set-up and clean-up show it."""
        if scope.is_mapped:
            return next(iter(self.lease_states(scope)), NOT_YET)
        return _lease_state(self.code_of(scope.setup_task), self.code_of(scope.cleanup_task))

    def lease_states(self, scope: "Scope") -> Mapping[str, int]:
        """The states of a mapped scope's leases, likewise."""
        setups, cleanups = (
            [one.code for one in getattr(self._states.get(task), "map_states", ())]
            for task in (scope.setup_task, scope.cleanup_task)
        )
        pairs = zip_longest(setups, cleanups, fillvalue=PENDING)
        found = Counter(_lease_state(*pair) for pair in pairs)
        return {state: found[state] for state in ("failed", "open", "closed") if found[state]}

    def state_of(self, task: "Task") -> "State":
        """The task's state; pending if the task was not in the run."""
        return self._states.get(task, Pending())

    def flow_code(self) -> int:
        """The code of the flow's state."""
        return self._state.code


def _lease_state(setup: int, cleanup: int) -> str:
    """The lease's state after a set-up and its clean-up have ended in these states."""
    if cleanup == SUCCESS:
        return "closed"
    if cleanup in (FAILED, TIMED_OUT):
        return "failed"
    return "open" if setup == SUCCESS else NOT_YET
