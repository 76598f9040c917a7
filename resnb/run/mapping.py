"""Mapped rows: the items that each child gets, and whose state each child goes by.

What failed upstream gives no items; where something else that is mapped over did, its place is
None. What is flattened remembers which child upstream gave each item.
"""

from typing import TYPE_CHECKING, Any

from resnb.graph.inputs import flat, is_sequence
from resnb.graph.task import Task
from resnb.run import outcome as outcomes
from resnb.run.outcome import Outcome
from resnb.run.plan import argument
from resnb.states import FAILED, FIRST_UNSUCCESSFUL, MAPPED

if TYPE_CHECKING:
    from resnb.run.engine import Engine


def expand(engine: "Engine", row: int, task: Task) -> None:
    """Give each item that `row` is mapped over a child."""
    from resnb.run.special import settle

    owners: dict[int, list[int]] = {}
    try:
        items, lengths = _items(engine, row, task, owners)
    except BaseException as error:  # noqa: BLE001 - the user's values
        settle(engine, row, task, Outcome(FAILED, error=error, reason=outcomes.text_of(error)))
        return
    count = min(lengths, default=0)
    for key in engine.plan.nodes[row].mapped - items.keys():
        items[key] = [None] * count
    engine.items[row] = items
    engine.owners[row] = owners
    kept = engine.plan.kept.get(row, [])
    codes: dict[int, int] = {}
    engine.values[row] = [None] * count
    if len(kept) == count:  # else the items are others
        codes = {number: one.code for number, one in enumerate(kept) if one.is_finished()}
        engine.values[row] = [one.result if one.is_finished() else None for one in kept]
    engine.post(engine.scheduler.expand, row, count, owners, codes)


def _items(
    engine: "Engine", row: int, task: Task, owners: dict[int, list[int]]
) -> tuple[dict[str, list[Any]], list[int]]:
    """The items by argument, and how many each thing that is mapped over gives."""
    node, plan, state = engine.plan.nodes[row], engine.plan, engine.table.state
    items: dict[str, list[Any]] = {}
    lengths = []
    for key in node.mapped:
        given = node.inputs[key]
        source = plan.row_of[given] if isinstance(given, Task) else -1
        if source >= 0 and state[source] >= FIRST_UNSUCCESSFUL:
            continue
        value = argument(given, plan.row_of, engine.values)
        if key not in node.flattened:
            items[key] = _checked(task, key, value)
        elif source >= 0 and state[source] == MAPPED:
            block = engine.scheduler.children.get(source)
            first = block.first if block else 0
            items[key], owners[source] = _flat_children(value, first)
        else:
            items[key] = _checked(task, key, flat(value))
        lengths.append(len(items[key]))
    for upstream, mapped in node.control.items():
        if mapped and is_sequence(engine.values[plan.row_of[upstream]]):
            lengths.append(len(engine.values[plan.row_of[upstream]]))
    return items, lengths


def _flat_children(values: list[Any], first: int) -> tuple[list[Any], list[int]]:
    """What the children from row `first` on gave, one level flatter, and the row of each item.

    A child that failed, or gave no collection, gives one item.
    """
    items: list[Any] = []
    owners: list[int] = []
    for row, value in enumerate(values, first):
        found = list(value) if hasattr(type(value), "__iter__") else [value]
        items += found
        owners += [row] * len(found)
    return items, owners


def _checked(task: Task, key: str, value: Any) -> list[Any]:
    if not is_sequence(value):
        message = (
            f"task {task.name!r} cannot be mapped over {key}, which is no sequence but "
            f"{type(value).__name__}: wrap it in unmapped(...)"
        )
        raise TypeError(message)
    return list(value)


__all__ = ["expand"]
