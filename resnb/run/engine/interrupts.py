"""Ctrl-C and other signals while a run is on: noted, and never raised inside resnb's own lines.

On the main thread the handlers of signals are replaced for the length of a run. The first Ctrl-C
cancels the run; a further one ends the wait for tasks, and none cuts a clean-up short. What another
handler raises (of an alarm, say) is treated the same way, and raised once the run has ended. Only
the user's code that runs on the main thread (tasks with `LocalExecutor`, hooks) gets the exception
at once.
"""

import os
import signal
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from time import monotonic
from types import FrameType
from typing import Any, Self

from resnb.errors import shown_without_ours
from resnb.ledger.kernel.keeper import KEEPER
from resnb.run.engine.slots import CURRENT

LOOK = 0.2
"""Seconds between two looks at signals, for waits on the main thread.

A signal that comes just before a wait does not end it: Python runs handlers between two lines.
"""
# SIGTERM and SIGHUP are the keeper's, which cleans up before it lets their handlers run
_SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGUSR1", "SIGUSR2", "SIGXCPU")
    if hasattr(signal, name)
)
# without a member of an enumeration for each signal that has no handler of Python's
_handler_of: Callable[[int], Any] = getattr(signal.getsignal, "__wrapped__", signal.getsignal)


def awaited(queue: "SimpleQueue[Any]", deadline: float | None = None) -> Any:
    """The next item of `queue`; signal handlers run while it waits, until `deadline` (monotonic).

    Raises:
        Empty: it is past the deadline.
    """
    while True:
        left = LOOK if deadline is None else min(LOOK, max(0.0, deadline - monotonic()))
        try:
            return queue.get(timeout=left)
        except Empty:
            KEEPER.take_signals()  # a task may have opened something
            if deadline is not None and monotonic() >= deadline:
                raise


class Interrupts:
    """Notes within a block what signal handlers raise; off the main thread it does nothing.

    Args:
        first: called when the first exception is noted, also by a signal handler, so it must not
            take a lock.
        further: called in the same way for each further one.
        spares_user_code: whether the user's code is not interrupted either, such as a clean-up.
    """

    def __init__(
        self,
        first: Callable[[], object] | None = None,
        further: Callable[[], object] | None = None,
        *,
        spares_user_code: bool = False,
    ) -> None:
        self.noted: list[BaseException] = []
        self._spares_user_code = spares_user_code
        self._first = first
        self._further = further
        self._before: dict[int, Any] = {}
        self._owner = 0

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            try:
                self._install()
            except BaseException:  # a handler that was not replaced yet
                self.__exit__()
                raise
        return self

    def __exit__(self, *_: object) -> None:
        while self._owner:
            try:
                for number, handler in self._before.items():
                    if number == signal.SIGINT or signal.getsignal(number) == self._handle:
                        signal.signal(number, handler)
                self._owner = 0
            except BaseException as error:  # noqa: BLE001 - a handler that is back already
                self.noted.append(error)

    def _install(self) -> None:
        self._owner = os.getpid()
        for number in _SIGNALS:
            handler = _handler_of(number)  # None is one of C's, which cannot be put back
            if callable(handler) or (number == signal.SIGINT and handler is not None):
                self._before[number] = handler
                signal.signal(number, self._handle)

    def note(self, error: BaseException) -> None:
        """Note an exception that has broken a wait."""
        self.noted.append(error)
        call = self._first if len(self.noted) == 1 else self._further
        if call is not None:
            call()

    def deliver(self) -> None:
        """After the block: raise what was noted in it.

        Raises:
            BaseException: the first exception that was noted, such as KeyboardInterrupt.
        """
        if self.noted:
            raise shown_without_ours(self.noted[0])

    def _handle(self, number: int, frame: FrameType | None) -> None:
        error = self._raised_by(number, frame)
        if error is None:
            return
        slot = None if self._spares_user_code else CURRENT.get()
        in_user_code = slot is not None and slot.inside >= 0
        self._take(error, in_user_code=in_user_code)
        if in_user_code or (slot is not None and slot.in_hook):
            raise error

    def _raised_by(self, number: int, frame: FrameType | None) -> BaseException | None:
        """What the handler that was there before raises; a Ctrl-C is one whatever handled it."""
        handler = self._before[number]
        if self._owner != os.getpid():  # the block is over, or this is a forked child
            if callable(handler):
                handler(number, frame)
            return None
        if number == signal.SIGINT:
            KEEPER.interrupts += 1
            return KeyboardInterrupt()
        try:
            handler(number, frame)
        except BaseException as error:  # noqa: BLE001 - noted, and raised later
            return error
        return None

    def _take(self, error: BaseException, *, in_user_code: bool) -> None:
        """An exception was raised by a signal handler; must not take a lock."""
        del in_user_code
        self.note(error)
