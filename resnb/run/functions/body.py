"""The function's own lines: where they run, and how they are stopped.

Our own lines are never interrupted: a cancel or Ctrl-C that comes meanwhile is noted, and raised
where the function goes on. Each is raised once.
"""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Final

from resnb.graph.base.active_function import ACTIVE_FUNCTION
from resnb.run.engine.interrupts import awaited
from resnb.run.engine.slots import NOTHING
from resnb.run.engine.task_runner import perform
from resnb.run.functions.engine import ENDED, Inbox, UnfoldingEngine
from resnb.run.functions.slot import BODY, BodySlot

WAKE: Final = -2
"""What is put into a queue so that who waits on it looks at what has come in."""


class Body:
    """The lines of one run's function.

    Args:
        engine: the run.
        outer: the slot of the function that has called this one.

    Attributes:
        slot: the slot of its thread.
        paused: a block in which lines of ours run, on the function's thread.
    """

    def __init__(self, engine: UnfoldingEngine, outer: BodySlot | None = None) -> None:
        self.slot = BodySlot(threading.get_ident(), engine.output, outer)
        self.paused = _Paused(self)
        self.rests_at = BODY
        self._engine = engine
        self._noted: list[type[BaseException]] = []
        self._inbox: Inbox | None = None

    def guard_each_pause(self, handled: Callable[[], AbstractContextManager[None]]) -> None:
        """For an async function, whose event loop cancels it: Ctrl-C is handled in pauses only.

        Args:
            handled: gives a block in which it is handled.
        """
        self.rests_at = NOTHING
        self.paused = _Guarded(self, handled)

    @property
    def is_here(self) -> bool:
        """Whether the caller is on the function's thread."""
        return threading.get_ident() == self.slot.thread_id

    # ---- stopping

    def note(self, kind: type[BaseException]) -> None:
        """Raise `kind` where the function goes on."""
        self._noted.append(kind)

    def interrupt(self) -> None:
        """Raise what was noted now, if lines of the function are running."""
        if self.slot.inside != BODY:
            return
        kind = self.taken()
        if kind is not None and not self.slot.interrupt(BODY):
            self._noted.append(kind)

    def taken(self) -> type[BaseException] | None:
        """What was noted, which the caller raises."""
        try:
            kind = self._noted.pop()
        except IndexError:
            return None
        self._noted.clear()
        return kind

    def wake(self) -> None:
        """Let who waits look at what has come in; takes no lock."""
        inbox = self._inbox
        if inbox is not None:
            inbox.put(WAKE)

    # ---- waiting

    def carry_out(self, inbox: Inbox, deadline: float | None = None) -> None:
        """Run the rows that are put into `inbox`, until it says that the one it is for has ended.

        Args:
            inbox: the queue.
            deadline: by `time.monotonic`; None for no limit.

        Raises:
            Empty: it is past the deadline.
        """
        slot = self.slot if self.is_here else None  # another thread of the function's has its own
        before = self._inbox
        if slot is not None:
            self._inbox = inbox
        try:
            while True:
                try:
                    item = inbox.get_nowait()
                except Empty:
                    item = awaited(inbox, deadline)
                if item == ENDED:
                    return
                if item == WAKE:
                    self._engine.drain()
                    continue
                token = ACTIVE_FUNCTION.set(None)
                try:
                    perform(self._engine, item, slot)
                finally:
                    ACTIVE_FUNCTION.reset(token)
        finally:
            if slot is not None:
                self._inbox = before

    def wait_for(self, row: int, deadline: float | None = None) -> None:
        """Wait until `row` has its final state.

        Raises:
            Empty: it is past the deadline.
        """
        inbox: Inbox = SimpleQueue()
        self._engine.post(self._engine.scheduler.watch, row, inbox)
        self.carry_out(inbox, deadline)


class _Paused:
    """See `Body.paused`."""

    def __init__(self, body: Body) -> None:
        self._body = body

    def __enter__(self) -> None:
        body = self._body
        if body.is_here:
            body.slot.inside = NOTHING

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        body = self._body
        if not body.is_here:
            return
        body.slot.inside = body.rests_at
        if kind is None and body._noted:  # noqa: SLF001 - its own
            stop = body.taken()
            if stop is not None:
                raise stop


class _Guarded(_Paused):
    """Likewise, where nothing else handles Ctrl-C."""

    def __init__(self, body: Body, handled: Callable[[], AbstractContextManager[None]]) -> None:
        super().__init__(body)
        self._handled = handled
        self._blocks: list[AbstractContextManager[None]] = []

    def __enter__(self) -> None:
        block = self._handled()
        block.__enter__()
        self._blocks.append(block)
        super().__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._blocks.pop().__exit__(None, None, None)
        super().__exit__(kind, error, tb)


__all__ = ["WAKE", "Body"]
