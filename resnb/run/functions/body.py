"""The function's own lines: where they run, and how they are stopped.

Resnb's lines are never interrupted: a cancel, a Ctrl-C or what another signal's handler raises
meanwhile is noted, and raised, once, where the function goes on.
"""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final

from resnb.graph.base.active_function import ACTIVE_FUNCTION
from resnb.run.engine.interrupts import awaited
from resnb.run.engine.slots import NOTHING
from resnb.run.functions.slot import BODY, BodySlot
from resnb.run.scheduling.growth import ENDED

if TYPE_CHECKING:
    from resnb.run.engine.engine import Engine

Inbox = SimpleQueue[int]
WAKE: Final = -2
"""Put into a queue to let the waiting thread look at what has come in."""


class FunctionBody:
    """The lines of one run's function.

    Attributes:
        paused: a block of resnb's own lines, on the function's thread.
    """

    def __init__(self, engine: "Engine", outer: BodySlot | None = None) -> None:
        self.slot = BodySlot(threading.get_ident(), engine.execution.output, outer)
        self.paused = _Paused(self)
        self.rests_at = BODY
        self._engine = engine
        self._noted: list[Callable[[], BaseException]] = []
        self._inbox: Inbox | None = None

    def guard_each_pause(self, handled: Callable[[], AbstractContextManager[None]]) -> None:
        """For an async function, which its event loop cancels: handle signals in pauses only."""
        self.rests_at = NOTHING
        self.paused = _Guarded(self, handled)

    @property
    def is_here(self) -> bool:
        """Whether the caller is on the function's thread."""
        return threading.get_ident() == self.slot.thread_id

    # ---- stopping

    def note(self, error: Callable[[], BaseException]) -> None:
        """Raise what `error` returns where the function goes on."""
        self._noted.append(error)

    def interrupt(self) -> None:
        """Raise at once what was noted, if lines of the function are running."""
        if self.slot.inside != BODY:
            return
        error = self.taken()
        if error is not None and not self.slot.interrupt(BODY):
            self._noted.append(lambda: error)

    def taken(self) -> BaseException | None:
        """The exception that was noted, if any, which the caller raises."""
        try:
            error = self._noted.pop()
        except IndexError:
            return None
        self._noted.clear()
        return error()

    def wake(self) -> None:
        """Wake the thread that waits, so that it drains the feed; takes no lock."""
        inbox = self._inbox
        if inbox is not None:
            inbox.put(WAKE)

    # ---- waiting

    def carry_out(self, inbox: Inbox, deadline: float | None = None) -> None:
        """Run the rows that are put into `inbox`, until `ENDED` comes or the (monotonic) deadline.

        An exception that breaks the wait cancels what the run has begun.

        Raises:
            Empty: it is past the deadline.
        """
        # other threads of the function have slots of their own
        slot = self.slot if self.is_here else None
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
                    self._engine.execution.feed.drain()
                    continue
                token = ACTIVE_FUNCTION.set(None)
                try:
                    self._engine.runner.perform(item, slot)
                finally:
                    ACTIVE_FUNCTION.reset(token)
        except Empty:
            raise
        except BaseException:
            if slot is not None:
                self._engine.cancel()
            raise
        finally:
            if slot is not None:
                self._inbox = before

    def wait_for(self, row: int, deadline: float | None = None) -> None:
        """Wait until `row` has its final state.

        Raises:
            Empty: it is past the deadline.
        """
        inbox: Inbox = SimpleQueue()
        execution = self._engine.execution
        execution.post(execution.plan.added.watch, row, inbox)
        self.carry_out(inbox, deadline)


class _Paused:
    """See `FunctionBody.paused`."""

    def __init__(self, body: FunctionBody) -> None:
        self._body = body

    def __enter__(self) -> None:
        body = self._body
        if body.is_here:
            body.slot.inside = NOTHING

    def __exit__(self, kind: object, error: BaseException | None, tb: object) -> None:
        body = self._body
        if not body.is_here:
            return
        body.slot.inside = body.rests_at
        if kind is None and body._noted:  # noqa: SLF001 - its own
            stop = body.taken()
            if stop is not None:
                raise stop


class _Guarded(_Paused):
    """The same, where nothing else handles signals."""

    def __init__(
        self, body: FunctionBody, handled: Callable[[], AbstractContextManager[None]]
    ) -> None:
        super().__init__(body)
        self._handled = handled
        self._blocks: list[AbstractContextManager[None]] = []

    def __enter__(self) -> None:
        block = self._handled()
        block.__enter__()
        self._blocks.append(block)
        super().__enter__()

    def __exit__(self, kind: object, error: BaseException | None, tb: object) -> None:
        self._blocks.pop().__exit__(None, None, None)
        super().__exit__(kind, error, tb)
