"""Set-up and clean-up on the thread of a ``with`` block: resnb's own lines there, and Ctrl-C.

A Ctrl-C, or what the handler of another signal raises, never cuts resnb's own lines short. It is
raised at once in the code of a set-up, and once all is done otherwise. One that comes as the block
ends, before the first line of its ``__exit__`` runs, would keep that from running at all: for as
long as such a block is open on the main thread, the handler of SIGINT puts it off.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, Self

from resnb.errors import shown_without_ours
from resnb.ledger.kernel.keeper import KEEPER
from resnb.ledger.kernel.thread import LeaseThread
from resnb.run.engine.interrupts import Interrupts
from resnb.run.engine.slots import CURRENT, NOTHING, Slot

if TYPE_CHECKING:
    from contextvars import Token


class OwnLines:
    """A block of resnb's own lines, on whatever thread.

    Args:
        spares_user_code: whether the user's code that is called in it, a clean-up, is not
            interrupted either.

    Attributes:
        slot: what can stop the user's code that is called in it.
    """

    def __init__(self, *, spares_user_code: bool = False) -> None:
        outer = CURRENT.get()
        self._outer = outer
        if outer is not None and outer.inside >= 0 and not spares_user_code:
            self.slot = outer  # a set-up is a part of the task, and is cancelled like it
        else:
            self.slot = Slot(threading.get_ident(), None if outer is None else outer.output)
            self.slot.row = 0 if outer is None else max(0, outer.row)
        self._inside = NOTHING if outer is None else outer.inside
        self._interrupts = Interrupts(spares_user_code=spares_user_code)
        self._token: Token[Slot | None] | None = None

    def __enter__(self) -> Self:
        if self._outer is not None:
            self._outer.inside = NOTHING
        try:
            self._interrupts.__enter__()
            self._token = CURRENT.set(self.slot)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            CURRENT.reset(self._token)
        self._interrupts.__exit__()
        if self._outer is not None:
            self._outer.inside = self._inside

    def deliver(self) -> None:
        """After the block: raise what was put off in it; the handler of a Ctrl-C decides anew.

        Raises:
            BaseException: the first exception that was put off.
        """
        for error in self._interrupts.noted[:1]:
            deliver(error)


def deliver(error: BaseException) -> None:
    """Raise `error`, which was put off; see `OwnLines.deliver`."""
    handler = signal.getsignal(signal.SIGINT)
    if isinstance(error, KeyboardInterrupt) and callable(handler):
        _handed_on(handler, signal.SIGINT, sys._getframe())  # noqa: SLF001 - a run's, or a loop's
        return
    raise shown_without_ours(error)


def _handed_on(
    handler: Callable[[int, FrameType | None], object], number: int, frame: FrameType | None
) -> None:
    """Call another handler; what it raises is shown with the lines that it has interrupted."""
    try:
        handler(number, frame)
    except BaseException as error:
        shown_without_ours(error)
        raise


class TimeLimit:
    """Stops the user's code that `slot` is running in the block after `seconds` (None: never).

    Attributes:
        is_past: whether it has done so.
    """

    def __init__(self, slot: Slot, seconds: float | None) -> None:
        self.is_past = False
        self._slot, self._row = slot, slot.row
        self._seconds = seconds
        self._over = threading.Event()

    def __enter__(self) -> Self:
        if self._seconds is not None:
            thread = LeaseThread()
            thread.submit(self._wait)
            thread.close()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def _wait(self) -> None:
        if not self._over.wait(self._seconds):
            self.is_past = True
            self._slot.stop(self._row)


class ExitGuard:
    """Puts a Ctrl-C off that comes before the first statement of some function.

    Attributes:
        code: the code of that function.
    """

    def __init__(self) -> None:
        self.code: CodeType | None = None
        self._users: set[int] = set()
        self._owner = 0
        self._before: Any = None
        self._noted = 0

    def use(self, block: object) -> None:
        """`block` is entered; on the main thread, for no other one handles signals."""
        self._users.add(id(block))
        handler = signal.getsignal(signal.SIGINT)
        if callable(handler) and not self._is_installed:
            self._before, self._owner = handler, os.getpid()
            signal.signal(signal.SIGINT, self._handle)

    def leave(self, block: object) -> None:
        """`block` is left, if it was entered; after the last one all is as it was before."""
        self._users.discard(id(block))
        if not self._users and self._is_installed:
            if signal.getsignal(signal.SIGINT) == self._handle:
                signal.signal(signal.SIGINT, self._before)
            self._owner = 0

    @property
    def _is_installed(self) -> bool:
        return self._owner == os.getpid()

    def deliver(self) -> None:
        """Raise what was put off.

        Raises:
            KeyboardInterrupt: there was one.
        """
        noted, self._noted = self._noted, 0
        if noted:
            deliver(KeyboardInterrupt())

    def _handle(self, number: int, frame: FrameType | None) -> None:
        has_just_begun = (
            frame is not None
            and frame.f_code is self.code
            and frame.f_lineno <= frame.f_code.co_firstlineno + 1
        )
        if has_just_begun and self._is_installed:
            KEEPER.interrupts += 1
            self._noted += 1
            return
        before: Callable[[int, FrameType | None], object] = self._before
        _handed_on(before, number, frame)


GUARD = ExitGuard()
"""That of the blocks on the main thread."""


def quietly(step: Callable[[], object]) -> None:
    """Call `step`, again if something comes in between; what it raises is for the lease to keep."""
    for _ in range(2):
        with suppress(BaseException):
            step()
            return
