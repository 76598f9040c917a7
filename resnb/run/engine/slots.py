"""Which row a thread (or coroutine) is working on, and the one way to interrupt its code.

``inside`` is set only while the *user's* code runs. With the interpreter lock held, an
exception that is sent while it is set arrives in that code and nowhere else: a suspended thread
looks for it before it goes on. So none of resnb's own lines is ever interrupted.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

from resnb.errors import TaskCancelled

if TYPE_CHECKING:
    from collections.abc import Callable

NOTHING = -1


class TextSink(Protocol):
    """Where the text that tasks print goes."""

    def write(self, row: int, stream: str, text: str) -> None:
        """`row` printed `text` to `stream`; -1 stands for no row."""


class Slot:
    """One thread or coroutine that runs rows.

    Attributes:
        row: the row it works on.
        worker: the worker's number in the state table; 0 for one that is not the executor's.
        inside: that row while the user's code runs, else -1.
        thread_id: the thread's identifier; 0 for a coroutine.
        output: where the text that it prints goes.
        note: also called with what the code prints, as the stream's name and a text; or None.
        in_hook: whether a hook or handler of the user's runs, which only Ctrl-C interrupts.
        stop_waiting: ends its wait for another thread, while it waits for one.
        stopped: whether `stop` was called between two steps; the next one does not begin.
        left_behind: whether the thread is no longer waited for.
    """

    __slots__ = (
        "in_hook",
        "inside",
        "left_behind",
        "note",
        "output",
        "row",
        "stop_waiting",
        "stopped",
        "thread_id",
        "worker",
    )

    def __init__(self, thread_id: int, output: TextSink | None = None) -> None:
        self.row = NOTHING
        self.inside = NOTHING
        self.worker = 0
        self.thread_id = thread_id
        self.output = output
        self.note: Callable[[str, str], object] | None = None
        self.in_hook = False
        self.stop_waiting: Callable[[], object] | None = None
        self.stopped = False
        self.left_behind = False

    def print(self, stream: str, text: str) -> bool:
        """Print `text` to `stream` for the row; false if it has no output."""
        if self.output is None:
            return False
        self.output.write(self.row, stream, text)
        if self.note is not None:
            self.note(stream, text)
        return True

    def interrupt(self, row: int) -> bool:
        """Raise `TaskCancelled` in the thread's code if that still works on `row`."""
        if self.thread_id in (0, threading.get_ident()):
            return False
        import ctypes

        send: Any = ctypes.pythonapi.PyThreadState_SetAsyncExc
        thread_id, kind = ctypes.c_ulong(self.thread_id), ctypes.py_object(TaskCancelled)
        # between the comparison and the call no other thread can run
        return self.inside == row and send(thread_id, kind) == 1

    def stop(self, row: int) -> None:
        """Interrupt the code for `row`, or its wait; between two steps, stop it at the next one."""
        if not self.interrupt(row) and self.row == row:
            self.stopped = True
            stop_waiting = self.stop_waiting
            if stop_waiting is not None:
                stop_waiting()


class RunSlot(Slot):
    """The slot of a thread that calls the handlers and hooks of a flow.

    Attributes:
        run: whose these are.
    """

    __slots__ = ("run",)

    def __init__(self, run: Any) -> None:
        super().__init__(0)
        self.run = run


@contextmanager
def internal_lines() -> Iterator[None]:
    """A block of resnb's own lines that a task's code has called; nothing interrupts it."""
    slot = CURRENT.get()
    inside = NOTHING if slot is None else slot.inside
    if slot is None or inside < 0:
        yield
        return
    slot.inside = NOTHING
    try:
        yield
    finally:
        slot.inside = inside


CURRENT: ContextVar[Slot | None] = ContextVar("resnb_slot", default=None)
"""The slot of the running code, if it is a task's."""
