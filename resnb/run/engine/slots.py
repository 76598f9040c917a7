"""Which row a thread (or coroutine) is working on, and the one way to interrupt its code.

``inside`` is set only while the *user's* code runs. With the interpreter lock held, an
exception that is sent while it is set arrives in that code and nowhere else: a thread that is
suspended looks for it before it goes on. So none of our own lines is ever interrupted.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from resnb.errors import TaskCancelled

if TYPE_CHECKING:
    from collections.abc import Callable

    from resnb.run.output.writer import Output

NOTHING = -1


class Slot:
    """One thread or coroutine that runs rows.

    Attributes:
        row: the row it works on.
        worker: the worker's number in the state table; 0 for one that is not the executor's.
        inside: the same while the user's code runs, else -1.
        thread_id: the thread's identifier; 0 for a coroutine.
        output: where what it prints goes.
        asking: whether a hook or handler of the user's is called, which only Ctrl-C interrupts.
        stop_waiting: calls off what it waits for on another thread, if it does.
        stopped: whether it was told to stop while it was in neither.
        left_behind: whether nobody waits for the thread any more.
    """

    __slots__ = (
        "asking",
        "inside",
        "left_behind",
        "output",
        "row",
        "stop_waiting",
        "stopped",
        "thread_id",
        "worker",
    )

    def __init__(self, thread_id: int, output: "Output | None" = None) -> None:
        self.row = NOTHING
        self.inside = NOTHING
        self.worker = 0
        self.thread_id = thread_id
        self.output = output
        self.asking = False
        self.stop_waiting: Callable[[], object] | None = None
        self.stopped = False
        self.left_behind = False

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
        """Interrupt the code for `row`, or what it waits for; else it stops at its next step."""
        if not self.interrupt(row) and self.row == row:
            self.stopped = True
            stop_waiting = self.stop_waiting
            if stop_waiting is not None:
                stop_waiting()


@contextmanager
def our_own_lines() -> Iterator[None]:
    """A block in which lines of ours run, though a task's code has called them."""
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

__all__ = ["CURRENT", "NOTHING", "Slot", "our_own_lines"]
