"""Mapped rows: from what a row is mapped over to a row for each item, and how these are called.

What failed upstream gives no items; where something else that is mapped over did, its place is
None. What is flattened remembers which child upstream gave each item.

The children of most mapped tasks need no more than their code called with their items. For
those a worker keeps the block that it is in at hand, so that a child costs what any row does.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from resnb.graph.arguments import Collection
from resnb.graph.base.inputs import flat, is_sequence, items_of, joined
from resnb.graph.base.triggers import Trigger
from resnb.graph.tasks.task import Task
from resnb.run.scheduling import outcome as outcomes
from resnb.run.scheduling.outcome import Outcome
from resnb.run.scheduling.plan import argument
from resnb.states import CANCELLED, FAILED, FIRST_UNSUCCESSFUL, MAPPED

if TYPE_CHECKING:
    from resnb.run.engine.engine import Engine
    from resnb.run.scheduling.plan import Plan


# ---- what a row is mapped over


class Source(NamedTuple):
    """Something that a row is mapped over.

    Attributes:
        key: the argument; empty for what only has to come first, of which the length counts.
        value: what it is.
        is_flat: whether a level of nesting is to be taken out.
        children: whether it is the list of what the children of a mapped row gave.
        origin: that row, where its children's values are flattened; else -1.
        first: the row of the first of these children.
    """

    key: str
    value: Any
    is_flat: bool = False
    children: bool = False
    origin: int = -1
    first: int = 0


class Given:
    """What a row is mapped over.

    Attributes:
        items: the items by argument.
        owners: for each mapped row whose children's values are flattened, who gave each item.
        lengths: how many items each source has.
    """

    def __init__(self) -> None:
        self.items: dict[str, Sequence[Any]] = {}
        self.owners: dict[int, list[int]] = {}
        self.lengths: list[int] = []

    def add(self, source: Source, items: Sequence[Any], counts: Sequence[int] = ()) -> None:
        """`source` has `items`; of flattened children, each gave so many as `counts` says."""
        if source.key:
            self.items[source.key] = items
        if source.origin >= 0:
            self.owners[source.origin] = [
                row for row, count in enumerate(counts, source.first) for _ in range(count)
            ]
        self.lengths.append(len(items))


def sources(engine: "Engine", row: int, values: Any) -> Iterator[Source]:
    """What `row` is mapped over, in the order of its arguments; `values` has each row's value."""
    node, plan, state = engine.plan.nodes[row], engine.plan, engine.table.state
    for key, given in node.inputs.items():
        if key not in node.mapped:
            continue
        source = plan.row_of[given] if isinstance(given, Task) else -1
        code = state[source] if source >= 0 else -1
        if code >= FIRST_UNSUCCESSFUL:
            continue
        value, is_flat = argument(given, plan.row_of, values), key in node.flattened
        if not is_flat or code != MAPPED:
            yield Source(key, value, is_flat)
            continue
        block = engine.scheduler.children.get(source)
        first = 0 if block is None else block.first
        yield Source(key, value, is_flat, children=True, origin=source, first=first)
    for upstream, mapped in node.control.items():
        source = plan.row_of.get(upstream, -1)
        if mapped and source >= 0 and state[source] < FIRST_UNSUCCESSFUL:
            yield Source("", values[source])


def take_in(given: Given, name: str, source: Source) -> None:
    """Add `source`, whose value is here, to what task `name` is mapped over.

    Raises:
        TypeError: it has no items.
    """
    if not source.key:
        if is_sequence(source.value):
            given.add(source, source.value)
    elif source.children:
        given.add(source, *joined(source.value))
    else:
        value = flat(source.value) if source.is_flat else source.value
        given.add(source, items_of(name, source.key, value))


def mapped_over(engine: "Engine", row: int, task: Task) -> Given | Outcome:
    """What `row` is mapped over; what becomes of `row` if it cannot be."""
    given = Given()
    try:
        for source in sources(engine, row, engine.readable):
            take_in(given, task.name, source)
    except BaseException as error:  # noqa: BLE001 - the user's values
        return Outcome(FAILED, error=error, reason=outcomes.text_of(error))
    return given


# ---- its children


def expand(engine: "Engine", row: int, given: Given) -> None:
    """Give each item that `row` is mapped over a child."""
    node, plan = engine.plan.nodes[row], engine.plan
    count = min(given.lengths, default=0)
    nothing = [None] * count
    items = engine.items[row] = {key: given.items.get(key, nothing) for key in node.mapped}
    engine.owners[row] = given.owners
    if _is_plain(plan, row):
        values = engine.readable
        engine.columns[row] = [
            items[key] if key in items else [argument(value, plan.row_of, values)] * count
            for key, value in node.inputs.items()
        ]
    kept, codes = plan.kept.get(row), {}
    engine.values[row] = nothing.copy()
    if kept is not None and len(kept) == count:  # else the items are others
        codes = {number: one.code for number, one in enumerate(kept) if one.is_finished()}
        engine.values[row] = engine.kept_values(row)
    engine.post(_expand, engine, row, count, given.owners, codes)


def _expand(
    engine: "Engine", row: int, count: int, owners: dict[int, list[int]], codes: dict[int, int]
) -> None:
    """Likewise, but for the items whose resources are gone; with the lock held."""
    gone = engine.scopes.gone_items(row)
    for number in gone:
        if number < count:
            codes.setdefault(number, CANCELLED)
    first = engine.scheduler.expand(row, count, owners, codes).first
    for number, reason in gone.items():
        engine.scheduler.reasons.setdefault(first + number, reason)


def _is_plain(plan: "Plan", row: int) -> bool:
    """Whether calling its code is all that it takes to run a child of `row`.

    A collection that is not mapped over is made anew for each child, for a task may change it.
    """
    task, node = plan.tasks[row], plan.nodes[row]
    inputs = node.inputs
    return (
        row not in plan.lanes
        and row not in plan.watched
        and task.timeout is None
        and isinstance(task.trigger, Trigger)
        and not task.on_completion
        and node.positional == len(inputs)
        and node.flattened <= node.mapped
        and not any(type(inputs[key]) is Collection for key in inputs.keys() - node.mapped)
    )


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


__all__ = [
    "NO_BLOCK",
    "Block",
    "Given",
    "Source",
    "block_of",
    "expand",
    "mapped_over",
    "sources",
    "take_in",
]
