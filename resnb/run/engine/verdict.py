"""How a run ends: its final state, and the line that names what failed and why."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from resnb.errors import user_frames, user_line
from resnb.graph.tasks.task import Task
from resnb.run.engine.result import TaskStates
from resnb.run.scheduling.outcome import is_stop, text_of
from resnb.states import (
    CANCELLED,
    CLASSES,
    FAILED,
    TIMED_OUT,
    TRIGGER_FAILED,
    Cancelled,
    Failed,
    State,
    Success,
    TimedOut,
)

if TYPE_CHECKING:
    from resnb.run.engine.execution import Execution

_NAMED: Final = 5
"""Maximum number of failed tasks that a flow's message names."""


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
    it is. If it succeeds, the message names the tasks that failed. `overrun` is its timeout if that
    is over, else None.
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
    """The first failure in the order of the flow, clean-ups last, with the user's line; or ""."""
    plan, state = execution.plan, execution.table.state
    causes = [row for row, code in enumerate(bytes(state)) if code in (FAILED, TIMED_OUT)]
    causes.sort(key=lambda row: plan.tasks[execution.mapped.origin(row)].kind == "cleanup")
    if not causes:
        return _stopped(execution) or failures(execution)
    more = f" (and {len(causes) - 1} more)" if len(causes) > 1 else ""
    where = user_line(execution.errors.get(causes[0]))
    return f"{_failure(execution, causes[0])}{where and f' ({where})'}{more}"


def _stopped(execution: "Execution") -> str:
    """What was stopped and why, in one line, if no task has failed by itself; else empty."""
    codes = bytes(execution.table.state)
    if FAILED in codes or TIMED_OUT in codes:
        return ""
    return _listed(execution, [row for row, code in enumerate(codes) if code == CANCELLED])


def _listed(execution: "Execution", rows: Sequence[int]) -> str:
    """What failed in `rows`, and why; of many rows only the first ones are named."""
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
    return _listed(execution, found[FAILED] or found[TRIGGER_FAILED])
