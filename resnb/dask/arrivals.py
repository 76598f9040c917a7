"""What comes back from a cluster: reports of the workers, and word that Dask is done.

A report says how each row of a bundle ended, while the bundle runs. It counts once it is the row's
turn, for what is ahead of it may yet end otherwise. Of a row that travels alone, Dask says that it
is done. A report comes before the result that it is about; if it is lost, the result is fetched.
"""

from collections.abc import Callable
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from resnb.dask.cluster_loss import is_killer, reason_of
from resnb.dask.failures import Failure
from resnb.dask.messages import END
from resnb.dask.seats import label_of
from resnb.dask.workers.tries import FAILED, LEFT, SUCCEEDED, SUSPECT, UNDONE, failure_by
from resnb.states import FIRST_FINISHED, RUNNING

if TYPE_CHECKING:
    from resnb.dask.calls import Package
    from resnb.dask.cancellation import Try
    from resnb.dask.submission import Submission
    from resnb.run.engine.attempt import Attempt
    from resnb.run.engine.engine import Engine

_NOT_BEGUN = frozenset({UNDONE, LEFT, SUSPECT})


class Driver(Protocol):
    """What follows from what comes back.

    Attributes:
        client: the cluster's client.
        taken: the rows whose turn has come, and that have not ended.
        begun: where rows that have begun are noted.
    """

    client: Any
    taken: set[int]
    begun: list[int]

    def succeed(self, row: int, ended: float) -> None:
        """The value of `row` is on the cluster."""

    def failed(self, row: int, number: int, failure: Any) -> None:
        """A try has ended without a value: with an exception, or without having begun."""

    def fail(self, row: int, error: BaseException | str) -> None:
        """A try has failed."""

    def vanished(self, row: int, number: int) -> None:
        """Dask has cancelled what a row was part of."""

    def is_given_up(self, one: "Try") -> bool:
        """Whether a try is not to be sent again."""

    def fetch(self, future: Any, then: Callable[[Any], object]) -> None:
        """Fetch a small value without waiting for it."""

    def await_again(self, future: Any, then: Callable[[], object]) -> None:
        """Have `then` called once what went with a worker was made again, or given up."""


class _End(NamedTuple):
    """What a worker has reported of a row in a bundle.

    Attributes:
        data: its value if that is small, or what it raised, pickled; or why it did not begin.
        ended: when, in seconds of the run's clock.
    """

    number: int
    end: str
    data: bytes | None
    ended: float


