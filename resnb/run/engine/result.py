"""The `State` objects of tasks, which are made from a run's arrays on demand."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from resnb.elsewhere import Elsewhere, LetGo
from resnb.errors import shown_without_ours
from resnb.graph.tasks.task import Task
from resnb.states import (
    CLASSES,
    FIRST_FINISHED,
    FIRST_UNSUCCESSFUL,
    MAPPED,
    Mapped,
    State,
)

if TYPE_CHECKING:
    from resnb.run.engine.execution import Execution


def state_of(execution: "Execution", row: int) -> State:
    """The state of `row` as it is now."""
    given = execution.plan.given.get(row)
    if given is not None:
        return given
    code = execution.table.state[row]
    reason = execution.scheduler.reasons.get(row, "")
    if code == MAPPED:
        block = execution.mapped.children[row]
        states = [state_of(execution, child) for child in block.rows()]
        return Mapped(reason, value_of_mapped(execution.values[row]), states)
    error = execution.errors.get(row)
    if error is not None and (code >= FIRST_UNSUCCESSFUL or code < FIRST_FINISHED):
        return CLASSES[code](reason, error)
    origin = execution.mapped.origin(row)
    if origin != row:
        return CLASSES[code](reason, execution.values[origin][execution.mapped.index(row)])
    return CLASSES[code](reason, execution.values[row])


def value_of_mapped(values: list[Any]) -> Any:
    """The value of a mapped task with these of its children; if one was let go, it is gone, too."""
    elsewhere = [one for one in values if isinstance(one, Elsewhere)]
    gone = next((one for one in elsewhere if isinstance(one, LetGo)), None)
    if gone is not None:
        return gone
    return _MixedValues(values) if elsewhere else values


class _MixedValues(Elsewhere):
    """The values of a mapped task, some of which are on a cluster."""

    __slots__ = ("_values",)

    def __init__(self, values: list[Any]) -> None:
        self._values = values

    def fetched(self) -> list[Any]:
        found = next(one for one in self._values if isinstance(one, Elsewhere))
        return found.together(self._values)


class TaskStates(Mapping[Task, State]):
    """The state of each task of a run; a state object is made when it is looked up."""

    def __init__(self, execution: "Execution") -> None:
        self._execution = execution

    def __getitem__(self, task: Task) -> State:
        try:
            row = self._execution.plan.row_of[task]
        except KeyError:
            flow = self._execution.plan.flow
            name = flow.label_of(task) if isinstance(task, Task) else task
            message = f"task {name!r} took no part in this run of {flow.name!r}"
            raise shown_without_ours(KeyError(message)) from None
        return state_of(self._execution, row)

    def __iter__(self) -> Iterator[Task]:
        return iter(self._execution.plan.tasks)

    def __len__(self) -> int:
        return len(self._execution.plan.tasks)

    def __repr__(self) -> str:
        """A stable text: neither times nor addresses."""
        return f"<states of {len(self)} tasks>"
