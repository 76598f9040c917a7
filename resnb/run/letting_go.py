"""Lets values go after their last reader has ended: flows with ``keep_values="terminal"``.

The run's own references are dropped: the value, the lists that children are mapped over, results
of loops, and the variables in the traceback of a failure. This happens before the rows downstream
are released, so that a chain never has more than two values: the one that is read, and the new one.
"""

import traceback
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from resnb.elsewhere import Elsewhere, LetGo
from resnb.run.scheduling.readers import Readers
from resnb.states import CLASSES, FIRST_UNSUCCESSFUL, Mapped, State

if TYPE_CHECKING:
    from resnb.run.scheduling.mapped_rows import MappedRows
    from resnb.run.scheduling.plan import Plan
    from resnb.run.scheduling.state_table import Table


class Holder(Protocol):
    """What holds the values of a run: see `Execution`, which has these attributes."""

    plan: "Plan"
    table: "Table"
    mapped: "MappedRows"
    values: list[Any]
    errors: dict[int, BaseException]
    items: dict[int, dict[str, Sequence[Any]]]
    columns: dict[int, Sequence[Sequence[Any]]]
    loops: dict[int, tuple[int, Any]]


class LettingGo:
    """Lets the values of one run go."""

    def __init__(self, execution: Holder) -> None:
        self._execution = execution
        self._readers = Readers(execution.plan, execution.table)

    def begin(self) -> None:
        """The values of what was given are in place: those that nobody is to read go at once."""
        for row in self._readers.unread():
            let_go(self._execution, row)

    def ended(self, row: int) -> None:
        """`row` has its final state; with the lock held, before others are told."""
        execution = self._execution
        if execution.table.state[row] >= FIRST_UNSUCCESSFUL:
            drop_variables(execution.errors.get(row))
        else:
            execution.errors.pop(row, None)  # of an earlier try
        execution.loops.pop(row, None)
        if row in execution.items:
            execution.items[row] = {}
            execution.columns.pop(row, None)
            execution.plan.kept.pop(row, None)
        for one in self._readers.ended(row):
            let_go(execution, one)


def let_go(execution: Holder, row: int) -> None:
    """Replace the value of `row` by a note; errors and None stay."""
    plan, value = execution.plan, execution.values[row]
    if value is None or isinstance(value, BaseException):
        return
    gone = LetGo(partial(plan.flow.label_of, plan.tasks[row]), plan.flow.name)
    block = execution.mapped.children.get(row)
    if block is None:
        execution.values[row] = gone
    else:  # a new list, because a reader may have kept the old one
        errors = execution.errors
        execution.values[row] = [errors.get(child, gone) for child in block.rows()]
    for one in (value,) if block is None else value:
        if isinstance(one, Elsewhere):
            one.let_go(gone)
    if (given := plan.given.get(row)) is not None:
        children = getattr(given, "map_states", ())
        plan.given[row] = (
            Mapped(given.message, execution.values[row], [_without(one, gone) for one in children])
            if children
            else _without(given, gone)
        )


def _without(state: State, gone: LetGo) -> State:
    """`state` without its value."""
    is_kept = state.kept is None or isinstance(state.kept, BaseException)
    return state if is_kept else CLASSES[state.code](state.message, gone)


def drop_variables(error: BaseException | None) -> None:
    """Forget the variables in the frames of `error` and its causes; the lines stay."""
    known: set[int] = set()
    left = [error]
    while left:
        one = left.pop()
        if one is None or id(one) in known:
            continue
        known.add(id(one))
        traceback.clear_frames(one.__traceback__)
        left += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            left += one.exceptions