class Arrivals:
    """What comes back from one cluster.

    Args:
        sent: what it was given.

    Attributes:
        unheard: the rows of which Dask has said that they are done, and no worker when that was.
    """

    def __init__(self, engine: "Engine", sent: "Submission", driver: Driver) -> None:
        self._execution = engine.execution
        self._table = engine.execution.table
        self._runner = engine.runner
        self._attempts: dict[int, Attempt] = engine.cancellation.attempts
        self._sent = sent
        self._driver = driver
        self._taken = driver.taken
        self.unheard: set[int] = set()
        # until it is the rows' turn
        self._ends: dict[int, _End] = {}
        self._running: dict[int, int] = {}
        self._ended: dict[int, tuple[int, float]] = {}
        # when each thread of a worker was last done, by the worker's clock and by the run's
        self._free: dict[str, tuple[float, float]] = {}

    # ---- reports

    def report(self, message: dict[str, Any]) -> None:
        """A worker reports."""
        for one in message["reports"]:
            self._report_one(one, message["name"])

    def _report_one(self, report: dict[str, Any], name: str) -> None:
        row, number, end = report["row"], report["try"], report["end"]
        for stream, text in report["texts"]:
            self._execution.output.write(row, stream, text)
        if self._sent.numbers.get(row) != number:
            return
        ended = self._execution.clock.now() - (report["ago"] or 0.0)
        if end not in _NOT_BEGUN:
            ended = self._show(report, label_of(name, report["seat"]), ended)
        if end and row in self._sent.bundled:
            self._came(row, _End(number, end, report["data"], ended))
        elif end == SUCCEEDED:
            self._sent.calls.value_of(row).copy = report["data"]

    def _show(self, report: dict[str, Any], label: str, ended: float) -> float:
        """The code of a row has begun, and has perhaps `ended`; gives when."""
        row, table, has_ended = report["row"], self._table, report["ago"] is not None
        self._sent.learn(row, report["spent"], report["size"], has_ended=has_ended)
        started = ended - report["spent"]
        free, known = self._free.get(label, (inf, 0.0))
        if report["began"] >= free:  # one message may be slower than the next
            started = max(started, known)
            ended = max(ended, started)
        if has_ended:
            self.unheard.discard(row)
            self._sent.idled(report["began"] - free)
            self._free[label] = report["began"] + report["spent"], ended
        table.started[row] = started
        table.worker[row] = table.number_of(label)
        if has_ended and row not in self._sent.futures:  # its end was known before this came
            table.ended[row] = ended
        elif has_ended and row not in self._sent.bundled:
            self._ended[row] = report["try"], ended
        if row in self._taken:
            self._begins(row, has_ended=has_ended)
        elif not has_ended:
            self._running[row] = report["try"]
        return ended

    def _begins(self, row: int, *, has_ended: bool) -> None:
        """The code of `row`, whose turn has come, has begun."""
        self._driver.begun.append(row)
        attempt = self._attempts.get(row)
        if attempt is not None and attempt.call_off is None and not has_ended:
            self._runner.limit_time(attempt)

    def _came(self, row: int, end: _End) -> None:
        """A row in a bundle has ended, or was given back."""
        if row not in self._sent.futures:
            return  # it was given up
        if end.end == SUCCEEDED:
            self._sent.calls.value_of(row).copy = end.data
        if row in self._taken or end.end not in _NOT_BEGUN:
            self._ends[row] = end
            self.look_at(row, end.number)
        else:
            self._sent.send_again(row, is_suspect=end.end == SUSPECT)

    # ---- Dask is done

    def done(self, package: "Package", numbers: tuple[int, ...], future: Any) -> None:
        """Dask is done with a package; `numbers` has the number of each row's try."""
        tries = [
            (place, row, number)
            for place, (row, number) in enumerate(zip(package.rows, numbers, strict=True))
            if self._sent.numbers.get(row) == number
            if row in self._sent.futures and row not in self._ends
        ]
        status = future.status  # which Dask may change at any time
        if status not in {"finished", "error", "cancelled"}:
            self._driver.await_again(future, partial(self.done, package, numbers, future))
            return
        self._sent.ended(package)
        if not package.is_bundle or status == "cancelled":
            for _, row, number in tries:
                self.look_at(row, number)
        elif status == "error":
            now = self._execution.clock.now()
            for _, row, number in tries:  # one by one: it may be the fault of one of them
                self._came(row, _End(number, SUSPECT, None, now))
            self._sent.calls.lost(future.key)
        elif tries:  # what was reported of these was lost
            self._driver.fetch(future, partial(self._unpacked, tries))

    def _unpacked(self, tries: list[tuple[int, int, int]], values: Any) -> None:
        """The values of a bundle have come, or why they have not."""
        now = self._execution.clock.now()
        for place, row, number in tries:
            if not self._sent.is_open(row, number):
                continue
            self.unheard.add(row)
            if isinstance(values, BaseException):
                if row in self._taken:
                    self._driver.fail(row, values)
                continue
            value, data, end = values[place], None, SUCCEEDED
            if type(value) is Failure:
                data = value.reason.encode() if value.error is None else value.error
                end = UNDONE if value.error is None else FAILED
            self._came(row, _End(number, end, data, now))

    # ---- a row's turn

    def look_at(self, row: int, number: int) -> None:
        """Do what follows from what is known of `row`, if its turn has come."""
        if self._sent.numbers.get(row) != number or row not in self._taken:
            return  # it was given up, or its turn has not come
        future, end = self._sent.futures.get(row), self._ends.pop(row, None)
        if self._running.pop(row, 0) == number and end is None:
            self._begins(row, has_ended=False)
        if end is None:
            if future is not None:
                self._look_at_alone(row, number, future)
        elif end.end == SUCCEEDED:
            self._driver.succeed(row, end.ended)
        elif end.end in {LEFT, SUSPECT} and not self._driver.is_given_up((row, number)):
            self._sent.send_again(row, is_suspect=end.end == SUSPECT)
        else:
            self._driver.failed(row, number, failure_by(end.end, end.data))
            if self._table.state[row] >= FIRST_FINISHED:
                self._table.ended[row] = end.ended

    def _look_at_alone(self, row: int, number: int, future: Any) -> None:
        """Look at the package of `row`, of which no report says more."""
        status = future.status
        if status == "cancelled":
            self._driver.vanished(row, number)
        elif row in self._sent.bundled:
            return  # it is being made, its value is being fetched, or it was sent again
        elif status == "lost":  # after it was done, and before its turn
            self._driver.await_again(future, partial(self.look_at, row, number))
        elif status == "error":
            self._broke(row, number, future)
        elif status == "finished":
            known, ended = self._ended.pop(row, (0, 0.0))
            if known != number:
                self.unheard.add(row)
                ended = self._execution.clock.now()
            if future.type is Failure:
                self._driver.fetch(future, partial(self._driver.failed, row, number))
            else:
                self._driver.succeed(row, ended)

    def _broke(self, row: int, number: int, future: Any) -> None:
        """Dask has given up `row`, which travelled alone."""
        error, is_given_up = future.exception(timeout=END), self._driver.is_given_up((row, number))
        if is_killer(error) and error.task != future.key:  # that was upstream
            self._sent.calls.lost(error.task)
            reason = "a value that it needs was lost with a Dask worker"
            self._driver.failed(row, number, Failure(None, reason))
        elif (
            is_killer(error)
            and not (is_given_up or self._sent.is_suspect(row))
            and self._table.state[row] != RUNNING
        ):
            # perhaps it has only waited at workers that something else has killed
            self._sent.send_again(row, is_suspect=True)
        else:
            name = self._execution.task_of(row).name
            self._driver.fail(row, reason_of(self._driver.client, error, name))
