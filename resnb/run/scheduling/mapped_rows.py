"""Mapped rows and their children: each item that a row is mapped over gets a row of its own."""

from bisect import bisect_right
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from resnb.run.scheduling.state_table import Table
from resnb.states import PENDING, SUCCESS

if TYPE_CHECKING:
    from resnb.run.scheduling.plan import Plan


class Children(NamedTuple):
    """The rows of a mapped row's children: from `first` up to `last` (exclusive)."""

    first: int
    last: int

    def rows(self) -> range:
        """The children's rows."""
        return range(self.first, self.last)


class MappedRows:
    """The mapped rows of a run and their children.

    Args:
        plan: the planned rows; every row beyond them is a child.
        table: the state table, which gets a row for each child.

    Attributes:
        children: the children of each mapped row that has been expanded.
    """

    def __init__(self, plan: "Plan", table: Table) -> None:
        self.children: dict[int, Children] = {}
        self._table = table
        self._planned = plan.tasks
        self._parents: list[tuple[int, int]] = []  # first child, mapped row
        self._running: dict[int, int] = {}
        self._latest = 0, 0, 0  # first, last, mapped row: the block of the child that ended last

    def origin(self, row: int) -> int:
        """The planned row of which `row` is a child; `row` itself if it is none."""
        if row < len(self._planned):
            return row
        return self._parents[bisect_right(self._parents, (row, len(self._planned))) - 1][1]

    def index(self, child: int) -> int:
        """The number of the item that `child` is for."""
        return child - self.children[self.origin(child)].first

    def add(self, row: int, count: int, codes: Iterable[tuple[int, int]]) -> None:
        """Give `row` `count` children; `codes` has the final states of some of them by number."""
        first = self._table.extend(count)
        self.children[row] = Children(first, first + count)
        self._parents.append((first, row))
        self._running[row] = count
        for number, code in codes:
            self._table.take_over(first + number, code)
            self._running[row] -= 1

    def all_succeeded(self, row: int) -> bool:
        """Whether mapped `row` has plain successes only, as far as its children are known."""
        first, last = self.children.get(row, (0, 0))
        return self._table.state.count(SUCCESS, first, last) == last - first

    def pending(self, row: int) -> list[int]:
        """The children of mapped `row` that have not begun."""
        state = self._table.state
        return [child for child in self.children[row].rows() if state[child] == PENDING]

    def unfinished(self, row: int) -> int:
        """How many children of mapped `row` have yet to end."""
        return self._running[row]

    def ended(self, child: int) -> int:
        """Count `child` as ended; returns its mapped row if it was the last child, else -1."""
        first, last, parent = self._latest
        if not first <= child < last:
            parent = self.origin(child)
            self._latest = (*self.children[parent], parent)
        left = self._running[parent] - 1
        self._running[parent] = left
        return -1 if left else parent
