"""Expands mapped rows into a child for each item, and prepares the calls of the children.

A source that failed has no items; if another source succeeded, each child gets None in its place.
For flattened sources it is remembered which child upstream gave each item.

Most children need only a plain call of their code. A worker keeps the block of such children at
hand, so that a child costs no more than any other row.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from resnb.graph.arguments import Collection
from resnb.graph.base.inputs import flat, is_sequence, items_of, joined
from resnb.graph.base.triggers import Trigger
from resnb.graph.tasks.task import Task
from resnb.run.scheduling.plan import argument
from resnb.states import CANCELLED, FIRST_UNSUCCESSFUL, MAPPED

if TYPE_CHECKING:
    from resnb.run.engine.execution import Execution
    from resnb.run.scheduling.plan import Plan


# ---- what a row is mapped over


class Source(NamedTuple):
    """Something that a row is mapped over.

    Attributes:
        key: the argument; empty for what only has to end first, of which only the length counts.
        is_flat: whether it is to be flattened by one level.
        children: whether it is the list of values of a mapped row's children.
        origin: that mapped row, if its children's values are flattened; else -1.
        first: the row of the first of these children.
    """

    key: str
    value: Any
    is_flat: bool = False
    children: bool = False
    origin: int = -1
    first: int = 0


class MappedInputs:
    """What a row is mapped over.

    Attributes:
        owners: for each mapped row whose children's values are flattened, the child that gave each
            item.
        lengths: how many items each source has.
    """

    def __init__(self) -> None:
        self.items: dict[str, Sequence[Any]] = {}
        self.owners: dict[int, list[int]] = {}
        self.lengths: list[int] = []

    def add(self, source: Source, items: Sequence[Any], counts: Sequence[int] = ()) -> None:
        """Add the `items` of `source`; `counts` has the number that each flattened child gave."""
        if source.key:
            self.items[source.key] = items
        if source.origin >= 0:
            self.owners[source.origin] = [
                row for row, count in enumerate(counts, source.first) for _ in range(count)
            ]
        self.lengths.append(len(items))


def sources(execution: "Execution", row: int, values: Any) -> Iterator[Source]:
    """What `row` is mapped over, in the order of its arguments; `values` has each row's value."""
    node, plan, state = execution.plan.nodes[row], execution.plan, execution.table.state
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
        block = execution.mapped.children.get(source)
        first = 0 if block is None else block.first
        yield Source(key, value, is_flat, children=True, origin=source, first=first)
    for upstream, mapped in node.control.items():
        source = plan.row_of.get(upstream, -1)
        if mapped and source >= 0 and state[source] < FIRST_UNSUCCESSFUL:
            yield Source("", values[source])


def take_in(given: MappedInputs, name: str, source: Source) -> None:
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


def mapped_inputs(execution: "Execution", row: int) -> MappedInputs:
    """What `row` is mapped over.

    Raises:
        BaseException: it cannot be mapped over that.
    """
    given, name = MappedInputs(), execution.plan.tasks[row].name
    for source in sources(execution, row, execution.readable):
        take_in(given, name, source)
    return given


# ---- its children


def expand(execution: "Execution", row: int, given: MappedInputs) -> None:
    """Give each item that `row` is mapped over a child."""
    node, plan = execution.plan.nodes[row], execution.plan
    count = min(given.lengths, default=0)
    nothing = [None] * count
    items = execution.items[row] = {key: given.items.get(key, nothing) for key in node.mapped}
    execution.owners[row] = given.owners
    if _is_plain(plan, row):
        values = execution.readable
        execution.columns[row] = [
            items[key] if key in items else [argument(value, plan.row_of, values)] * count
            for key, value in node.inputs.items()
        ]
    kept, codes = plan.kept.get(row), {}
    execution.values[row] = nothing.copy()
    if kept is not None and len(kept) == count:  # else the items have changed
        codes = {number: one.code for number, one in enumerate(kept) if one.is_finished()}
        execution.values[row] = execution.kept_values(row)
    execution.post(_expand, execution, row, count, given.owners, codes)


def _expand(
    execution: "Execution",
    row: int,
    count: int,
    owners: dict[int, list[int]],
    codes: dict[int, int],
) -> None:
    """Expand `row`, but cancel the items whose resources are gone; with the lock held."""
    gone = execution.scopes.rows.items_of(row, execution.scopes.taken_away.items)
    for number in gone:
        if number < count:
            codes.setdefault(number, CANCELLED)
    execution.scheduler.expand(row, count, owners, codes)
    first = execution.mapped.children[row].first
    for number, reason in gone.items():
        execution.scheduler.reasons.setdefault(first + number, reason)


def _is_plain(plan: "Plan", row: int) -> bool:
    """Whether a child of `row` needs only a plain call of its code.

    A collection that is not mapped over is made anew for each child, since a task may change
    it.
    """
    task, node = plan.tasks[row], plan.nodes[row]
    inputs = node.inputs
    return (
        row not in plan.lanes
        and row not in plan.watched
        and task.timeout is None
        and isinstance(task.trigger, Trigger)
        and not task.on_completion
        and not task.on_running
        and node.positional == len(inputs)
        and node.flattened <= node.mapped
        and not any(type(inputs[key]) is Collection for key in inputs.keys() - node.mapped)
    )


class Block(NamedTuple):
    """The rows of one mapped row's children.

    Attributes:
        first: the first of them.
        last: the row after the last of them.
        function: their code; None if running them takes more than calling it.
        columns: for each argument the values of all children.
        results: where their values go.
    """

    first: int
    last: int
    function: Callable[..., Any] | None
    columns: Sequence[Sequence[Any]]
    results: list[Any]


NO_BLOCK = Block(0, 0, None, (), [])


def block_of(execution: "Execution", row: int) -> Block:
    """The block that `row` is in."""
    origin = execution.mapped.origin(row)
    rows = execution.mapped.children.get(origin)
    if rows is None:  # no child: the plan has grown since the worker began
        return Block(row, row + 1, None, (), [])
    columns = execution.columns.get(origin)
    function = None if columns is None else execution.plan.functions[origin]
    return Block(rows.first, rows.last, function, columns or (), execution.values[origin])
