"""What runs on a Dask worker: a task's code, with its output, its interrupts and its ending.

What the code raises is no error to Dask: it comes back as a `Told`, so that the kernel decides
what follows, and no worker writes about it. What the code prints, and when it began and ended,
goes to the kernel as events, many at once: a message for each end would delay the next task of a
chain. Only what is left of its output is sent at its end, before its result is announced.
"""

import sys
import threading
import time
from typing import Any, NamedTuple, cast
from weakref import WeakKeyDictionary

from resnb.dask.serialization import Told, loaded, told_of, unsendable
from resnb.graph.base.inputs import flat, is_sequence, items_of, joined
from resnb.run.engine.slots import CURRENT, NOTHING, Slot
from resnb.run.output.routing import routed
from resnb.run.output.writer import LOG_LIMIT

INTERVAL = 0.05
"""Seconds between two messages about code that is running."""

RUNS = 1_000
"""Of how many runs it is remembered that they are over."""


class Call(NamedTuple):
    """One try of a task, as it is sent to a worker.

    Attributes:
        topic: of the events about it.
        row: its row in the run.
        number: tells its tries apart.
        name: the task's name.
        code: its function, pickled.
        values: its arguments, pickled; None if these are just what is upstream, in order.
        known: how many of the values upstream are arguments; the others only come first.
    """

    topic: str
    row: int
    number: int
    name: str
    code: bytes
    values: bytes | None
    known: int


class Report:
    """What one try has printed and not sent yet, and when it began.

    Attributes:
        seat: which of the tries that its worker runs at the same time it is, from 0.
    """

    def __init__(self, call: Call) -> None:
        self.seat = 0
        self.slot = Slot(threading.get_ident(), cast("Any", self))
        self.call = call
        self.began = time.perf_counter()
        self.ended = 0.0
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
                text = f"{text[: self._room]}\n[more was printed than comes back from a worker]\n"
            self._room -= len(text)
            self._texts.append((stream, text))

    def message(self) -> dict[str, Any] | None:
        """What the kernel is to know by now; None if it does already."""
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
            "spent": (self.ended or now) - self.began,
            "ago": now - self.ended if self.ended else None,
            "texts": texts,
        }

    @property
    def has_texts(self) -> bool:
        """Whether something that it has printed was not sent yet."""
        return bool(self._texts)


class Desk:
    """What one worker knows of the tries that it runs.

    Attributes:
        attached: the resources that it has attached, by lease.
    """

    def __init__(self, worker: Any) -> None:
        self._worker = worker
        self._reports: dict[tuple[str, int, int], Report] = {}
        self._ended: list[Report] = []
        self._begun: set[tuple[str, int, int]] = set()
        self._forbidden: set[tuple[str, int, int]] = set()
        self._left: dict[str, None] = {}
        self._lock = threading.Lock()
        self._ticking = False
        self.attached: dict[tuple[str, str], Any] = {}
        self.attaching = threading.Lock()

    def begins(self, call: Call) -> Report | None:
        """A try begins; None if it was given up before."""
        report = Report(call)
        with self._lock:
            if call.topic in self._left or call[:3] in self._forbidden:
                return None
            taken = {one.seat for one in self._reports.values()}
            report.seat = next(seat for seat in range(len(taken) + 1) if seat not in taken)
            self._begun.add(call[:3])
            self._reports[call[:3]] = report
            tick, self._ticking = not self._ticking, True
        if tick:
            self._worker.loop.add_callback(self._worker.loop.call_later, INTERVAL, self._tick)
        return report

    def ends(self, report: Report) -> None:
        """Its code has returned."""
        report.ended = time.perf_counter()
        with self._lock:
            self._reports.pop(report.call[:3], None)
            if not report.has_texts:
                self._ended.append(report)
                return
        self._say(report.call.topic, [report.message()])

    def stop(self, calls: list[tuple[str, int, int]]) -> list[tuple[int, int]]:
        """Interrupt those that run, and let the others not begin; gives those that had begun."""
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

    def leave(self, topic: str) -> tuple[list[Any], list[Any]]:
        """A run is over: forget it; gives what it had attached, and what was not reported yet."""
        with self._lock:
            ended = [one for one in self._ended if one.call.topic == topic]
            self._ended = [one for one in self._ended if one.call.topic != topic]
            self._begun = {one for one in self._begun if one[0] != topic}
            self._forbidden = {one for one in self._forbidden if one[0] != topic}
            self._left[topic] = None  # a call may be on its way through the worker's threads
            if len(self._left) > RUNS:
                del self._left[next(iter(self._left))]
        mine = [key for key in self.attached if key[0] == topic]
        attached = [self.attached.pop(key) for key in mine]
        return attached, [report.message() for report in ended]

    def _tick(self) -> None:
        with self._lock:
            reports, self._ended = [*self._ended, *self._reports.values()], []
            self._ticking = bool(reports)
        messages: dict[str, list[Any]] = {}
        for report in reports:
            message = report.message()
            if message is not None:
                messages.setdefault(report.call.topic, []).append(message)
        for topic, some in messages.items():
            self._say(topic, some)
        if reports:
            self._worker.loop.call_later(INTERVAL, self._tick)

    def _say(self, topic: str, reports: list[Any]) -> None:
        self._worker.log_event(topic, {"name": str(self._worker.name), "reports": reports})


