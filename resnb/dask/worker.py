"""What runs on a Dask worker: a task's code, its output, its interruption and its end.

What the code raises is no error to Dask: it comes back as a `Failure`, so that the kernel decides
what follows, and no worker logs it. What the code prints, and when it began and ended, goes to the
kernel as events, many in one message: a message for each end would delay the next task of a chain.
Only the rest of its output is sent at its end, before its result is announced.
"""

import pickle
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import wraps
from typing import Any
from weakref import WeakKeyDictionary

from resnb.dask.serialization import (
    Attachments,
    Failure,
    RemoteCall,
    failure_of,
    loaded,
    unsendable,
)
from resnb.graph.base.inputs import flat, is_sequence, items_of, joined
from resnb.run.engine.slots import CURRENT, NOTHING, Slot
from resnb.run.output.log import LOG_LIMIT
from resnb.run.output.routing import routed

INTERVAL = 0.05
"""Seconds between two messages about code that is running."""

RUNS = 1_000
"""Maximum number of ended runs that a worker remembers."""


class Report:
    """What one try has printed that was not sent yet, and when it began.

    Attributes:
        seat: its number among the tries that its worker runs at the same time, from 0.
    """

    def __init__(self, call: RemoteCall) -> None:
        self.seat = 0
        self.slot = Slot(threading.get_ident(), self)
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


class TryRegistry:
    """The tries that one worker runs, and those that it must not begin."""

    def __init__(self, worker: Any) -> None:
        self._worker = worker
        self._reports: dict[tuple[str, int, int], Report] = {}
        self._ended: list[Report] = []
        self._begun: set[tuple[str, int, int]] = set()
        self._forbidden: set[tuple[str, int, int]] = set()
        self._left: dict[str, None] = {}
        self._said: Counter[str] = Counter()  # messages of each run
        self._lock = threading.Lock()
        self._ticking = False
        self.attachments = Attachments()

    def begins(self, call: RemoteCall) -> Report | None:
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
        with self._lock:
            self._said[topic] += 1
        self._worker.log_event(topic, {"name": str(self._worker.name), "reports": reports})


_REGISTRIES: "WeakKeyDictionary[Any, TryRegistry]" = WeakKeyDictionary()
_REGISTRIES_LOCK = threading.Lock()


def registry_of(worker: Any) -> TryRegistry:
    """The registry of `worker`."""
    with _REGISTRIES_LOCK:
        return _REGISTRIES.get(worker) or _REGISTRIES.setdefault(worker, TryRegistry(worker))


def perform(call: RemoteCall, *upstream: Any) -> Any:
    """Run one try of a task's code.

    Args:
        call: what to run.
        *upstream: values from the cluster, and results of what only has to end first.

    Returns:
        What the code returned; a `Failure` if it returned nothing that can be used.
    """
    if any(type(one) is Failure for one in upstream):
        return Failure(None)  # the kernel knows what follows from that
    from distributed import get_worker

    worker = get_worker()
    registry = registry_of(worker)
    if "resnb.run.flow_run" not in sys.modules:  # in the kernel, the run has done so
        routed()  # as long as this process lives
    report = registry.begins(call)
    if report is None:
        return Failure(None)
    slot = report.slot
    slot.row = call.row
    token = CURRENT.set(slot)
    try:
        function, args, kwargs = loaded(call, upstream, registry.attachments)
        slot.inside = call.row
        value = function(*args, **kwargs)
        slot.inside = NOTHING
    except BaseException as error:  # noqa: BLE001 - it is the user's, and becomes a state
        slot.inside = NOTHING
        value = failure_of(error)
    else:
        fault = unsendable(call.name, value)
        if fault is not None:
            value = failure_of(fault)
    finally:
        CURRENT.reset(token)
        registry.ends(report)
    return value


def _failing(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let `function` return a `Failure` rather than raise: an error is the user's, not Dask's."""

    @wraps(function)
    def safe(*args: Any) -> Any:
        try:
            return function(*args)
        except Exception as error:  # noqa: BLE001 - the user's values
            return failure_of(error)

    return safe


@_failing
def flattened(name: str, key: str, value: Any) -> Any:
    """`value` with a level of nesting taken out."""
    return items_of(name, key, flat(value))


@_failing
def joined_items(values: list[Any]) -> Any:
    """What the children of a mapped task returned, one level flatter."""
    return joined(values)[0]


@_failing
def joined_counts(values: list[Any]) -> Any:
    """How many items each of these children returned."""
    return joined(values)[1]


@_failing
def counted(name: str, key: str, value: Any) -> Any:
    """How many items `value` has; None if it has none but is no argument either."""
    if type(value) is Failure:
        return value
    if not key and not is_sequence(value):
        return None
    return len(value) if is_sequence(value) else len(items_of(name, key, value))


def stop(calls: list[tuple[str, int, int]], dask_worker: Any = None) -> list[tuple[int, int]]:
    """Stop tries on this worker; see `TryRegistry.stop`."""
    return registry_of(dask_worker).stop([(topic, row, number) for topic, row, number in calls])


def leave(topic: str, dask_worker: Any = None) -> dict[str, Any]:
    """A run is over: detach what it has attached, if the manager says how.

    Returns:
        The worker's last reports, and how many messages it has sent before.
    """
    attached, reports, said = registry_of(dask_worker).leave(topic)
    for manager, resource in attached:
        detach = getattr(manager, "detach", None)
        if detach is not None:
            try:
                detach(resource)
            except Exception as error:  # noqa: BLE001 - the user's code, on its way out
                print(f"detach raised {type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201
    return {"name": str(dask_worker.name), "reports": reports, "said": said}
