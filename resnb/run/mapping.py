"""Mapped rows: from what a row is mapped over to a row for each item, and how these are called.

The children of most mapped tasks need no more than their code called with their items. For
those a worker keeps the block that it is in at hand, so that a child costs what any row does.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from resnb.graph.inputs import Collection, items_of
from resnb.graph.triggers import Trigger
from resnb.run import outcome as outcomes
from resnb.run.outcome import Outcome
from resnb.run.plan import argument
from resnb.states import FAILED

if TYPE_CHECKING:
    from resnb.graph.task import Task
    from resnb.run.engine import Engine
    from resnb.run.plan import Plan


class Block(NamedTuple):
    """The rows of one mapped row's children.

    Attributes:
        first: the first of them.
        last: the one after the last.
        function: their code; None where running them takes more than calling it.
        columns: for each argument the values of all children.
        results: where their values go.
    """

    first: int
    last: int
    function: Callable[..., Any] | None
    columns: Sequence[Sequence[Any]]
    results: list[Any]


NO_BLOCK = Block(0, 0, None, (), [])


def block_of(engine: "Engine", row: int) -> Block:
    """The block that `row` is in."""
    origin = engine.scheduler.origin(row)
    rows = engine.scheduler.children.get(origin)
    if rows is None:  # no child: the plan has grown since the worker began
        return Block(row, row + 1, None, (), [])
    columns = engine.columns.get(origin)
    function = None if columns is None else engine.plan.functions[origin]
    return Block(rows.first, rows.last, function, columns or (), engine.values[origin])


def mapped_over(engine: "Engine", row: int, task: "Task") -> dict[str, Any] | Outcome:
    """What `row` is mapped over, by argument; what becomes of `row` if it cannot be."""
    node, plan, values = engine.plan.nodes[row], engine.plan, engine.readable
    items: dict[str, Any] = {}
    try:
        for key in node.mapped:
            value = argument(node.inputs[key], plan.row_of, values)
            items[key] = items_of(task.name, key, value, flat=key in node.flattened)
    except BaseException as error:  # noqa: BLE001 - the user's values
        return Outcome(FAILED, error=error, reason=outcomes.text_of(error))
    return items


def expand(engine: "Engine", row: int, items: dict[str, Any]) -> None:
    """Give each item that `row` is mapped over a child."""
    node, plan = engine.plan.nodes[row], engine.plan
    lengths = [len(one) for one in items.values()]
    for source, mapped in node.control.items():
        block = engine.scheduler.children.get(plan.row_of[source]) if mapped else None
        if block is not None:
            lengths.append(block.last - block.first)
    count = min(lengths, default=0)
    engine.items[row] = items
    if _is_plain(plan, row):
        values = engine.readable
        engine.columns[row] = [
            items[key] if key in items else [argument(value, plan.row_of, values)] * count
            for key, value in node.inputs.items()
        ]
    engine.values[row] = [None] * count
    engine.post(engine.scheduler.expand, row, count)


def _is_plain(plan: "Plan", row: int) -> bool:
    """Whether calling its code is all that it takes to run a child of `row`.

    A collection that is not mapped over is made anew for each child, for a task may change it.
    """
    task, node = plan.tasks[row], plan.nodes[row]
    inputs = node.inputs
    return (
        row not in plan.lanes
        and task.timeout is None
        and isinstance(task.trigger, Trigger)
        and not (task.state_handlers or task.on_completion)
        and node.positional == len(inputs)
        and not any(type(inputs[key]) is Collection for key in inputs.keys() - node.mapped)
    )


__all__ = ["NO_BLOCK", "Block", "block_of", "expand", "mapped_over"]