_DESKS: "WeakKeyDictionary[Any, Desk]" = WeakKeyDictionary()
_DESKS_LOCK = threading.Lock()


def desk_of(worker: Any) -> Desk:
    """The desk of `worker`."""
    with _DESKS_LOCK:
        return _DESKS.get(worker) or _DESKS.setdefault(worker, Desk(worker))


def perform(call: Call, *upstream: Any) -> Any:
    """Run one try of a task's code.

    Args:
        call: what to run.
        *upstream: values from the cluster, and results of what only has to come first.

    Returns:
        What the code returned; a `Told` if it did not return anything that can be used.
    """
    if any(type(one) is Told for one in upstream):
        return Told(None)  # the kernel knows better what follows from that
    from distributed import get_worker

    worker = get_worker()
    desk = desk_of(worker)
    if "resnb.run.flow_run" not in sys.modules:  # in the kernel, the run has done so
        routed()  # as long as this process lives
    report = desk.begins(call)
    if report is None:
        return Told(None)
    slot = report.slot
    slot.row = call.row
    token = CURRENT.set(slot)
    try:
        function, args, kwargs = loaded(call, upstream, desk)
        slot.inside = call.row
        value = function(*args, **kwargs)
        slot.inside = NOTHING
    except BaseException as error:  # noqa: BLE001 - it is the user's, and becomes a state
        slot.inside = NOTHING
        value = told_of(error)
    else:
        fault = unsendable(call.name, value)
        if fault is not None:
            value = told_of(fault)
    finally:
        CURRENT.reset(token)
        desk.ends(report)
    return value


def flattened(name: str, key: str, value: Any) -> Any:
    """`value` with a level of nesting taken out; a `Told` if it has no items."""
    try:
        return items_of(name, key, flat(value))
    except Exception as error:  # noqa: BLE001 - the user's value
        return told_of(error)


def joined_items(values: list[Any]) -> Any:
    """What the children of a mapped task gave, one level flatter."""
    try:
        return joined(values)[0]
    except Exception as error:  # noqa: BLE001 - the user's values
        return told_of(error)


def joined_counts(values: list[Any]) -> Any:
    """How many items each of these children gave."""
    try:
        return joined(values)[1]
    except Exception as error:  # noqa: BLE001 - the user's values
        return told_of(error)


def counted(name: str, key: str, value: Any) -> Any:
    """How many items `value` has; if it has none, a `Told`, or None where it is no argument."""
    if type(value) is Told:
        return value
    if not key and not is_sequence(value):
        return None
    try:
        return len(value) if is_sequence(value) else len(items_of(name, key, value))
    except Exception as error:  # noqa: BLE001 - the user's value
        return told_of(error)


def stop(calls: list[tuple[str, int, int]], dask_worker: Any = None) -> list[tuple[int, int]]:
    """Stop tries on this worker; see `Desk.stop`."""
    return desk_of(dask_worker).stop([(topic, row, number) for topic, row, number in calls])


def leave(topic: str, dask_worker: Any = None) -> dict[str, Any]:
    """A run is over; what it attached is detached where its manager says how.

    Returns:
        The worker's last message: what was not reported yet.
    """
    attached, reports = desk_of(dask_worker).leave(topic)
    for manager, resource in attached:
        detach = getattr(manager, "detach", None)
        if detach is not None:
            try:
                detach(resource)
            except Exception as error:  # noqa: BLE001 - the user's code, on its way out
                print(f"detach raised {type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201
    return {"name": str(dask_worker.name), "reports": reports}


__all__ = [
    "INTERVAL",
    "Call",
    "Desk",
    "Report",
    "counted",
    "desk_of",
    "flattened",
    "joined_counts",
    "joined_items",
    "leave",
    "perform",
    "stop",
]
