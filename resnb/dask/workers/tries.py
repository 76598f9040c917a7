"""The tries that a worker runs, what they report, and which ones it must not begin.

What the code prints, and when it began and ended, goes to the kernel as events, many in one message
and at most 20 times a second: a message for each end would delay the next task of a chain. What is
left is sent at the end of a bundle, before its result is announced; likewise at the end of a lone
task that has printed something.

A bundle is broken up if it or one of its tries turns out to take long, or its values to be large:
what has not begun, and does not wait for the one that is running, goes back to the kernel.
"""

import pickle
import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

from resnb.dask.serialization import OWN, Failure, RemoteCall
from resnb.dask.workers.attachments import Attachments
from resnb.run.engine.slots import Slot
from resnb.run.output.displays import DISPLAY
from resnb.run.output.log import LOG_LIMIT

INTERVAL = 0.05
"""Seconds between two messages about code that is running."""
LONG = 0.5
"""A bundle that has been running for so many seconds is broken up: it was to take less."""
LARGE = 1_000_000
"""A bundle whose values have so many bytes is broken up."""
RUNS = 1_000
"""Maximum number of ended runs that a worker remembers."""
SUCCEEDED, FAILED, UNDONE, LEFT, SUSPECT = "succeeded", "failed", "undone", "left", "suspect"
"""How a try in a bundle ended: `LEFT` if it did not begin and is to be sent again, `UNDONE` if it
did not because something upstream has failed, or because it was given up, and `SUSPECT` if it may
be what has killed another worker: it is to be sent again, alone."""
_LEFT = "it was given back"


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

    Attributes:
        began: when, in seconds of the worker's clock.
        at: the number of the call whose turn it is.
        report: that of the call which is running; None for none.
        left: the numbers of the calls that go back to the kernel.
        size: of its values so far, in bytes.
        ended: reports that were not sent yet.
    """

    def __init__(self, calls: Sequence[RemoteCall]) -> None:
        self.calls = calls
        self.began = time.perf_counter()
        self.at = 0
        self.report: Report | None = None
        self.left: set[int] = set()
        self.size = 0
        self.ended: list[Report] = []

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

    def is_full(self) -> None:
        """Its values are large: give back what has not begun."""
        for number in range(self.at + 1, len(self.calls)):
            self._leave(number)

    def _leave(self, number: int) -> None:
        if number not in self.left:
            self.left.add(number)
            self.ended.append(not_begun(self.calls[number], LEFT, _LEFT))


class TryRegistry:
    """The tries that one worker runs, and those that it must not begin."""

    def __init__(self, worker: Any) -> None:
        self._worker = worker
        self._reports: dict[tuple[str, int, int], Report] = {}
        self._bundles: list[BundleRun] = []
        self._ended: list[Report] = []
        self._begun: set[tuple[str, int, int]] = set()
        self._forbidden: set[tuple[str, int, int]] = set()
        self._left: dict[str, None] = {}
        self._said: Counter[str] = Counter()  # messages of each run
        self._lock = threading.Lock()
        self._ticking = False
        self.attachments = Attachments()

    def opens(self, bundle: BundleRun) -> None:
        """A bundle begins."""
        with self._lock:
            self._bundles.append(bundle)

    def closes(self, bundle: BundleRun) -> None:
        """A bundle is over: send what was not sent yet."""
        with self._lock:
            self._bundles.remove(bundle)
        self._say(bundle.calls[0].topic, [one.message() for one in bundle.ended])

    def begins(self, call: RemoteCall, bundle: BundleRun | None = None) -> Report | str:
        """A try begins; the reason if it does not: it was given up before, or given back."""
        report = Report(call)
        with self._lock:
            if bundle is not None and bundle.at in bundle.left:
                return _LEFT
            if call.topic in self._left or call[:3] in self._forbidden:
                reason = "its run was over" if call.topic in self._left else "it was given up"
                if bundle is not None:
                    bundle.ended.append(not_begun(call, UNDONE, reason))
                return reason
            taken = {one.seat for one in self._reports.values()}
            report.seat = next(seat for seat in range(len(taken) + 1) if seat not in taken)
            self._begun.add(call[:3])
            self._reports[call[:3]] = report
            if bundle is not None:
                bundle.report = report
            tick, self._ticking = not self._ticking, True
        if tick:
            self._worker.loop.add_callback(self._worker.loop.call_later, INTERVAL, self._tick)
        return report

    def skips(self, call: RemoteCall, bundle: BundleRun, end: str, reason: str) -> None:
        """A try in a bundle does not begin."""
        with self._lock:
            if bundle.at not in bundle.left:
                bundle.ended.append(not_begun(call, end, reason))

    def ends(self, report: Report, bundle: BundleRun | None = None) -> None:
        """Its code has returned."""
        report.ended = time.perf_counter()
        with self._lock:
            self._reports.pop(report.call[:3], None)
            if bundle is not None:
                bundle.report = None
                bundle.ended.append(report)
                bundle.size += report.size
                if bundle.size >= LARGE:
                    bundle.is_full()
                return
            if not report.has_texts and not report.call.is_new:
                self._ended.append(report)
                return
        self._say(report.call.topic, [report.message()])

    def stop(self, calls: list[tuple[str, int, int]]) -> list[tuple[int, int]]:
        """Interrupt `calls` that run, and forbid the others; gives those that had begun."""
        with self._lock:
            begun = [one for one in calls if one in self._begun]
            running = [self._reports[one] for one in begun if one in self._reports]
            self._forbidden.update(calls)
        for report in running:
            report.slot.interrupt(report.call.row)
        return [(row, number) for _, row, number in begun]

    def forbid(self, calls: list[tuple[str, int, int]]) -> None:
        """Let none of `calls` begin."""
        with self._lock:
            self._forbidden.update(calls)

    def leave(self, topic: str) -> tuple[list[Any], list[Any], int]:
        """Forget a run; gives what it had attached, its last reports, and the number of others."""
        with self._lock:
            ended = [one for one in self._ended if one.call.topic == topic]
            self._ended = [one for one in self._ended if one.call.topic != topic]
            self._begun = {one for one in self._begun if one[0] != topic}
            self._forbidden = {one for one in self._forbidden if one[0] != topic}
            self._left[topic] = None  # a call may be on its way through the worker's threads
            if len(self._left) > RUNS:
                del self._left[next(iter(self._left))]
            said = self._said.pop(topic, 0)
        return self.attachments.leave(topic), [report.message() for report in ended], said

    def _tick(self) -> None:
        now = time.perf_counter()
        with self._lock:
            reports, self._ended = [*self._ended, *self._reports.values()], []
            for bundle in self._bundles:
                one = bundle.report
                if one is not None and (now - one.began >= INTERVAL or now - bundle.began >= LONG):
                    bundle.break_up()
                reports += bundle.ended
                bundle.ended = []
            goes_on = self._ticking = bool(self._reports or self._bundles or reports)
        messages: dict[str, list[Any]] = {}
        for report in reports:
            message = report.message()
            if message is not None:
                messages.setdefault(report.call.topic, []).append(message)
        for topic, some in messages.items():
            self._say(topic, some)
        if goes_on:
            self._worker.loop.call_later(INTERVAL, self._tick)

    def _say(self, topic: str, reports: list[Any]) -> None:
        with self._lock:
            if not reports or topic in self._left:
                return  # nobody listens any more
            self._said[topic] += 1
        self._worker.log_event(topic, {"name": str(self._worker.name), "reports": reports})


_REGISTRIES: "WeakKeyDictionary[Any, TryRegistry]" = WeakKeyDictionary()
_REGISTRIES_LOCK = threading.Lock()


def registry_of(worker: Any) -> TryRegistry:
    """The registry of `worker`."""
    with _REGISTRIES_LOCK:
        return _REGISTRIES.get(worker) or _REGISTRIES.setdefault(worker, TryRegistry(worker))
