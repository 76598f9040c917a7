"""The thread that keeps live views up to date: at most 20 times a second, and only while needed.

It sleeps until something happens (an event, a view that opens), and then looks at the flows that
are displayed for as long as one of them is running. Layouts are made here, too, never on a run's
threads.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from time import monotonic, thread_time
from typing import Final

from resnb.events import EVENTS, Event
from resnb.view.live.flow import LiveFlow
from resnb.view.live.frames import Frame

PERIOD: Final = 0.05
"""Seconds between two looks."""
SHARE: Final = 200.0
"""How many times the processor's time for a look is waited, at least: a large flow costs more."""
LONGEST: Final = 0.25
"""Seconds between two looks, at most."""


def pause(elapsed: float, cost: float) -> float:
    """How long to wait after a look.

    Args:
        elapsed: seconds that it took.
        cost: seconds of the processor that it took.
    """
    return max(0.0, min(LONGEST, max(PERIOD, SHARE * cost)) - elapsed)


class Ticker:
    """Refreshes live flows and hands on what their views have to be told."""

    def __init__(self) -> None:
        self._flows: dict[LiveFlow, Callable[[Frame], object]] = {}
        self._wake = threading.Event()
        self._never = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop_listening: Callable[[], None] | None = None

    def add(self, live: LiveFlow, send: Callable[[Frame], object]) -> None:
        """Look at `live` from now on, and call `send` with each frame."""
        with self._lock:
            self._flows[live] = send
            if self._thread is None:
                self._stop_listening = EVENTS.listen(self._happened)
                self._thread = threading.Thread(target=self._work, name="resnb-view", daemon=True)
                self._thread.start()
        self._wake.set()

    def remove(self, live: LiveFlow) -> None:
        """Look at `live` no longer; the thread ends when there is no other."""
        with self._lock:
            self._flows.pop(live, None)
        self._wake.set()

    def look(self) -> None:
        """Something has happened: look at once."""
        self._wake.set()

    def _happened(self, event: Event) -> None:
        for live in tuple(self._flows):
            live.happened(event)
        self._wake.set()

    def _goes_on(self) -> bool:
        with self._lock:
            if self._flows:
                return True
            self._thread = None
            if self._stop_listening is not None:
                self._stop_listening()
            return False

    def _work(self) -> None:
        while self._goes_on():
            self._wake.wait()
            self._wake.clear()
            began, used = monotonic(), thread_time()
            moving = False
            for live, send in tuple(self._flows.items()):
                if not live.is_watched:
                    continue
                moving = live.is_moving or moving
                with suppress(Exception):  # a view that is gone must not keep others waiting
                    for frame in live.refresh():
                        send(frame)
                moving = live.has_more or moving
            if moving:
                self._wake.set()
            self._never.wait(pause(monotonic() - began, thread_time() - used))


TICKER = Ticker()
"""This kernel's ticker."""

__all__ = ["PERIOD", "TICKER", "Ticker", "pause"]
