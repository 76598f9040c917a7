"""Details of one task of the latest run, for the widget's inspector.

They are bounded in size, and read while the run goes on, on a thread that is not the run's.
"""

from typing import TYPE_CHECKING, NamedTuple

from resnb.run.engine.result import value_of_mapped
from resnb.run.output.log import Piece
from resnb.states import (
    FAILED,
    FIRST_FINISHED,
    MAPPED,
    NAMES,
    PENDING,
    TIMED_OUT,
    TRIGGER_FAILED,
    Mapped,
    State,
)

if TYPE_CHECKING:
    from resnb.graph.tasks.task import Task
    from resnb.run.memory import FlowMemory

FAILURES = (FAILED, TIMED_OUT, TRIGGER_FAILED)
MOST_SEARCHED = 20_000
"""Maximum number of children that are searched for failures."""


class FailedChild(NamedTuple):
    """A child of a mapped task that failed.

    Attributes:
        item: the number of the item, from 0.
    """

    item: int
    reason: str
    error: BaseException | None


def state_alone(memory: "FlowMemory", task: "Task") -> State:
    """The latest state of `task`; for a mapped one, without the states of its children."""
    found = memory.row_of(task)
    if found is None or found[1] in found[0].plan.given:
        return memory.state_of(task)
    execution, row = found
    if execution.table.state[row] != MAPPED:
        return memory.state_of(task)
    value = value_of_mapped(execution.values[row])
    return Mapped(execution.scheduler.reasons.get(row, ""), value)


def running_for(memory: "FlowMemory", task: "Task") -> float | None:
    """How long the latest try of `task` has been running, in seconds; None if it is not."""
    found = memory.row_of(task)
    if found is None:
        return None
    execution, row = found
    started = execution.table.started[row]
    if not started or not PENDING < execution.table.state[row] < FIRST_FINISHED:
        return None
    return max(0.0, execution.clock.now() - started)


def failed_children(memory: "FlowMemory", task: "Task", most: int) -> list[FailedChild]:
    """The first `most` children of a mapped task that failed."""
    found = memory.row_of(task)
    if found is None or found[1] in found[0].plan.given:
        states: tuple[State, ...] = getattr(memory.state_of(task), "map_states", ())
        failed = [(item, one) for item, one in enumerate(states) if one.code in FAILURES]
        return [FailedChild(item, one.message, _error(one.result)) for item, one in failed[:most]]
    execution, row = found
    block = execution.mapped.children.get(row)
    children = []
    for child in () if block is None else block.rows()[:MOST_SEARCHED]:
        code = execution.table.state[child]
        if code in FAILURES:
            reason = execution.scheduler.reasons.get(child, NAMES[code])
            item = child - execution.mapped.children[row].first
            children.append(FailedChild(item, reason, execution.errors.get(child)))
            if len(children) == most:
                break
    return children


def log_since(memory: "FlowMemory", task: "Task", position: int, most: int) -> Piece:
    """The last `most` characters of what `task` has printed after `position`."""
    found = memory.row_of(task)
    return Piece(0, 0, "") if found is None else found[0].output.log_since(found[1], position, most)


def run_number(memory: "FlowMemory", task: "Task") -> int:
    """A number that tells the latest run with `task` in it from earlier ones."""
    found = memory.row_of(task)
    return 0 if found is None else found[0].output.number


def _error(result: object) -> BaseException | None:
    return result if isinstance(result, BaseException) else None
