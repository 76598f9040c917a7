"""The tries that a worker runs, alone or in a bundle, and what they report.

A bundle is broken up if it or one of its tries turns out to take long, or its values to be large:
what has not begun, and does not wait for the one that is running, goes back to the kernel.
"""

import pickle
import threading
import time
from collections.abc import Sequence
from typing import Any

from resnb.dask.failures import Failure
from resnb.dask.serialization import OWN, RemoteCall
from resnb.run.engine.slots import Slot
from resnb.run.output.displays import DISPLAY
from resnb.run.output.log import LOG_LIMIT

INTERVAL = 0.05
"""Seconds between two messages about code that is running."""
LONG = 1.0
"""A bundle that has been running for so many seconds is broken up: it was to take less."""
SLOW, ENOUGH = 1.5, 0.15
"""So is one that takes so many times as long as it was to take, after so many seconds at least: its
worker may be slower than others that have nothing to do any more."""
LARGE = 1_000_000
"""A bundle whose values have so many bytes is broken up."""
SUCCEEDED, FAILED, UNDONE, LEFT, SUSPECT = "succeeded", "failed", "undone", "left", "suspect"
"""How a try in a bundle ended: `LEFT` if it did not begin and is to be sent again, `UNDONE` if it
did not because something upstream has failed, or because it was given up, and `SUSPECT` if it may
be what has killed another worker: it is to be sent again, alone."""
GIVEN_BACK = "it was given back"


class Report:
    """What one try has printed that was not sent yet, and when it began.

    Attributes:
        seat: its number among the tries that its worker runs at the same time, from 0.
        end: how it ended.
        data: its value if that is small, or what it raised, pickled; or why it did not begin.
        size: of its value in bytes, if it is known.
    """

    def __init__(self, call: RemoteCall) -> None:
        self.seat = 0
        self.slot = Slot(threading.get_ident(), self)
        self.call = call
        self.began = time.perf_counter()
        self.ended = 0.0
        self.end = ""
        self.data: bytes | None = None
        self.size = 0
        self._told_beginning = False
        self._texts: list[tuple[str, str]] = []
        self._room = LOG_LIMIT
        self._lock = threading.RLock()

    def write(self, row: int, stream: str, text: str) -> None:
        """Keep `text` for the next message."""
        del row
        with self._lock:
            if self._room <= 0:
                return
            if len(text) > self._room:
                if stream == DISPLAY:  # of which a part would be nothing
                    return
                text = f"{text[: self._room]}\n[more was printed than comes back from a worker]\n"
            self._room -= len(text)
            self._texts.append((stream, text))

    def end_now(self) -> None:
        """Its code has returned."""
        self.ended = time.perf_counter()

    def message(self) -> dict[str, Any] | None:
        """What the kernel has yet to be told; None for nothing."""
        now = time.perf_counter()
        with self._lock:
            if not self.ended and self._told_beginning and not self._texts:
                return None
            self._told_beginning = True
            texts, self._texts = self._texts, []
        return {
            "row": self.call.row,
            "try": self.call.number,
            "seat": self.seat,
            "began": self.began,
            "spent": (self.ended or now) - self.began,
            "ago": now - self.ended if self.ended else None,
            "texts": texts,
            "end": self.end,
            "data": self.data,
            "size": self.size,
        }

    def facts(self) -> dict[str, Any]:
        """What the code may know of its run and itself."""
        found: dict[str, Any] = {}
        for part in self.call.facts:
            found |= pickle.loads(part)  # noqa: S301 - the kernel's
        return found

    @property
    def has_texts(self) -> bool:
        """Whether something that it has printed was not sent yet."""
        return bool(self._texts)


def not_begun(call: RemoteCall, end: str, reason: str) -> Report:
    """The report of a try in a bundle that did not begin."""
    report = Report(call)
    report.end, report.ended, report.data = end, report.began, reason.encode()
    return report


def failure_by(end: str, data: bytes | None) -> Failure:
    """What a report says of a try that has not succeeded."""
    return Failure(data) if end == FAILED else Failure(None, (data or b"").decode())


class BundleRun:
    """A bundle that a worker runs.

    Args:
        seconds: how long it is to take; infinity if nobody knows.

    Attributes:
        began: when, in seconds of the worker's clock.
        at: the number of the call whose turn it is.
        report: that of the call which is running; None for none.
        left: the numbers of the calls that go back to the kernel.
        size: of its values so far, in bytes.
        ended: reports that were not sent yet.
    """

    def __init__(self, calls: Sequence[RemoteCall], seconds: float) -> None:
        self.calls = calls
        self._limit = min(LONG, max(ENOUGH, SLOW * seconds))
        self.began = time.perf_counter()
        self.at = 0
        self.report: Report | None = None
        self.left: set[int] = set()
        self.size = 0
        self.ended: list[Report] = []

    def takes_long(self) -> bool:
        """Whether it, or the call that is running, turns out to take long."""
        now, report = time.perf_counter(), self.report
        if report is None:
            return False
        return now - report.began >= INTERVAL or now - self.began >= self._limit

    def break_up(self) -> None:
        """It takes long: give back what does not wait for the call that is running."""
        waiting = {self.at}
        for number in range(self.at + 1, len(self.calls)):
            if any(
                place == OWN and path[0] in waiting for place, path in self.calls[number].places
            ):
                waiting.add(number)
            else:
                self._leave(number)

    def break_up_if_large(self) -> None:
        """If its values are large, give back what has not begun."""
        if self.size < LARGE:
            return
        for number in range(self.at + 1, len(self.calls)):
            self._leave(number)

    def _leave(self, number: int) -> None:
        if number not in self.left:
            self.left.add(number)
            self.ended.append(not_begun(self.calls[number], LEFT, GIVEN_BACK))
