"""Time as a run sees it: a clock that only goes forward, and timers. Tests bring their own."""

import time
from collections.abc import Callable
from typing import Protocol

from resnb.run.engine.loop import LOOP


class Clock(Protocol):
    """The clock of a run."""

    def now(self) -> float:
        """Seconds since some fixed moment."""

    def call_later(self, delay: float, function: Callable[[], object]) -> Callable[[], None]:
        """Call `function` in `delay` seconds on some thread; returns a function to call it off."""


class RealClock:
    """The machine's clock, and timers on the loop thread."""

    now = staticmethod(time.perf_counter)

    def call_later(self, delay: float, function: Callable[[], object]) -> Callable[[], None]:
        """Call `function` in `delay` seconds on the loop thread."""
        return LOOP.call_later(delay, function)
