"""What a widget keeps for views that have been sent nothing: its flow as it was last at rest.

The frames go to every front end with the widget's state, also into a saved notebook. So they are
made again at once where that is cheap, and seldom where runs of a large flow follow each other.
"""

import time
from collections.abc import Callable

from resnb.view.wire.frames import Frame

SHARE = 20.0
"""The pause between two times is at least so many times what making them takes."""
_STATES = frozenset({"states", "delta", "failures"})


class KeptFrames:
    """The frames that are kept, and when they are due again; used by one thread.

    Args:
        make: makes and keeps them.
        clock: seconds of a clock that only goes forward.
    """

    def __init__(
        self, make: Callable[[], object], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._make = make
        self._clock = clock
        self._due: float | None = None
        self._next = float("-inf")

    def sent(self, frame: Frame, *, is_moving: bool) -> None:
        """A frame has gone to the views.

        Args:
            frame: the frame.
            is_moving: whether a run is on: states are kept when it has ended.
        """
        if frame["frame"] == "structure":
            self._renew()
        elif frame["frame"] in _STATES and not is_moving:
            self._due = self._next
            self.settle()

    def settle(self) -> bool:
        """Make them if that is due; returns whether it will be."""
        if self._due is not None and self._clock() >= self._due:
            self._renew()
        return self._due is not None

    def _renew(self) -> None:
        began = self._clock()
        self._make()
        ended = self._clock()
        self._due, self._next = None, ended + SHARE * (ended - began)
