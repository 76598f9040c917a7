"""The thread that keeps live views up to date, at most 20 times a second and only while needed.

It sleeps until something happens (an event, or a view opens), and then refreshes the flows that are
displayed for as long as one of them is running. What a reader has asked for cuts its pauses short.
Layouts are made here as well, never on a run's threads.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from time import monotonic, thread_time
from typing import Final

from resnb.events import EVENTS, Event
from resnb.view.live.flow import LiveFlow
from resnb.view.wire.frames import Frame

PERIOD: Final = 0.05
"""The least time between two refreshes, in seconds."""
CHEAP: Final = 0.0005
"""Seconds of CPU time that a refresh may take and be followed by another one after `PERIOD`."""
SHARE: Final = 200.0
"""The pause is at least so many times the CPU time that it takes beyond that: large flows do."""
LONGEST: Final = 1.0
"""The longest pause between two refreshes, in seconds."""


def pause(elapsed: float, cost: float) -> float:
    """How long to wait after a refresh.

    Args:
        elapsed: seconds that it took.
        cost: seconds of CPU time that it took.
    """
    return max(0.0, min(LONGEST, max(PERIOD, SHARE * (cost - CHEAP))) - elapsed)


class Ticker:
    """Refreshes live flows and sends the frames to their views."""

    def __init__(self) -> None:
        self._flows: dict[LiveFlow, Callable[[Frame], object]] = {}
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._never = threading.Event()
        self._hurry = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop_listening: Callable[[], None] | None = None

    def add(self, live: LiveFlow, send: Callable[[Frame], object]) -> None:
        """Refresh `live` from now on, and call `send` with each frame."""
        with self._lock:
            self._flows[live] = send
            if self._thread is None:
                self._stop_listening = EVENTS.listen(self._happened)
                self._thread = threading.Thread(target=self._work, name="resnb-view", daemon=True)
                self._thread.start()
        self.look()

    def remove(self, live: LiveFlow) -> None:
        """Do not refresh `live` any more; after the last flow the thread ends.

        Takes no lock: a widget that is collected calls this in the middle of anything.
        """
        self._flows.pop(live, None)
        self._wake.put(None)

    def look(self) -> None:
        """A reader waits for something: refresh at once, whatever it costs."""
        self._hurry.set()
        self._wake.put(None)

    def _happened(self, event: Event) -> None:
        for live in tuple(self._flows):
            live.happened(event)
        self._wake.put(None)

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
            self._wake.get()
            while not self._wake.empty():
                self._wake.get()
            self._hurry.clear()
            began, used = monotonic(), thread_time()
            if self._refresh():
                self._wake.put(None)
            left = pause(monotonic() - began, thread_time() - used)
            self._never.wait(min(left, PERIOD))
            self._hurry.wait(left - PERIOD)

    def _refresh(self) -> bool:
        """Refresh all flows once; returns whether there may be more to send."""
        moving = False
        for live, send in tuple(self._flows.items()):
            if not live.is_watched:
                continue
            moving = live.is_moving or moving
            with suppress(Exception):  # one view that is gone must not hold up the others
                for frame in live.refresh():
                    send(frame)
            moving = live.has_more or moving
        return moving


TICKER = Ticker()
"""This kernel's ticker."""
