"""The slot of a thread that runs a ``@flow`` function, and in turn the tasks that it calls.

`inside` is `BODY` while the function's own lines run, a row while a task's do, and nothing while
resnb's do. On the main thread, code that waits in C is woken by a signal to that thread.
"""

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Final

from resnb.errors import TaskCancelled
from resnb.run.engine.interrupts import Interrupts
from resnb.run.engine.slots import CURRENT, Slot, TextSink

BODY: Final = 1 << 60
"""What `Slot.inside` holds while the function's own lines run; no row has that number."""


class BodySlot(Slot):
    """The thread of a ``@flow`` function.

    Attributes:
        cancel_inner: cancels the run of the flow function that its code is calling, if it is.
        is_woken: whether a signal wakes it, because it is the main thread, which handles them.
        woken: the slots and rows for which such signals were sent; nested functions share it.
    """

    __slots__ = ("cancel_inner", "is_woken", "woken")

    def __init__(self, thread_id: int, output: TextSink, outer: "BodySlot | None" = None) -> None:
        super().__init__(thread_id, output)
        self.cancel_inner: Callable[[], object] | None = None
        self.is_woken: bool = outer is not None and outer.is_woken
        self.woken: list[tuple[Slot, int]] = [] if outer is None else outer.woken

    def interrupt(self, row: int) -> bool:
        """Raise `TaskCancelled` in the code if that still works on `row`."""
        cancel_inner = self.cancel_inner
        if cancel_inner is not None and self.row == row:
            cancel_inner()
            return True
        if not self.is_woken or self.thread_id == threading.get_ident():
            return super().interrupt(row)
        if self.inside != row:
            return False
        self.woken.append((self, row))
        signal.pthread_kill(self.thread_id, signal.SIGINT)
        return True


class BodyInterrupts(Interrupts):
    """Signals while a ``@flow`` function runs on the main thread.

    The user's code gets what a handler raises at once; resnb's own lines note it.

    Args:
        slot: the function's slot.
        on_error: called with the exception and whether it was raised at once; it must not take a
            lock.
    """

    def __init__(self, slot: BodySlot, on_error: Callable[[BaseException, bool], object]) -> None:
        super().__init__()
        self._slot = slot
        self._on_error = on_error

    def _raised_by(self, number: int, frame: FrameType | None) -> BaseException | None:
        if number == signal.SIGINT and self._slot.woken:
            slot, row = self._slot.woken.pop(0)
            if slot is CURRENT.get() and slot.inside == row:
                raise TaskCancelled
            return None
        return super()._raised_by(number, frame)

    def _take(self, error: BaseException, *, in_user_code: bool) -> None:
        self._on_error(error, in_user_code)

    @property
    def are_handled(self) -> bool:
        """Whether this is the main thread, which handles signals."""
        return bool(self._before)
