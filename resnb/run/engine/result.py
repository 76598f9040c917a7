"""From a run's arrays to the `State` objects that users see, made when somebody asks."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from resnb.graph.tasks.task import Task
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
    Elsewhere,
    Failed,
    Mapped,
    State,
    Success,
)

if TYPE_CHECKING:
    from resnb.run.engine.engine import Engine

_NAMED = 5
"""How many failed tasks a flow's message names."""


def state_of(engine: "Engine", row: int) -> State:
    """The state of `row` as it is now."""
    given = engine.plan.given.get(row)
    if given is not None:
        return given
    code = engine.table.state[row]
    reason = engine.scheduler.reasons.get(row, "")
    if code == MAPPED:
        block = engine.scheduler.children[row]
        states = [state_of(engine, child) for child in block.rows()]
        values = engine.values[row]
        if any(isinstance(one, Elsewhere) for one in values):
            values = _Together(values)
        return Mapped(reason, values, states)
    error = engine.errors.get(row)
    if error is not None and (code >= FIRST_UNSUCCESSFUL or code < FIRST_FINISHED):
        return CLASSES[code](reason, error)
    origin = engine.scheduler.origin(row)
    if origin != row:
        return CLASSES[code](reason, engine.values[origin][engine.scheduler.child_index(row)])
    return CLASSES[code](reason, engine.values[row])


class _Together(Elsewhere):
    """The values of a mapped task, some of which are kept elsewhere."""

    __slots__ = ("_values",)

    def __init__(self, values: list[Any]) -> None:
        self._values = values

    def fetched(self) -> list[Any]:
        found = next(one for one in self._values if isinstance(one, Elsewhere))
        return found.together(self._values)


class TaskStates(Mapping[Task, State]):
    """The state of each task of a run; a state object is made when it is looked up.

    Args:
        engine: the run.
    """

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine

    def __getitem__(self, task: Task) -> State:
        try:
            row = self._engine.plan.row_of[task]
        except KeyError:
            name = getattr(task, "name", task)
            message = f"task {name!r} took no part in this run of {self._engine.plan.flow.name!r}"
            raise KeyError(message) from None
        return state_of(self._engine, row)

    def __iter__(self) -> Iterator[Task]:
        return iter(self._engine.plan.tasks)

    def __len__(self) -> int:
        return len(self._engine.plan.tasks)

    def __repr__(self) -> str:
        """A stable text: neither times nor addresses."""
        return f"<states of {len(self)} tasks>"


def flow_state(engine: "Engine", references: Iterable[Task]) -> State:
    """The final state of the flow.

    Args:
        engine: the run, which has ended.
        references: the tasks that decide.
    """
    name, result = engine.plan.flow.name, TaskStates(engine)
    codes = [
        code
        for task in references
        if (row := engine.plan.row_of.get(task)) is not None
        for code in _codes(engine, row)
    ]
    if engine.scheduler.cancelled:
        return Cancelled(f"flow {name!r} was cancelled", result)
    if any(code in (FAILED, TRIGGER_FAILED, TIMED_OUT) for code in codes):
        return Failed(f"flow {name!r} failed: {failures(engine)}", result)
    if any(code == CANCELLED for code in codes):
        return Cancelled(f"flow {name!r}: a task was cancelled", result)
    broken = failures(engine, cleanups=True)
    return Success(f"but {broken}" if broken else "", result)


def _codes(engine: "Engine", row: int) -> Iterable[int]:
    block = engine.scheduler.children.get(row)
    return engine.table.state[block.first : block.last] if block else (engine.table.state[row],)


def failures(engine: "Engine", *, cleanups: bool = False) -> str:
    """What failed and why, in one line: causes first, consequences only if there are no causes.

    Args:
        engine: the run.
        cleanups: whether to name the failed clean-ups only.
    """
    plan, scheduler, state = engine.plan, engine.scheduler, engine.table.state
    found: dict[int, list[str]] = {FAILED: [], TRIGGER_FAILED: []}
    for row, code in enumerate(bytes(state)):
        if code not in (FAILED, TIMED_OUT, TRIGGER_FAILED):
            continue
        origin = scheduler.origin(row)
        task = plan.tasks[origin]
        if cleanups and task.kind != "cleanup":
            continue
        item = f" (item {row - scheduler.children[origin].first})" if origin != row else ""
        reason = scheduler.reasons.get(row, CLASSES[code].__name__)
        kind = TRIGGER_FAILED if code == TRIGGER_FAILED else FAILED
        found[kind].append(f"task {task.name!r}{item}: {reason}")
    texts = found[FAILED] or found[TRIGGER_FAILED]
    more = [f"and {len(texts) - _NAMED} more"] if len(texts) > _NAMED else []
    return "; ".join([*texts[:_NAMED], *more])


__all__ = ["TaskStates", "failures", "flow_state", "state_of"]
