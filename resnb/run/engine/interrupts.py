"""Ctrl-C while a run is on: it is noted, never raised inside our own lines.

On the main thread the handler of SIGINT is replaced for the length of a run. The first
interrupt cancels the run; further ones are counted, and cut nothing short. Only the user's code
that runs on the main thread (tasks with `LocalExecutor`, hooks) gets a `KeyboardInterrupt`.
"""

import signal
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from time import monotonic
from types import FrameType, TracebackType
from typing import Any, Self

from resnb.errors import shown_without_ours
from resnb.ledger.kernel.keeper import KEEPER
from resnb.run.engine.slots import CURRENT

LOOK = 0.2
"""Seconds between two looks at signals, for who waits on the main thread.

A signal that comes just before a wait does not end it: Python runs handlers between two lines.
"""


def awaited(queue: "SimpleQueue[Any]", deadline: float | None = None) -> Any:
    """The next item of `queue`; meanwhile, the handlers of all signals run soon after they come.

    Args:
        queue: the queue.
        deadline: by `time.monotonic`; None for no limit.

    Raises:
        Empty: it is past the deadline.
    """
    while True:
        left = LOOK if deadline is None else min(LOOK, max(0.0, deadline - monotonic()))
        try:
            return queue.get(timeout=left)
        except Empty:
            if deadline is not None and monotonic() >= deadline:
                raise


class Interrupts:
    """Notes interrupts within a block; off the main thread it does nothing.

    Args:
        first: called by the handler for the first interrupt, if given; it must not take a lock.

    Attributes:
        count: how many there were.
    """

    def __init__(self, first: Callable[[], object] | None = None) -> None:
        self.count = 0
        self._first = first
        self._before: Any = None

    def __enter__(self) -> Self:
        on_main = threading.current_thread() is threading.main_thread()
        if on_main and signal.getsignal(signal.SIGINT) is not None:  # None cannot be put back
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def deliver(self) -> None:
        """After the block: raise what was noted in it.

        Raises:
            KeyboardInterrupt: there was an interrupt.
        """
        if self.count:
            raise shown_without_ours(KeyboardInterrupt())

    def _note(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.count += 1
        KEEPER.interrupts += 1
        if self.count == 1 and self._first is not None:
            self._first()
        slot = CURRENT.get()
        if slot is not None and (slot.inside >= 0 or slot.asking):
            raise KeyboardInterrupt


__all__ = ["LOOK", "Interrupts", "awaited"]
