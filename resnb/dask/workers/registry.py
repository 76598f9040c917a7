"""The tries that a worker runs, those that it must not begin, and when it reports.

What the code prints, and when it began and ended, goes to the kernel as events, many in one
message and at most 20 times a second. What is left at the end of a bundle or of a lone task goes
together with Dask's word that it is done, and before it: after a message, a worker of Dask sends
nothing for 2 ms.
"""

import threading
from collections import Counter
from typing import Any
from weakref import WeakKeyDictionary

from resnb.dask.serialization import RemoteCall
from resnb.dask.workers.attachments import Attachments
from resnb.dask.workers.tries import GIVEN_BACK, INTERVAL, UNDONE, BundleRun, Report, not_begun

RUNS = 1_000
"""Maximum number of runs that a worker remembers."""
AT_ONCE = 10
"""Maximum number of lone tasks in `INTERVAL` whose ends are reported at once."""
_PLUGIN = "resnb-reports"


class TryRegistry:
    """The tries that one worker runs, and those that it must not begin."""

    def __init__(self, worker: Any) -> None:
        self._worker = worker
        self._reports: dict[tuple[str, int, int], Report] = {}
        self._bundles: list[BundleRun] = []
        self._ended: list[Report] = []
        self._due: set[Any] = set()  # Dask's keys: reports go with word that these are done
        self._said_at_once = 0
        self._begun: dict[str, set[tuple[int, int]]] = {}
        self._forbidden: set[tuple[str, int, int]] = set()
        self._left: dict[str, None] = {}
        self._said: Counter[str] = Counter()  # messages of each run
        self._lock = threading.Lock()
        self._ticking = False
        self.attachments = Attachments()
        worker.loop.add_callback(worker.plugins.__setitem__, _PLUGIN, self)

    def opens(self, bundle: BundleRun) -> None:
        """A bundle begins."""
        with self._lock:
            self._bundles.append(bundle)

    def closes(self, bundle: BundleRun, key: Any) -> None:
        """A bundle is over, and with it Dask's task of that key."""
        with self._lock:
            self._bundles.remove(bundle)
            self._ended += bundle.ended
            self._due.add(key)

    def begins(self, call: RemoteCall, bundle: BundleRun | None = None) -> Report | str:
        """A try begins; the reason if it does not: it was given up before, or given back."""
        report = Report(call)
        with self._lock:
            if bundle is not None and bundle.at in bundle.left:
                return GIVEN_BACK
            if call.topic in self._left or call[:3] in self._forbidden:
                reason = "its run was over" if call.topic in self._left else "it was given up"
                if bundle is not None:
                    bundle.ended.append(not_begun(call, UNDONE, reason))
                return reason
            if self._reports:
                taken = {one.seat for one in self._reports.values()}
                report.seat = next(seat for seat in range(len(taken) + 1) if seat not in taken)
            if call.topic not in self._begun:
                self._begun[call.topic] = set()
                if len(self._begun) > RUNS:  # of a kernel that has left without a word
                    del self._begun[next(iter(self._begun))]
            self._begun[call.topic].add((call.row, call.number))
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

    def ends(self, report: Report, bundle: BundleRun) -> None:
        """The code of a try in a bundle has returned."""
        with self._lock:
            self._over(report)
            bundle.report = None
            bundle.ended.append(report)
            bundle.size += report.size
            bundle.break_up_if_large()

    def ends_alone(self, report: Report, key: Any) -> None:
        """The code of a lone try has returned, and with it Dask's task of that key."""
        with self._lock:
            self._over(report)
            self._ended.append(report)
            if report.has_texts or report.call.is_new or self._said_at_once < AT_ONCE:
                self._said_at_once += 1
                self._due.add(key)

    def _over(self, report: Report) -> None:
        report.end_now()
        self._reports.pop(report.call[:3], None)

    def stop(self, calls: list[tuple[str, int, int]]) -> list[tuple[int, int]]:
        """Interrupt `calls` that run, and forbid the others; gives those that had begun."""
        with self._lock:
            begun = [one for one in calls if one[1:] in self._begun.get(one[0], ())]
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
            self._begun.pop(topic, None)
            self._forbidden = {one for one in self._forbidden if one[0] != topic}
            self._left[topic] = None  # a call may be on its way through the worker's threads
            if len(self._left) > RUNS:
                del self._left[next(iter(self._left))]
            said = self._said.pop(topic, 0)
        return self.attachments.leave(topic), [report.message() for report in ended], said

    def transition(self, key: Any, *_: Any, **__: Any) -> None:
        """Something has happened to a task of Dask; called by its worker, on the worker's loop."""
        if key not in self._due:
            return
        with self._lock:
            ended = self._take_ended()
        self._say(ended)

    def _tick(self) -> None:
        with self._lock:
            self._said_at_once = 0
            reports = [*self._take_ended(), *self._reports.values()]
            for bundle in self._bundles:
                if bundle.takes_long():
                    bundle.break_up()
                reports += bundle.ended
                bundle.ended = []
            goes_on = self._ticking = bool(self._reports or self._bundles or reports)
        self._say(reports)
        if goes_on:
            self._worker.loop.call_later(INTERVAL, self._tick)

    def _take_ended(self) -> list[Report]:
        ended, self._ended = self._ended, []
        self._due.clear()
        return ended

    def _say(self, reports: list[Report]) -> None:
        """Send `reports`; on the worker's loop."""
        messages: dict[str, list[Any]] = {}
        for report in reports:
            message = report.message()
            if message is not None:
                messages.setdefault(report.call.topic, []).append(message)
        for topic, some in messages.items():
            with self._lock:
                if topic in self._left:
                    continue  # nobody listens any more
                self._said[topic] += 1
            self._worker.log_event(topic, {"name": str(self._worker.name), "reports": some})


_REGISTRIES: "WeakKeyDictionary[Any, TryRegistry]" = WeakKeyDictionary()
_REGISTRIES_LOCK = threading.Lock()


def registry_of(worker: Any) -> TryRegistry:
    """The registry of `worker`."""
    with _REGISTRIES_LOCK:
        return _REGISTRIES.get(worker) or _REGISTRIES.setdefault(worker, TryRegistry(worker))
