"""Mapping over what is on a cluster: only its length comes to the kernel."""

from functools import partial
from typing import TYPE_CHECKING, Any

from resnb.dask.held import Held, Items
from resnb.dask.sent import Told, error_of
from resnb.graph.inputs import items_of
from resnb.run import outcome as outcomes
from resnb.run import special
from resnb.run.outcome import Outcome
from resnb.run.plan import argument
from resnb.states import FAILED, Elsewhere

if TYPE_CHECKING:
    from resnb.dask.lane import Lane


def measure(lane: "Lane", row: int, known: dict[str, Any]) -> None:
    """Find out how many items `row` is mapped over, and give it its children."""
    engine = lane.engine
    node = engine.plan.nodes[row]
    values = lane.calls.values
    try:
        for key in sorted(node.mapped - known.keys()):
            value = argument(node.inputs[key], engine.plan.row_of, values)
            flat = key in node.flattened
            if lane.calls.is_remote(value, flat=flat):
                held, count = lane.calls.counted(node.task.name, key, value, flat=flat)
                lane.bring(count, partial(_measured, lane, row, known, (key, held)))
                return
            if isinstance(value, Elsewhere):
                value = value.fetched()
            known[key] = items_of(node.task.name, key, value, flat=flat)
    except Exception as error:  # noqa: BLE001 - the user's values
        _refuse(lane, row, error)
        return
    lane.taken.discard(row)
    engine.table.tries[row] += 1
    engine.table.started[row] = engine.clock.now()
    engine.post(special.begun, engine, row)
    special.expand(engine, row, {key: known[key] for key in node.inputs if key in known})


def _measured(
    lane: "Lane", row: int, known: dict[str, Any], of: tuple[str, Held], count: Any
) -> None:
    key, held = of
    if row not in lane.taken:
        return
    if isinstance(count, Told):
        count = error_of(count)
    if isinstance(count, BaseException):
        _refuse(lane, row, count)
    else:
        measure(lane, row, {**known, key: Items(held, count)})


def _refuse(lane: "Lane", row: int, error: BaseException) -> None:
    """`row` cannot be mapped; no further try would change that."""
    engine = lane.engine
    lane.taken.discard(row)
    engine.post(special.begun, engine, row)
    outcome = Outcome(FAILED, error=error, reason=outcomes.text_of(error))
    special.settle(engine, row, engine.plan.tasks[row], outcome)


__all__ = ["measure"]
