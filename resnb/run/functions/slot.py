"""The slot of a thread that runs a ``@flow`` function, and the tasks that this calls, in turn.

`inside` is `BODY` while the function's own lines run, a row while a task's do, and nothing while
lines of ours do. On the main thread code that waits in C is woken by a signal to that thread.
"""

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Final

from resnb.errors import TaskCancelled
from resnb.ledger.kernel.keeper import KEEPER
from resnb.run.engine.interrupts import Interrupts
from resnb.run.engine.slots import CURRENT, Slot

if TYPE_CHECKING:
    from resnb.run.output.writer import Output

BODY: Final = 1 << 60
"""What `Slot.inside` holds while the function's own lines run; no row has that number."""


class BodySlot(Slot):
    """The thread of a ``@flow`` function.

    Attributes:
        cancel_inner: cancels the run of the flow function that its code has called, if it has.
        is_woken: whether a signal wakes it, for it is the main thread and handles those.
        woken: for which slots and rows such signals were sent; nested functions share it.

    Args:
        thread_id: the thread's identifier.
        output: where what it prints goes.
        outer: the slot of the function that has called this one.
    """

    __slots__ = ("cancel_inner", "is_woken", "woken")

    def __init__(self, thread_id: int, output: "Output", outer: "BodySlot | None" = None) -> None:
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
    """Ctrl-C while a ``@flow`` function runs on the main thread.

    Code of the user's gets a `KeyboardInterrupt` where it is; lines of ours note it.

    Args:
        slot: the function's slot.
        noted: called with whether the exception was raised; it must not take a lock.
    """

    def __init__(self, slot: BodySlot, noted: Callable[[bool], object]) -> None:
        super().__init__()
        self._slot = slot
        self._noted = noted

    def _note(self, number: int, frame: FrameType | None) -> None:
        current = CURRENT.get()
        if self._slot.woken:
            slot, row = self._slot.woken.pop(0)
            if slot is current and slot.inside == row:
                raise TaskCancelled
            return
        del number, frame
        self.count += 1
        KEEPER.interrupts += 1
        inside = current is not None and current.inside >= 0
        self._noted(inside)
        if inside or (current is not None and current.asking):  # a hook's own end is not the run's
            raise KeyboardInterrupt

    @property
    def are_handled(self) -> bool:
        """Whether this is the main thread, whose signals come here."""
        return self._before is not None


__all__ = ["BODY", "BodyInterrupts", "BodySlot"]
