"""Hooks into the kernel: for its end, and for each cell that runs.

A shutdown or restart request cleans up before it is answered: ipykernel calls ``do_shutdown`` on
its control thread for every request, also while a cell is running. The wrapper has a time limit and
never raises, so the kernel always goes on to end.
"""

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from resnb.ledger.kernel.keeper import KEEPER
from resnb.ledger.kernel.reaper_messages import Activity
from resnb.notebook.cells.mentions import refers_to
from resnb.notebook.front_end import cell_id, deleted_cells
from resnb.notebook.hooks import on, told
from resnb.notebook.session import Session


def wrap_shutdown(kernel: Any) -> Callable[[], None]:
    """Clean up before ``kernel.do_shutdown``.

    Returns:
        A function that removes the wrapper.
    """
    original = kernel.do_shutdown

    def do_shutdown(restart: bool) -> Any:
        try:
            KEEPER.close_all(last=True)
        except BaseException as error:  # noqa: BLE001 - the kernel must end
            print(f"resnb: clean-up at shutdown: {error!r}", file=sys.__stderr__)
        return original(restart)

    kernel.do_shutdown = do_shutdown

    def unwrap() -> None:
        if kernel.__dict__.get("do_shutdown") is do_shutdown:
            del kernel.do_shutdown

    return unwrap


@dataclass(eq=False)
class _Cell:
    """A cell that is running.

    Attributes:
        thread: the thread that runs it, perhaps inside another cell.
        uses: where it counts as use.
    """

    thread: int = field(default_factory=threading.get_ident)
    uses: list[Activity] = field(default_factory=list)

    def use(self, activity: Activity) -> None:
        """It counts as use there."""
        self.uses.append(activity)
        activity.begin(self)


class _RunningCells(list[_Cell]):
    """The cells that are running, the innermost of each thread behind the others."""

    def end_here(self) -> None:
        """The innermost cell of this thread has ended."""
        ended = [cell for cell in self if cell.thread == threading.get_ident()][-1:]
        try:
            self.end(ended)
        finally:
            self.end(ended)  # again, as an interrupt may have cut it short

    def end(self, cells: list[_Cell]) -> None:
        """These have ended; says so once more if that is known."""
        for cell in cells:
            for activity in cell.uses:
                activity.end(cell)
            if cell in self:
                self.remove(cell)


def count_cells_as_use(shell: Any, session: Session) -> Callable[[], None]:
    """Let a running cell count as use of everything that is open, for ``idle_timeout``.

    Of what was opened for ordinary cells, only cells that read its variable count. What a cell
    reads of steps on a cluster is fetched before it begins. When a cell has ended, the recipes are
    renewed whose names it has bound to something else.

    Returns:
        A function that undoes it.
    """
    running = _RunningCells()

    def began(info: Any) -> None:
        cell = _Cell()
        running.append(cell)
        cell.use(KEEPER.activity)
        text = str(getattr(info, "raw_cell", ""))
        if not text.lstrip().startswith("%%flow"):  # there its names are handles
            with told("fetching the values of steps that this cell reads"):
                session.bring_values(text)
        for variable in session.bound:
            if refers_to(text, variable, session.namespace):
                cell.use(session.used(variable))

    def ended(_: Any) -> None:
        running.end_here()
        KEEPER.cell_ended()

    what = "looking after what is open"
    undo = [on(shell, "pre_run_cell", what, began), on(shell, "post_run_cell", what, ended)]

    def unregister() -> None:
        for one in undo:
            one()
        running.end(running.copy())

    return unregister


def mark_deleted_cells(shell: Any, session: Session) -> Callable[[], None]:
    """Mark the tasks of cells that the front end says were deleted, whenever a cell runs.

    Returns:
        A function that undoes it.
    """

    def began(_: Any) -> None:
        session.cell_began(deleted_cells(shell), cell_id(shell))

    return on(shell, "pre_run_cell", "looking for deleted cells", began)
