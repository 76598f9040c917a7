"""Mapping over what is on a cluster: only how many items there are comes to the kernel."""

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from resnb.dask.remote_value import Held, Items
from resnb.dask.serialization import Told, error_of
from resnb.run.engine import task_runner
from resnb.run.engine.mapping import Given, Source, expand, sources, take_in
from resnb.run.scheduling import outcome as outcomes
from resnb.run.scheduling.outcome import Outcome
from resnb.states import FAILED, Elsewhere

if TYPE_CHECKING:
    from resnb.dask.cluster_run import Lane


def measure(lane: "Lane", row: int) -> None:
    """Find out how many items `row` is mapped over, and give it its children."""
    try:
        found = list(sources(lane.engine, row, lane.calls.values))
    except Exception as error:  # noqa: BLE001 - the user's values
        _refuse(lane, row, error)
    else:
        _go_on(lane, row, Given(), found)


def _go_on(lane: "Lane", row: int, given: Given, left: list[Source]) -> None:
    """Add what is `left` to what `row` is mapped over, and give it its children."""
    engine = lane.engine
    name = engine.plan.tasks[row].name
    try:
        while left:
            source = left.pop(0)
            if lane.calls.is_remote(source):
                held, count = lane.calls.counted(name, source)
                lane.bring(count, partial(_measured, lane, row, _Asked(given, left, source, held)))
                return
            take_in(given, name, source._replace(value=_here(source)))
    except Exception as error:  # noqa: BLE001 - the user's values
        _refuse(lane, row, error)
        return
    lane.taken.discard(row)
    engine.table.tries[row] += 1
    engine.table.started[row] = engine.clock.now()
    engine.post(task_runner.begun, engine, row)
    expand(engine, row, given)


def _here(source: Source) -> Any:
    """The value of `source`; the items of a list stay where they are, unless they are flattened."""
    value = source.value
    if isinstance(value, Elsewhere):
        return value.fetched()
    return Held.together(value) if source.is_flat and isinstance(value, list) else value


class _Asked(NamedTuple):
    """Whose length the cluster was asked for, and what is known and unknown besides."""

    given: Given
    left: list[Source]
    source: Source
    items: Held


def _measured(lane: "Lane", row: int, asked: _Asked, count: Any) -> None:
    if row not in lane.taken:
        return
    if isinstance(count, Told):
        count = error_of(count)
    if isinstance(count, BaseException):
        _refuse(lane, row, count)
        return
    if count is not None:  # None: something to wait for that has no items
        counts = count if asked.source.children else [count]
        asked.given.add(asked.source, Items(asked.items, sum(counts)), counts)
    _go_on(lane, row, asked.given, asked.left)


def _refuse(lane: "Lane", row: int, error: BaseException) -> None:
    """`row` cannot be mapped; no further try would change that."""
    engine = lane.engine
    lane.taken.discard(row)
    engine.post(task_runner.begun, engine, row)
    outcome = Outcome(FAILED, error=error, reason=outcomes.text_of(error))
    task_runner.settle(engine, row, engine.plan.tasks[row], outcome)


__all__ = ["measure"]
