"""Ctrl-C while a run is on: it is noted, never raised inside our own lines.

On the main thread the handler of SIGINT is replaced for the length of a run. The first
interrupt cancels the run; further ones are counted, and cut nothing short. Only the user's code
that runs on the main thread (`LocalExecutor`) gets a `KeyboardInterrupt`.
"""

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

from resnb.ledger.keeper import KEEPER
from resnb.run.slots import CURRENT


class Interrupts:
    """Notes interrupts within a block; off the main thread it does nothing.

    Args:
        first: called by the handler for the first interrupt; it must not take a lock.

    Attributes:
        count: how many there were.
    """

    def __init__(self, first: Callable[[], object]) -> None:
        self.count = 0
        self._first = first
        self._before: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
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

    def _note(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.count += 1
        KEEPER.interrupts += 1
        if self.count == 1:
            self._first()
        slot = CURRENT.get()
        if slot is not None and slot.inside >= 0:
            raise KeyboardInterrupt


__all__ = ["Interrupts"]
