"""One try of a row that takes more than a plain call: it has a time limit, and can be stopped.

Its end is claimed exactly once: by its code, which returns or raises, or by its time limit.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from resnb.run.engine.slots import Slot

if TYPE_CHECKING:
    from resnb.graph.tasks.task import Task


class Attempt:
    """A try in progress.

    Attributes:
        slot: the thread or coroutine that runs its code.
        limit: its time limit in seconds, or None.
        pause: seconds between the return of its code and the next try; None for no next try.
        over: whether its code is no longer waited for.
        undo: takes back what its code has made, if that comes too late; None if it made nothing.
    """

    def __init__(
        self, row: int, task: "Task", slot: Slot, limit: float | None, stop: Callable[[], object]
    ) -> None:
        self.row = row
        self.task = task
        self.slot = slot
        self.limit = limit
        self.stop = stop
        self.pause: float | None = None
        self.over = False
        self.undo: Callable[[], object] | None = None
        self.call_off: Callable[[], None] | None = None
        self._unclaimed = [True]
        self._place = [True]

    def take_place(self) -> bool:
        """Whether the caller takes its worker's place: the worker itself, or a replacement."""
        try:
            return self._place.pop()
        except IndexError:
            return False

    @property
    def is_claimed(self) -> bool:
        """Whether it has ended."""
        return not self._unclaimed

    def claim(self) -> bool:
        """Whether the caller is the first to end it."""
        try:
            self._unclaimed.pop()
        except IndexError:
            return False
        if self.call_off is not None:
            self.call_off()
        return True
