"""What tasks print: kept with each task, and written where the run was started in graph order.

The task whose turn it is streams; the others wait for theirs. So a notebook prints the same on
every run, however its tasks interleave. The text is written in the context of the caller, by
which a kernel knows the cell it belongs to.
"""

import contextvars
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO

from resnb.run.slots import CURRENT, NOTHING
from resnb.states import FIRST_FINISHED

if TYPE_CHECKING:
    from resnb.run.scheduler import Scheduler

LOG_LIMIT = 256 * 1024
"""How many characters of one task's output are kept; the rest is counted only."""


class Output:
    """The output of one run's tasks.

    Args:
        scheduler: tells which rows have ended.
    """

    def __init__(self, scheduler: "Scheduler") -> None:
        self.waiting = False
        self._scheduler = scheduler
        self._streams = {"stdout": sys.stdout, "stderr": sys.stderr}
        self._context = contextvars.copy_context()
        self._lock = threading.RLock()  # what a finalizer prints may come in while we write
        self._last = ""
        self._writing = False
        self._finished = False
        self._pending: dict[int, list[tuple[str, str]]] = {}
        self._logs: dict[int, list[str]] = {}
        self._sizes: dict[int, int] = {}
        self._rows = self._in_order()
        self._turn: int | None = None
        self._begun = False

    def write(self, row: int, stream: str, text: str) -> None:
        """`row` printed `text`."""
        with self._lock:
            self._keep(row, text)
            if not self._finished:  # later, nobody waits for the code that prints
                self._pending.setdefault(row, []).append((stream, text))
                self._advance()

    def advance(self) -> None:
        """Write what waited for rows that have ended by now."""
        with self._lock:
            self._advance()

    def finish(self) -> None:
        """The run is over: write what is left."""
        with self._lock:
            self._advance()
            for row in sorted(self._pending):
                self._flush(row)
            self._finished = True
            self._pending.clear()
            self.waiting = False

    def report(self, text: str) -> None:
        """Write a line about the run as a whole, once it is over."""
        with self._lock:
            self._keep(NOTHING, text)
            self._pending.setdefault(NOTHING, []).append(("stderr", text))
            self._flush(NOTHING)

    def keep(self, row: int, text: str) -> None:
        """Keep `text` with `row` without writing it; row -1 stands for the run as a whole."""
        with self._lock:
            self._keep(row, text)

    def log_of(self, row: int) -> str:
        """What `row` has printed so far."""
        with self._lock:
            return "".join(self._logs.get(row, ()))

    def _keep(self, row: int, text: str) -> None:
        size = self._sizes.get(row, 0)
        self._sizes[row] = size + len(text)
        if size < LOG_LIMIT:
            self._logs.setdefault(row, []).append(text[: LOG_LIMIT - size])

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
        self.waiting = bool(self._pending)

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
        if stream != self._last:  # a kernel sends what is written to each when it likes
            self._last = stream
            for name, other in self._streams.items():
                if name != stream:
                    other.flush()
        self._streams[stream].write(text)

    def _over(self, row: int) -> bool:
        ended = self._scheduler.table.state[row] >= FIRST_FINISHED
        return ended or row in self._scheduler.children

    def _in_order(self) -> Iterator[int]:
        plan, children = self._scheduler.plan, self._scheduler.children
        for task in plan.flow.sorted_tasks():
            row = plan.row_of.get(task)
            if row is None:
                continue
            yield row
            if row in children:
                yield from children[row].rows()


class _Router:
    """Stands in for ``sys.stdout`` or ``sys.stderr`` while a run is on."""

    def __init__(self, name: str, stream: TextIO) -> None:
        self._name = name
        self._stream = stream
        self._owner = os.getpid()  # a forked child has no run, and writes where it can

    def write(self, text: str) -> int:
        slot = CURRENT.get()
        if slot is None or slot.output is None or os.getpid() != self._owner:
            return self._stream.write(text)
        slot.output.write(slot.row, self._name, text)
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def route_for_good() -> None:
    """Send what tasks print to their slot's output as long as this process lives: a worker's."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, _Router):
            setattr(sys, name, _Router(name, stream))


def route(output: Output) -> Callable[[], None]:
    """Send what tasks print to their slot's output.

    Returns:
        A function that ends it; what somebody else put in place meanwhile stays.
    """
    routers = {name: _Router(name, getattr(sys, name)) for name in ("stdout", "stderr")}
    for name, router in routers.items():
        setattr(sys, name, router)
    show = warnings.showwarning

    def show_warning(*args: Any, **kwargs: Any) -> None:
        here = threading.get_ident()
        slot = CURRENT.get()
        own = slot is not None and slot.thread_id in (0, here)
        if own or threading.current_thread() is threading.main_thread():
            show(*args, **kwargs)
            return
        # a library's own thread, such as a cluster's, warns of ports and the like
        text = warnings.formatwarning(*args[:4])
        output.keep(NOTHING if slot is None else slot.row, text)

    warnings.showwarning = show_warning

    def stop() -> None:
        for name, router in routers.items():
            if getattr(sys, name) is router:
                setattr(sys, name, router._stream)  # noqa: SLF001 - its own class's
        if warnings.showwarning is show_warning:
            warnings.showwarning = show

    return stop


__all__ = ["LOG_LIMIT", "Output", "route", "route_for_good"]
