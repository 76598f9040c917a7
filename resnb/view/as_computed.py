"""A flow's progress as it would be if no value had been kept on disk by an earlier run.

Saved notebooks have this in words: whether a value was computed or found depends on what happened
to be kept on that machine, and the outcome does not. Pictures and live views tell what was found.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from resnb.graph.base.kinds import SCOPE_KINDS
from resnb.states import CACHED, FOUND, SKIPPED, SUCCESS
from resnb.view.snapshot import Progress

if TYPE_CHECKING:
    from resnb.graph.resources.scope import Scope
    from resnb.graph.tasks.task import Task
    from resnb.states import State


class AsComputed:
    """The progress (see `resnb.view.snapshot`) as if all that was found had been computed.

    A scope that was not set up since what is in it was found counts as set up and closed.

    Args:
        progress: what has really happened.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    @property
    def link(self) -> str:
        """As it is."""
        return self._progress.link

    @property
    def stale(self) -> "Mapping[Task, str]":
        """As they are."""
        return self._progress.stale

    def codes_of(self, tasks: "Sequence[Task]") -> bytes:
        """The code of each task's state."""
        found = bytearray(self._progress.codes_of(tasks))
        for place, task in enumerate(tasks):
            code = found[place]
            if (code == CACHED and self._was_found(task)) or (
                code == SKIPPED and task.kind in SCOPE_KINDS and self._is_spared(task.scope)
            ):
                found[place] = SUCCESS
        return bytes(found)

    def child_counts(self, task: "Task") -> Mapping[int, int]:
        """The number of children by state code."""
        counts = Counter(self._progress.child_counts(task))
        if found := counts.pop(CACHED, 0):
            counts[SUCCESS] += found
        return counts

    def lease_state(self, scope: "Scope") -> str:
        """The state of the scope's lease."""
        return "closed" if self._is_spared(scope) else self._progress.lease_state(scope)

    def lease_states(self, scope: "Scope") -> Mapping[str, int]:
        """As they are."""
        return self._progress.lease_states(scope)

    def state_of(self, task: "Task") -> "State":
        """As it is."""
        return self._progress.state_of(task)

    def flow_code(self) -> int:
        """As it is."""
        return self._progress.flow_code()

    def _was_found(self, task: "Task") -> bool:
        return self._progress.state_of(task).message == FOUND

    def _is_spared(self, scope: "Scope") -> bool:
        """Whether it was not set up, and something inside it has a value nevertheless."""
        flow: Any = scope.flow
        state_of = self._progress.state_of
        return state_of(scope.setup_task).is_skipped() and any(
            state_of(task).is_cached()
            for one in flow.scopes
            if scope in one.around()
            for task in one.members
        )
