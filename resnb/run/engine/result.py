"""Makes the `State` objects that users see from a run's arrays, on demand."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from resnb.elsewhere import Elsewhere, LetGo
from resnb.errors import shown_without_ours, user_frames, user_line
from resnb.graph.tasks.task import Task
from resnb.run.scheduling.outcome import is_stop, text_of
from resnb.states import (
    CANCELLED,
    CLASSES,
    FAILED,
    FIRST_FINISHED,
    FIRST_UNSUCCESSFUL,
    MAPPED,
    TIMED_OUT,
    TRIGGER_FAILED,
    Cancelled,
    Failed,
    Mapped,
    State,
    Success,
    TimedOut,
)

if TYPE_CHECKING:
    from resnb.run.engine.execution import Execution

_NAMED = 5
"""Maximum number of failed tasks that a flow's message names."""


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


def flow_state(execution: "Execution", references: Iterable[Task]) -> State:
    """The final state of a run that has ended; `references` are the tasks that decide it."""
    name, result = execution.plan.flow.name, TaskStates(execution)
    codes = [
        code
        for task in references
        if (row := execution.plan.row_of.get(task)) is not None
        for code in _codes(execution, row)
    ]
    if execution.scheduler.cancelled:
        return Cancelled(f"flow {name!r} was cancelled", result)
    if any(code in (FAILED, TRIGGER_FAILED, TIMED_OUT) for code in codes):
        why = _stopped(execution) or failures(execution)
        return Failed(f"flow {name!r} failed: {why}", result)
    if any(code == CANCELLED for code in codes):
        return Cancelled(f"flow {name!r}: {_stopped(execution) or 'a task was cancelled'}", result)
    if lost := execution.scopes.losses():
        return Failed(f"flow {name!r} failed: {'; '.join(lost)}", result)
    broken = failures(execution, cleanups=True)
    return Success(f"but {broken}" if broken else "", result)


def function_state(
    execution: "Execution", value: Any, error: BaseException | None, overrun: float | None
) -> State:
    """The final state of a ``@flow`` function, which decides it as in Prefect 3.

    Its ``result`` is what the function returned or raised. A state that it returned is taken as
    it is; tasks that failed without the function failing are named in the message. `overrun` is
    its timeout if that is over, else None.
    """
    name = execution.plan.flow.name
    if error is None:
        if isinstance(value, State):
            return value
        broken = failures(execution)
        return Success(f"but {broken}" if broken else "", value)
    stopped = is_stop(error) or isinstance(error, GeneratorExit)
    if overrun is not None and stopped:
        message = f"flow {name!r} ran for longer than its timeout of {overrun:g} s"
        return TimedOut(message, TimeoutError(message))
    if stopped:
        return Cancelled(f"flow {name!r} was cancelled", error)
    return Failed(text_of(error), error.with_traceback(user_frames(error.__traceback__)))


def _codes(execution: "Execution", row: int) -> Iterable[int]:
    block = execution.mapped.children.get(row)
    return (
        execution.table.state[block.first : block.last] if block else (execution.table.state[row],)
    )


def first_failure(execution: "Execution") -> str:
    """What failed first in the order of the flow, clean-ups last, and the user's line; or empty."""
    plan, state = execution.plan, execution.table.state
    causes = [row for row, code in enumerate(bytes(state)) if code in (FAILED, TIMED_OUT)]
    causes.sort(key=lambda row: plan.tasks[execution.mapped.origin(row)].kind == "cleanup")
    if not causes:
        return _stopped(execution) or failures(execution)
    more = f" (and {len(causes) - 1} more)" if len(causes) > 1 else ""
    where = user_line(execution.errors.get(causes[0]))
    return f"{_failure(execution, causes[0])}{where and f' ({where})'}{more}"


def _stopped(execution: "Execution") -> str:
    """What was stopped and why, in one line, if nothing has failed of itself; or empty."""
    codes = bytes(execution.table.state)
    if FAILED in codes or TIMED_OUT in codes:
        return ""
    rows = [row for row, code in enumerate(codes) if code == CANCELLED]
    more = [f"and {len(rows) - _NAMED} more"] if len(rows) > _NAMED else []
    return "; ".join([*(_failure(execution, row) for row in rows[:_NAMED]), *more])


def _failure(execution: "Execution", row: int) -> str:
    """What failed in `row`, and why."""
    plan, origin = execution.plan, execution.mapped.origin(row)
    item = f" (item {row - execution.mapped.children[origin].first})" if origin != row else ""
    code = execution.table.state[row]
    reason = execution.scheduler.reasons.get(row, CLASSES[code].__name__)
    return f"task {plan.flow.label_of(plan.tasks[origin])!r}{item}: {reason}"


def failures(execution: "Execution", *, cleanups: bool = False) -> str:
    """What failed and why, in one line: causes first, consequences only if there are no causes.

    On request, only the failed clean-ups.
    """
    plan, state = execution.plan, execution.table.state
    found: dict[int, list[int]] = {FAILED: [], TRIGGER_FAILED: []}
    for row, code in enumerate(bytes(state)):
        if code not in (FAILED, TIMED_OUT, TRIGGER_FAILED):
            continue
        if cleanups and plan.tasks[execution.mapped.origin(row)].kind != "cleanup":
            continue
        kind = TRIGGER_FAILED if code == TRIGGER_FAILED else FAILED
        found[kind].append(row)
    rows = found[FAILED] or found[TRIGGER_FAILED]
    more = [f"and {len(rows) - _NAMED} more"] if len(rows) > _NAMED else []
    return "; ".join([*(_failure(execution, row) for row in rows[:_NAMED]), *more])
