"""The facts that running code may read about itself and its run, and what users have added.

An addition holds for the thread or coroutine that made it, until its block ends. In a task it is
gone when the task ends, because a worker's thread runs many. A run takes along the additions of the
line that began it.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from resnb.run.engine.slots import CURRENT, NOTHING

_NOBODY = (0, NOTHING)
_GIVEN: ContextVar[tuple[tuple[int, int], Mapping[str, Any]]] = ContextVar(
    "resnb_given", default=(_NOBODY, {})
)


class RunFacts(Protocol):
    """The parts of a run that are read here."""

    flow: Any
    name: str
    execution: Any
    parameters: dict[str, Any]


def _owner() -> tuple[int, int]:
    """Whose code is running: a slot and its row."""
    slot = CURRENT.get()
    return _NOBODY if slot is None else (id(slot), slot.row)


def given() -> Mapping[str, Any]:
    """The values that the running code, or a block around it, has added."""
    owner, values = _GIVEN.get()
    return values if owner == _owner() else {}


def give(values: Mapping[str, Any]) -> None:
    """Replace the values that the running code has added."""
    _GIVEN.set((_owner(), values))


def facts_of_run(run: RunFacts) -> dict[str, Any]:
    """The facts that all code of a run may read."""
    execution = run.execution
    parameters = {one.name: one.default for one in run.flow.parameters()} | run.parameters
    return {
        **facts_of_flow(run.flow.name, parameters, execution.began[1]),
        "flow_run_id": execution.run_id,
        "flow_run_name": run.name,
        **execution.surroundings,
    }


def facts_of_flow(name: str, parameters: Mapping[str, Any], began: float) -> dict[str, Any]:
    """The facts of a run that are known before it begins.

    Args:
        name: the flow's.
        parameters: all of them, by name.
        began: when, in seconds since the epoch.
    """
    dates = _dates(datetime.fromtimestamp(began, UTC))
    return {"flow_name": name, "parameters": parameters, **dates, **given()}


def facts_of_row(run: RunFacts, row: int) -> dict[str, Any]:
    """The facts that the code of one row may read besides."""
    execution = run.execution
    task = execution.task_of(row)
    index = None if row < len(execution.plan.tasks) else execution.mapped.index(row)
    rounds, result = execution.loops.get(row, (1, None))
    of_loop = {"task_loop_result": result} if rounds > 1 else {}
    return {
        **facts_of_task(task, index),
        "task_loop_count": rounds,
        "task_run_count": execution.table.tries[row],
        "task_run_id": f"{execution.run_id}-{row}",
        **of_loop,
    }


def facts_of_task(task: Any, index: int | None) -> dict[str, Any]:
    """The facts of a task, or of its child with number `index`, that are known before it runs."""
    return {
        "map_index": index,
        "task_full_name": task.name if index is None else f"{task.name}[{index}]",
        "task_name": task.name,
        "task_tags": task.tags,
    }


def _dates(began: datetime) -> dict[str, Any]:
    """When the run began, in the forms that file names are made of; in UTC."""
    found: dict[str, Any] = {"date": began, "scheduled_start_time": began}
    for name, days in (("yesterday", -1), ("today", 0), ("tomorrow", 1)):
        day = began + timedelta(days=days)
        found[name] = f"{day:%Y-%m-%d}"
        found[f"{name}_nodash"] = f"{day:%Y%m%d}"
    found["now_nodash"] = f"{began:%Y%m%dT%H%M%S}"
    return found
