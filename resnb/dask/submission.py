"""Gives rows to a cluster, in bundles, and with them what can follow at once."""

import threading
from collections.abc import Callable, Container
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any

from resnb.dask.bundles import forming
from resnb.dask.bundles.estimates import ESTIMATES, kind_of
from resnb.dask.bundles.forming import Bundle, Bundler
from resnb.dask.bundles.pipelining import Pipeline
from resnb.dask.calls import CallFactory, Package
from resnb.dask.cluster_loss import reason_of
from resnb.dask.messages import AT_ONCE, first_of, pass_on, when_done
from resnb.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from resnb.graph.resources.scope import Scope
    from resnb.run.engine.engine import Engine

MOST = 20_000
"""Maximum number of rows that are on the cluster at once, of those whose turn has not come."""
FEW = 50
"""So many rows more do not delay a message as much as another message would."""


class Submission:
    """What one cluster has been given: that of a scope's resource, or (None) the run's own.

    Args:
        taken: the rows whose turn has come.
        cluster: the scheduler's id.

    Attributes:
        numbers: the number of the latest try of each row that was given to it, from 1.
        futures: the futures of what is there; None for what goes with the next message.
        bundled: the rows whose latest try travels with others.
        threads: how many the cluster has.
        done: what is called on the client's loop with a package, the numbers of its rows' tries,
            and the future, once that is done; emptied when the run is over, for Dask may say so
            only after its reports.
        failed: called with a row that cannot be sent, and why.
        lost: called with the reason if the cluster is gone.
        begins: called on the client's loop just before the first message.
    """

    failed: Callable[[int, RunError], object]
    lost: Callable[[str], object]
    begins: Callable[[], object] | None

    def __init__(
        self,
        engine: "Engine",
        client: Any,
        scope: "Scope | None",
        taken: Container[int],
        cluster: str,
    ) -> None:
        self.calls = CallFactory(engine, client, cluster)
        self.numbers: dict[int, int] = {}
        self.futures: dict[int, Any] = {}
        self.bundled: set[int] = set()
        self.threads = 1
        self.done: list[Callable[[Package, tuple[int, ...], Any], object]] = []
        self._client = client
        self._execution = engine.execution
        self._taken = taken
        state_of = engine.execution.table.state.__getitem__
        self._pipeline = Pipeline(engine.execution.plan, scope, state_of)
        self._bundler = Bundler(
            self._pipeline, self._kind, self._seconds, self._deviation, forming.LIMITS
        )
        self._kinds: dict[int, Hashable] = {}
        self._batch: dict[str, tuple[Bundle, Package]] = {}
        self._packages: dict[str, Bundle] = {}
        self._left: dict[Bundle, int] = {}
        self.is_claimed = False
        self._claiming = threading.Lock()

    def claim(self) -> None:
        """A cancel begins: nothing goes ahead any more, for it might begin after the clean-up."""
        with self._claiming:
            self.is_claimed = True

    def __contains__(self, row: int) -> bool:
        """Whether `row` waits until it is given to the cluster."""
        return row in self._bundler

    def is_open(self, row: int, number: int) -> bool:
        """Whether a try was given to the cluster, and is not over.

        Its number says too little: it stays the latest one until the next try is sent.
        """
        return self.numbers.get(row) == number and row in self.futures

    def send(self, row: int) -> None:
        """Give `row` to the cluster as soon as it is good for more, and what can follow with it."""
        self._bundler.offer(row)

    def withdraw(self, row: int) -> None:
        """`row` is not to be given to the cluster."""
        self._bundler.withdraw(row)

    def take_back(self, row: int) -> Any:
        """The try of `row` is over, without a value; gives its future, if it was on the cluster."""
        self._pipeline.take_back(row)
        return self.futures.pop(row, None)

    def send_again(self, row: int, *, is_suspect: bool = False) -> None:
        """The try of `row` is over, and did not begin as far as anybody knows.

        Args:
            row: if its turn has not come, it is given to the cluster once nothing is against that.
            is_suspect: whether it may have killed a worker.
        """
        self.take_back(row)
        if is_suspect:
            self._bundler.suspect(row)
        if row in self._taken or (not self.is_claimed and self._pipeline.may_follow(row)):
            self._bundler.offer(row)

    def is_suspect(self, row: int) -> bool:
        """Whether `row` was alone when it was sent, as it may have killed a worker."""
        return self._bundler.is_suspect(row)

    def idled(self, seconds: float) -> None:
        """A thread of the cluster had nothing to do for so long before its latest row."""
        self._bundler.idled(seconds)

    def learn(self, row: int, seconds: float, size: int, *, has_ended: bool) -> None:
        """The code of `row` has run for so many seconds."""
        kind = self._kind(row)
        if kind is None:
            return
        if has_ended:
            ESTIMATES.add(kind, seconds, size)
        elif seconds > forming.LIMITS.short:
            ESTIMATES.at_least(kind, seconds)

    def ended(self, package: Package) -> None:
        """The cluster is done with a package."""
        bundle = self._packages.pop(package.key, None)
        if bundle is not None:
            self._left[bundle] -= 1
            if not self._left[bundle]:
                del self._left[bundle]
                self._bundler.ended(bundle)

    def submit(self) -> None:
        """Send what there is room for."""
        enough = self.threads  # the first message is soon made, so that nobody has to wait for all
        while bundles := self._bundler.formed(self.threads):  # one of which nothing is sent is over
            left = sum(len(one.rows) for one in bundles)
            for bundle, rows in [(one, self._begun(one)) for one in bundles]:
                left -= len(bundle.rows)
                for package in self._packed(rows, bundle):
                    self._batch[package.key] = bundle, package
                    self._packages[package.key] = bundle
                    self._left[bundle] = self._left.get(bundle, 0) + 1
                if bundle not in self._left:
                    self._bundler.ended(bundle)
                if len(self._batch) >= enough and left > FEW:
                    self._send(list(first_of(self._batch)))
                    enough = min(2 * enough, AT_ONCE)
        while self._batch:
            self._send(list(first_of(self._batch)))

    def _begun(self, bundle: Bundle) -> list[int]:
        """The rows of `bundle` that are given to the cluster, each with a new try."""
        rows = []
        with self._claiming:
            for row in bundle.rows:
                is_ahead = row not in self._taken
                if is_ahead and (self.is_claimed or len(self.futures) > MOST):
                    self._pipeline.take_back(row)
                    continue
                self.numbers[row] = self.numbers.get(row, 0) + 1
                self.futures[row] = None
                rows.append(row)
        return rows

    def _packed(self, rows: list[int], bundle: Bundle) -> "Iterator[Package]":
        if not rows:
            return
        is_new = bundle.kind is not None
        (self.bundled.update if len(rows) > 1 else self.bundled.difference_update)(rows)
        yield from self.calls.packages(
            rows,
            self.numbers,
            self._is_sound,
            self._refuse,
            seconds=self._seconds_of(rows),
            is_new=is_new,
        )

    def _is_sound(self, row: int) -> bool:
        """Whether `row`, if it goes ahead, has been given nothing but values."""
        return row in self._taken or self._pipeline.may_stay(row)

    def _refuse(self, row: int, error: RunError | None) -> None:
        self.take_back(row)
        if row not in self._taken:  # one that goes ahead fails when its turn comes
            return
        if error is None:
            self.send(row)
        else:
            self.failed(row, error)

    def _send(self, keys: list[str]) -> None:
        sent = [self._batch.pop(key)[1] for key in keys]
        graph = {one.key: one.task for one in sent}
        try:
            futures = self._given(graph, keys)
        except Exception as error:  # noqa: BLE001 - the cluster's, which is not there any more
            for one in sent:
                for row in one.rows:
                    self.take_back(row)
            self.lost(reason_of(self._client, error))
            return
        awaited = []
        for future, one in zip(futures, sent, strict=True):
            for row in one.rows:
                self.futures[row] = future
                self.calls.hold(row, future)
            numbers = tuple([self.numbers[row] for row in one.rows])
            awaited.append((future, partial(pass_on, self.done, one, numbers)))
        self._client.loop.add_callback(self._await_done, awaited)

    def _await_done(self, awaited: list[tuple[Any, Callable[[Any], object]]]) -> None:
        for future, then in awaited:
            self._client.loop.add_callback(when_done, future, then)

    def _given(self, graph: dict[str, Any], keys: list[str]) -> list[Any]:
        """The futures of what is sent."""
        begins, self.begins = self.begins, None
        # without a timeout, what was sent within the same minute is mixed up
        get = partial(self._client.get, graph, keys, sync=False, fifo_timeout=0)
        if begins is None:
            return list(get())

        async def together() -> list[Any]:
            # a client waits 10 ms between two messages, but for what comes at the same time
            begins()
            return list(get())

        futures: list[Any] = self._client.sync(together)
        return futures

    def _kind(self, row: int) -> "Hashable":
        """What tells the code of `row`; None if it has to travel alone.

        That is so for what the kernel has to hear of at once, or to stop after a while.
        """
        plan, origin = self._execution.plan, self._execution.mapped.origin(row)
        if origin not in self._kinds:
            task = plan.tasks[origin]
            is_heard = origin in plan.watched or task.on_running or task.on_completion
            kind = None
            if origin in plan.remote and not is_heard and task.timeout is None:
                kind = kind_of(task, plan.functions[origin])
            self._kinds[origin] = kind
        return self._kinds[origin]

    def _seconds(self, row: int) -> float | None:
        """How long `row` will take; infinity for one that has to travel alone."""
        kind = self._kind(row)
        if kind is None or ESTIMATES.is_large(kind):
            return inf
        return ESTIMATES.seconds(kind)

    def _seconds_of(self, rows: list[int]) -> float:
        """How long `rows` will take together; infinity if nobody knows."""
        known = [self._seconds(row) for row in rows] if len(rows) > 1 else [None]
        return sum(inf if one is None else one for one in known)

    def _deviation(self, row: int) -> float:
        """How many seconds more or less `row` may take."""
        return ESTIMATES.deviation(self._kind(row))
