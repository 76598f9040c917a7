"""The rows of one run that run on one cluster; a driver thread submits them and takes results.

Everything that happens (a row may run, a future is done, a worker reports) comes into one queue,
which the driver empties each time it wakes. Nothing is polled.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from resnb.dask.arrivals import Arrivals
from resnb.dask.cancellation import Cancellations, Try
from resnb.dask.cluster_loss import reason_of
from resnb.dask.failures import Failure, error_of
from resnb.dask.mapping import RemoteMapping
from resnb.dask.messages import Session, fetched, made_again
from resnb.dask.seats import seats_of
from resnb.dask.submission import Submission
from resnb.errors import RunError
from resnb.run.engine.attempt import Attempt
from resnb.run.engine.deciding import decided, is_mapped
from resnb.run.engine.slots import CURRENT, Slot
from resnb.run.scheduling import outcome as outcomes
from resnb.run.scheduling.outcome import Outcome
from resnb.run.scheduling.scheduler import NOT_BEGUN
from resnb.states import CANCELLED, FIRST_FINISHED, PENDING, RETRYING, RUNNING

if TYPE_CHECKING:
    from resnb.graph.resources.scope import Scope
    from resnb.run.engine.engine import Engine


class ClusterRun:
    """A cluster's part in a run: that of a scope's resource, or (None) the run's own cluster."""

    def __init__(self, engine: "Engine", client: Any, scope: "Scope | None") -> None:
        self.client = client
        self._engine = engine
        self._runner = engine.runner
        self._execution = engine.execution
        self._table = engine.execution.table
        self._attempts = engine.cancellation.attempts
        self.taken: set[int] = set()  # the rows whose turn has come, and that have not ended
        seats = seats_of(client)
        self._sent = Submission(engine, client, scope, self.taken, seats.cluster)
        self._sent.threads = seats.threads
        self._arrivals = Arrivals(engine, self._sent, self)
        self._sent.done.append(partial(self._put, self._arrivals.done))
        self._sent.failed, self._sent.lost = self.fail, self.lose
        self._calls = self._sent.calls
        self._inbox: SimpleQueue[tuple[Callable[..., object], *tuple[Any, ...]] | None]
        self._inbox = SimpleQueue()
        self._offered: set[int] = set()
        self._claiming = threading.Lock()
        self._mapping = RemoteMapping(engine, self._calls, self.taken, self._settle, self.fetch)
        self._stops = Cancellations(client, self._calls.topic)
        self._gone: set[Try] = set()
        self._needless: list[Any] = []
        self._kept: dict[int, Any] = {}
        self._in_vain: set[int] = set()
        self.begun: list[int] = []
        self._succeeded: list[int] = []
        self._lost = ""
        self._slot = Slot(0, self._execution.output)
        for label in seats.labels:  # numbered here, so that views show them in this order
            self._table.number_of(label)
        self._listeners = [partial(self._put, self._arrivals.report)]
        self._session = Session(client, self._calls.topic, self._listeners)
        self._sent.begins = partial(
            self._session.begin,
            partial(self._put, self.lose),
            partial(self._put, self._count),
            had_workers=self._sent.threads > 0,
        )
        self._thread = threading.Thread(target=self._drive, name="resnb-dask", daemon=True)
        self._thread.start()

    # ---- called by others; none of these waits

    def take(self, row: int) -> None:
        """`row` may run; with the feed's lock held."""
        # not taken yet: what comes back of an earlier try must find it at rest
        self._offered.add(row)
        self._put(self._take, row)

    def claim(self) -> None:
        """A cancel begins: what may have begun counts as running; with the feed's lock held."""
        self._sent.claim()
        with self._claiming:
            for row in sorted({*self._offered, *self.taken, *self._sent.futures}):
                if self._table.state[row] in (PENDING, RETRYING):
                    self._table.move(row, RUNNING)
                    if row not in self._attempts:
                        self._attempt(row)

    def over(self) -> None:
        """Every row has its final state."""
        self._inbox.put(None)

    def join(self) -> None:
        """Wait until the cluster has been left."""
        self._thread.join()

    def _put(self, handler: Callable[..., object], *arguments: Any) -> None:
        self._inbox.put((handler, *arguments))

    # ---- the driver

    def _drive(self) -> None:
        CURRENT.set(self._slot)
        self._execution.feed.defended(self._drive_on)
        self._close()

    def _drive_on(self) -> None:
        while True:
            item = self._inbox.get()
            while item is not None:
                item[0](*item[1:])
                try:
                    item = self._inbox.get_nowait()
                except Empty:
                    break
            self._stop_rows()
            self._calls.scattered.let_go()
            self._sent.submit()
            self._tell()
            if item is None:
                return

    def _tell(self) -> None:
        """Let the scheduler know what has begun and succeeded."""
        if self.begun or self._succeeded:
            begun, self.begun = self.begun, []
            succeeded, self._succeeded = self._succeeded, []
            self._execution.post(self._feed, begun, succeeded)

    def _feed(self, begun: Iterable[int], succeeded: Iterable[int]) -> None:
        """Likewise, with the feed's lock held."""
        for row in begun:
            attempt = self._attempts.get(row)
            if attempt is not None and not attempt.is_claimed:
                self._runner.begun(row)
        for row in succeeded:
            self._runner.begun(row)
            if self._table.state[row] == RUNNING:
                self._execution.scheduler.succeeded(row)

    def _count(self, threads: int) -> None:
        self._sent.threads = threads

    # ---- giving rows to the cluster

    def _take(self, row: int) -> None:
        execution, table = self._execution, self._table
        self.taken.add(row)
        self._offered.discard(row)
        if table.state[row] >= FIRST_FINISHED:
            self.taken.discard(row)
            return
        self._slot.row = row
        is_ahead = row in self._sent.futures and table.state[row] != RETRYING
        if not is_ahead and execution.is_special(row):
            before = RETRYING if table.tries[row] else PENDING  # a claim has marked it
            refused = decided(execution, row, before)
            if refused is not None:
                self._settle(row)
                execution.post(self._runner.begun, row)
                self._runner.conclude(row, refused)
                return
            if is_mapped(execution, row):
                self._mapping.expand(row)
                return
        table.tries[row] += 1
        self._attempt(row)
        if self._lost:
            self.drop(row)
        elif is_ahead:
            self._arrivals.look_at(row, self._sent.numbers[row])
        elif execution.scheduler.is_given_up(row):
            self.cancel(row)
        else:
            self._sent.send(row)

    def _settle(self, row: int) -> None:
        """`row` is refused, or has children: there is no try to stop, though a claim made one."""
        with self._claiming:
            self.taken.discard(row)
            attempt = self._attempts.pop(row, None)
        if attempt is not None:
            attempt.claim()

    def _attempt(self, row: int) -> None:
        task = self._execution.task_of(row)
        stop = partial(self._put, self._stop_row, row)
        self._attempts[row] = Attempt(row, task, self._slot, task.timeout, stop)

    # ---- what became of rows

    def failed(self, row: int, number: int, failure: Any) -> None:
        """A try has ended without a value: with an exception, or without having begun."""
        if row not in self.taken or not self._sent.is_open(row, number):
            return  # that is heard twice if Dask is done just when it is the row's turn
        error = error_of(failure) if isinstance(failure, Failure) else failure
        if error is not None:
            self.fail(row, error)
        elif (row, number) in self._stops:
            self.cancel(row)
        elif self._lost:
            self.fail(row, RunError(self._lost))
        elif row in self._in_vain:
            reason = f"{failure.reason}; run the flow again"
            self.fail(row, f"it was given to Dask twice, but did not begin there: {reason}")
        else:  # something upstream, ahead of which it went, did not succeed
            self._in_vain.add(row)
            self._sent.take_back(row)
            self._sent.send(row)

    def vanished(self, row: int, number: int) -> None:
        """Dask has cancelled what a row was part of."""
        if (row, number) in self._gone:
            return  # the workers are being told
        if (row, number) in self._stops:
            self.cancel(row)
        elif self.client.status == "running":
            self.drop(row)
        else:
            self.lose(reason_of(self.client))

    def is_given_up(self, one: Try) -> bool:
        """Whether a try is not to be sent again."""
        return bool(self._lost) or one in self._stops

    def succeed(self, row: int, ended: float) -> None:
        """The value of `row` is on the cluster."""
        value = self._calls.value_of(row)
        future = self._sent.futures.pop(row, None)
        if future is not None and not future.done():  # the rest of its bundle is yet to come
            self._kept[id(future)] = future
        if self._execution.is_special(row):
            self._end(row, outcomes.success(value))
            self._table.ended[row] = ended
            return
        attempt = self._attempts.pop(row, None)
        self.taken.discard(row)
        if attempt is None:
            return
        if not attempt.claim():
            self._execution.post(self._engine.cancellation.returned, attempt)
            return
        self._execution.store(row, value)
        self._table.ended[row] = ended
        self._succeeded.append(row)

    def fail(self, row: int, error: BaseException | str) -> None:
        """A try has failed."""
        future = self._sent.take_back(row)
        if future is not None and not future.done():
            self._needless.append(future)
        if isinstance(error, str):
            error = RunError(error)
        if isinstance(error, RunError):  # no further try would end otherwise
            self._end(row, outcomes.failure(error))
        else:
            self._end(row, self._runner.error_outcome(row, error))

    def cancel(self, row: int) -> None:
        """`row` was given up before it began."""
        self._sent.withdraw(row)
        future = self._sent.take_back(row)
        if future is not None:
            self._needless.append(future)
        self.taken.discard(row)
        attempt = self._attempts.pop(row, None)
        if attempt is not None and attempt.claim():
            self._table.tries[row] = max(0, self._table.tries[row] - 1)
            if self._execution.is_special(row):
                self._slot.row = row
                self._runner.settle(row, Outcome(CANCELLED, reason=NOT_BEGUN))
            else:
                self._execution.post(self._execution.scheduler.ended, row, CANCELLED, NOT_BEGUN)

    def _end(self, row: int, outcome: Outcome) -> None:
        """The try of `row` is over."""
        self.taken.discard(row)
        self._tell()  # in this order
        attempt = self._attempts.get(row)
        if attempt is None:
            return  # nobody waits for it any more
        if not attempt.is_claimed:
            self._execution.post(self._runner.begun, row)
        self._slot.row = row
        self._runner.end(attempt, outcome)

    def fetch(self, future: Any, then: Callable[[Any], object]) -> None:
        """Fetch a small value without waiting for it; `then` gets it, or the exception."""

        async def fetch() -> None:
            self._put(then, await fetched(self.client, future))

        self.client.loop.add_callback(fetch)

    def await_again(self, future: Any, then: Callable[[], object]) -> None:
        """Have `then` called once what went with a worker was made again, or given up."""

        async def wait() -> None:
            await made_again(future)
            self._put(then)

        self.client.loop.add_callback(wait)

    # ---- stopping

    def _stop_row(self, row: int) -> None:
        self._stops.add((row, self._sent.numbers.get(row, 0)))
        if row in self._sent.futures:
            self.taken.add(row)  # if it is ahead, it has to end now, too
            return
        # it was not sent, is counted, or went ahead and came back undone since the cancel began
        attempt = self._attempts.get(row)
        if row in self.taken or (attempt is not None and not attempt.is_claimed):
            self.cancel(row)

    def _stop_rows(self) -> None:
        """Let the workers stop what is to stop."""
        tries = self._stops.fresh(self._sent.numbers, self._sent.futures)
        if not tries:
            return
        self._sent.submit()
        tries = [one for one in tries if one[0] in self._sent.futures]
        self.taken.update(row for row, _ in tries)  # those ahead have to end now, too
        then, for_good = partial(self._put, self._answered, tries), self._sent.is_claimed
        for_good |= not self._gone.isdisjoint(tries)
        self.client.loop.add_callback(partial(self._stops.ask, tries, then, for_good=for_good))
        for row, number in tries:
            self._put(self._arrivals.look_at, row, number)

    def _answered(
        self, asked: Iterable[Try], unbegun: Iterable[Try], error: Exception | None
    ) -> None:
        """The workers were told what is to stop: what is `unbegun` will not begin any more."""
        if error is not None:
            self._gone.update(asked)
            self.lose(reason_of(self.client, error))
        given_up = {*unbegun}
        for row, number in asked:
            if row in self.taken and self._sent.is_open(row, number):
                if (row, number) in self._gone:
                    self.fail(row, RunError(self._lost or reason_of(self.client)))
                elif (row, number) in given_up:
                    self.cancel(row)

    def lose(self, reason: str) -> None:
        """The cluster is gone, with all that it was to do."""
        if not self._lost:
            self._lost = reason
            for row in sorted(self.taken):
                if row in self._sent.numbers or row in self._sent:
                    self.drop(row)

    def drop(self, row: int) -> None:
        """The cluster has forgotten `row`; its workers, if there are any, may still know it."""
        one = row, self._sent.numbers.get(row, 0)
        if self.client.status == "running" and row in self._sent.futures:
            if one not in self._gone:
                self._gone.add(one)
                self._stops.add_again(one)
        else:
            self._sent.withdraw(row)
            self.fail(row, RunError(self._lost or reason_of(self.client)))

    # ---- the end

    def _close(self) -> None:
        """Give up what nobody waits for, and let the workers forget the run."""
        self._sent.done.clear()
        futures = {id(one): one for one in (*self._needless, *self._sent.futures.values()) if one}
        left = [one for key, one in futures.items() if not one.done() and key not in self._kept]
        # workers detach what they have attached before it is cleaned up
        is_busy = bool(left or self._arrivals.unheard or self._execution.scopes.leases)
        is_busy = is_busy or not all(one.done() for one in self._kept.values())
        late = self._session.leave(left, self._stops.forget, is_busy=is_busy)
        self._listeners.clear()
        for message in [*self._unread(), *late]:
            self._arrivals.report(message)
        self._sent.futures.clear()
        self._needless.clear()
        self._kept.clear()
        self._slot.output = None  # callbacks on the client's loop keep the context for a while

    def _unread(self) -> Iterator[dict[str, Any]]:
        """What workers have reported since the run was over."""
        with suppress(Empty):
            while True:
                item = self._inbox.get_nowait()
                if item is not None and item[0] == self._arrivals.report:
                    yield item[1]
