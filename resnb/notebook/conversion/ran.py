"""The plain cells that have run in a notebook, each as it ran last.

A cell is known by the front end's id, else by its text. It stands where it first succeeded: that is
its place in a notebook that was written from the top, also if it was run again later.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from resnb.notebook.hooks import on


@dataclass(frozen=True)
class RanCell:
    """A cell as it ran last.

    Attributes:
        text: what it was, magics included.
        number: the number that the front end showed beside it; None if it showed none.
        cell_id: the front end's id of it, if it sent one.
        failed: whether that run failed.
    """

    text: str
    number: int | None = None
    cell_id: str | None = None
    failed: bool = False


class RanCells:
    """What has run, in the order of first success.

    Attributes:
        deleted: the ids of cells that the notebook no longer has.
    """

    def __init__(self) -> None:
        self._known: dict[str, RanCell] = {}
        self.deleted: Collection[str] = ()

    def add(self, cell: RanCell) -> None:
        """A cell has run; one that has never succeeded has no place yet."""
        key = cell.cell_id or f"text {cell.text}"
        if cell.failed and key not in self._known:
            return
        if cell.cell_id is not None:  # it may have run before its front end's ids were looked at
            same = self._known.get(f"text {cell.text}")
            if same is not None and same.cell_id is None and key not in self._known:
                key = f"text {cell.text}"
        self._known[key] = cell

    def all(self) -> list[RanCell]:
        """The cells that the notebook still has."""
        return [one for one in self._known.values() if one.cell_id not in self.deleted]


def watch(shell: Any, ran: RanCells) -> Callable[[], None]:
    """Note each cell of `shell` that runs, and those that have run before.

    Returns:
        A function that ends that.
    """
    history = shell.history_manager
    if not ran.all():
        failed = getattr(history, "exceptions", {})
        for number, text in enumerate(history.input_hist_raw[:-1]):
            if text.strip():
                ran.add(RanCell(text, number, failed=number in failed))

    def ended(result: Any) -> None:
        info = getattr(result, "info", None)
        if info is not None and info.raw_cell and info.raw_cell.strip():
            cell_id = getattr(info, "cell_id", None)
            number = result.execution_count
            ran.add(RanCell(info.raw_cell, number, cell_id, failed=not result.success))

    return on(shell, "post_run_cell", "noting that this cell has run", ended)
