"""What tasks print: kept with each task, and written where the run was started.

Output is written in graph order: the task whose turn it is streams, the others wait for theirs. So
a notebook prints the same on every run, however its tasks interleave. In a ``@flow`` function, the
output of the function and of the tasks that it calls is written at once; that of a submitted task
is written when the function waits for it, else at the end. Text is written in the context of the
caller, from which a kernel knows the cell. If no cell has begun the run, its output is only kept.
"""

import contextvars
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING

from resnb.run.engine.slots import NOTHING
from resnb.run.output.displays import DISPLAY, DISPLAYS
from resnb.run.output.log import LOG_LIMIT, ChildrenLog, Log, Piece
from resnb.states import FIRST_FINISHED

if TYPE_CHECKING:
    from resnb.run.scheduling.scheduler import Scheduler

WITHOUT_CELL: contextvars.ContextVar[bool] = contextvars.ContextVar(
    "resnb_without_cell", default=False
)
"""Whether runs begun in this context belong to no cell, because a button begins them."""


_NUMBERS = count(1)


class Output:
    """The output of one run's tasks.

    Attributes:
        waiting: whether something waits to be written.
        number: identifies this run's output among all runs'.
    """

    def __init__(self, scheduler: "Scheduler") -> None:
        self.waiting = False
        self._scheduler = scheduler
        self.number = next(_NUMBERS)
        self._streams = {"stdout": sys.stdout, "stderr": sys.stderr}
        self._context = contextvars.copy_context()
        self._lock = threading.RLock()  # reentrant: a finalizer may print while we write
        self._logs_lock = threading.RLock()  # apart: a stream may block whoever writes to it
        self._last = ""
        self._writing = False
        self._is_unseen = WITHOUT_CELL.get()
        self._finished = self._is_unseen
        self._pending: dict[int, list[tuple[str, str]]] = {}
        self._logs: dict[int, Log] = {}
        self._together: dict[int, ChildrenLog] = {}
        self._rows = self._in_order()
        self._turn: int | None = None
        self._begun = False
        self._shown = {NOTHING} if scheduler.plan.grows else set()

    def write(self, row: int, stream: str, text: str) -> None:
        """`row` printed `text`; -1 stands for the function of a plan that grows."""
        if stream != DISPLAY:
            self.keep(row, text)
        with self._lock:
            if self._finished:  # the run no longer waits for the code that prints
                return
            self._pending.setdefault(row, []).append((stream, text))
            if row not in self._shown:
                self._advance()
            elif not self._writing:
                self._flush(row)

    def show(self, row: int) -> None:
        """From now on, write what `row` prints at once."""
        with self._lock:
            self._shown.add(row)
            if self._pending:
                self._flush(row)

    def advance(self) -> None:
        """Write what waited for rows that have ended by now."""
        with self._lock:
            self._advance()

    def finish(self) -> None:
        """The run is over: write what is left."""
        with self._lock:
            if self._pending:  # else there is no need to go through all rows
                self._advance()
            for row in sorted(self._pending):
                self._flush(row)
            self._finished = True
            self._pending.clear()
            self.waiting = False

    def report(self, text: str) -> None:
        """Write a line about the run as a whole, once it is over."""
        self.keep(NOTHING, text)
        with self._lock:
            if not self._is_unseen:
                self._pending.setdefault(NOTHING, []).append(("stderr", text))
                self._flush(NOTHING)

    def log_of(self, row: int) -> str:
        """What `row` has printed so far; only the end of it if that is long."""
        return self.log_since(row, 0).text

    def log_since(self, row: int, position: int, most: int = LOG_LIMIT) -> Piece:
        """What `row` (for a mapped row, its children) has printed after `position`.

        Args:
            row: the row.
            position: the end of an earlier piece; 0 for the beginning.
            most: how many characters at most, from the end.
        """
        with self._logs_lock:
            together = self._together.get(row)
            if together is not None:
                first = self._scheduler.mapped.children[row].first
                for item in together.begun():
                    if self._over(first + item):
                        together.end_line(item)
            log = self._logs.get(row)
            return Piece(0, 0, "") if log is None else log.since(position, most)

    def keep(self, row: int, text: str) -> None:
        """Keep `text` with `row` without writing it; row -1 stands for the run as a whole."""
        scheduler = self._scheduler
        tries = scheduler.table.tries[row] if row >= 0 else 1
        with self._logs_lock:
            origin = row if row < 0 else scheduler.mapped.origin(row)
            log = self._logs.get(origin)
            if log is None:
                log = self._logs[origin] = Log()
            if origin == row:
                log.begin_try(tries)
                log.add(text)
                return
            if origin not in self._together:
                self._together[origin] = ChildrenLog(log)
            self._together[origin].add(scheduler.mapped.index(row), text, tries)

    def _advance(self) -> None:
        if self._writing:
            return  # a call further up on this thread goes on with it
        if not self._begun:
            self._begun = True
            self._turn = next(self._rows, None)
        while self._turn is not None:
            self._flush(self._turn)
            if not self._over(self._turn):
                break
            self._turn = next(self._rows, None)
        self.waiting = self._turn is not None and bool(self._pending)

    def _flush(self, row: int) -> None:
        self._writing = True
        try:
            while row in self._pending:
                for stream, text in self._pending.pop(row):
                    with suppress(Exception):  # a stream that is closed must not end the run
                        self._context.run(self._write, stream, text)
        finally:
            self._writing = False

    def _write(self, stream: str, text: str) -> None:
        if stream == DISPLAY:
            DISPLAYS.show(text)
            return
        if stream != self._last:  # a kernel flushes each stream at a time of its own
            self._last = stream
            for name, other in self._streams.items():
                if name != stream:
                    other.flush()
        self._streams[stream].write(text)

    def _over(self, row: int) -> bool:
        ended = self._scheduler.table.state[row] >= FIRST_FINISHED
        return ended or row in self._scheduler.mapped.children

    def _in_order(self) -> Iterator[int]:
        plan, children = self._scheduler.plan, self._scheduler.mapped.children
        if plan.grows:
            return
        for task in plan.flow.sorted_tasks():
            row = plan.row_of.get(task)
            if row is None:
                continue
            yield row
            if row in children:
                yield from children[row].rows()
