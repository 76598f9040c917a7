"""Which rows are children of which: a mapped row has one for each item."""

from bisect import bisect_right
from collections.abc import Iterable

from resnb.run.scheduling.codes import Children
from resnb.run.scheduling.state_table import Table


class Families:
    """The mapped rows of a run and their children.

    Args:
        table: the state table, which gets a row for each child.
        missing: how many upstream rows each planned row waits for; it may grow.

    Attributes:
        children: the children of each mapped row that has been expanded.
    """

    def __init__(self, table: Table, missing: list[int]) -> None:
        self.table = table
        self.children: dict[int, Children] = {}
        self._missing = missing
        self._parents: list[tuple[int, int]] = []  # first child row, mapped row
        self._open_children: dict[int, int] = {}
        self._latest = (0, 0, 0)  # the block of children that ended last, and its mapped row

    def origin(self, row: int) -> int:
        """The planned row of which `row` is a child; `row` itself if it is none."""
        if row < len(self._missing):
            return row
        return self._parents[bisect_right(self._parents, (row, len(self._missing))) - 1][1]

    def child_index(self, row: int) -> int:
        """Which item of its mapped row `row` stands for."""
        return row - self.children[self.origin(row)].first

    def _add_children(self, row: int, count: int, codes: Iterable[tuple[int, int]]) -> Children:
        """Rows for `count` children of `row`, of which some have their final states."""
        first = self.table.extend(count)
        found = self.children[row] = Children(first, first + count)
        self._parents.append((first, row))
        for number, code in codes:
            self.table.take_over(first + number, code)
        return found

    def _family_of(self, row: int) -> int:
        """The mapped row of child `row`, which has ended, if it was the last one; else -1."""
        first, last, parent = self._latest
        if not first <= row < last:
            parent = self.origin(row)
            self._latest = (*self.children[parent], parent)
        left = self._open_children[parent] - 1
        self._open_children[parent] = left
        return -1 if left else parent


__all__ = ["Families"]
