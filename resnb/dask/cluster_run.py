"""The rows of one run that run on one cluster: a driver thread gives them to it, and takes back.

Everything that happens (a row may run, a future is done, a worker reports) comes into one queue
and is dealt with here, as much at once as there is. Nothing is polled.
"""

import threading
from collections.abc import Callable, Iterable
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from resnb.dask.cancellation import Stops, Try
from resnb.dask.cluster_loss import Watch, reason_of
from resnb.dask.mapping import measure
from resnb.dask.messages import END, Reports, brought, lane_of, lanes_of, taken_leave
from resnb.dask.serialization import Told, error_of
from resnb.dask.submission import Sending
from resnb.errors import RunError
from resnb.run.engine import task_runner
from resnb.run.engine.attempt import Attempt
from resnb.run.engine.deciding import decided, is_mapped
from resnb.run.engine.slots import CURRENT, Slot
from resnb.run.scheduling import outcome as outcomes
from resnb.run.scheduling.outcome import Outcome
from resnb.run.scheduling.scheduler import NOT_BEGUN
from resnb.states import CANCELLED, FAILED, FIRST_FINISHED, PENDING, RETRYING, RUNNING

if TYPE_CHECKING:
    from resnb.graph.resources.scope import Scope
    from resnb.run.engine.engine import Engine


class Lane:
    """One cluster's part in a run.

    Args:
        engine: the run.
        client: the cluster's client.
        scope: the scope whose resource it is; None for the run's own.

    Attributes:
        engine: the run.
        calls: makes what the cluster is given.
        taken: the rows whose turn has come, and that have not come to an end; the driver's own.
    """

    def __init__(self, engine: "Engine", client: Any, scope: "Scope | None") -> None:
        self.client = client
        self.engine = engine
        self._sent = Sending(engine, client, scope)
        self._sent.done = partial(self._put, self._done)
        self._sent.failed, self._sent.lost = self._fail, self._lose
        self.calls = self._sent.calls
        self._inbox: SimpleQueue[tuple[Callable[..., object], *tuple[Any, ...]] | None]
        self._inbox = SimpleQueue()
        self.taken: set[int] = set()
        self._offered: set[int] = set()
        self._stops = Stops(client, self.calls.topic)
        self._gone: set[Try] = set()
        self._needless: list[Any] = []
        self._begun: list[int] = []
        self._succeeded: list[int] = []
        self._lost = ""
        self._slot = Slot(0, engine.output)
        for label in lanes_of(client):  # numbered here, so that views show them in this order
            engine.table.number_of(label)
        self._watch = Watch(client, partial(self._put, self._lose))
        self._listeners = [self._report]
        client.subscribe_topic(self.calls.topic, Reports(self._listeners, self._inbox))
        self._thread = threading.Thread(target=self._drive, name="resnb-dask", daemon=True)
        self._thread.start()

    # ---- called by others; none of these waits

    def take(self, row: int) -> None:
        """`row` may run; with the engine's lock held."""
        # not taken yet: what comes back of a try before this one must find it at rest
        self._offered.add(row)
        self._put(self._take, row)

    def claim(self) -> None:
        """A cancel begins: what may have begun counts as running; with the engine's lock held."""
        self._sent.claim()
        for row in sorted({*self._offered, *self.taken, *self._sent.futures}):
            if self.engine.table.state[row] in (PENDING, RETRYING):
                self.engine.table.move(row, RUNNING)
                if row not in self.engine.stopping.attempts:
                    self._attempt(row)

    def over(self) -> None:
        """Every row has its final state."""
        self._inbox.put(None)

    def join(self) -> None:
        """Wait until the lane is closed."""
        self._thread.join()

    def _put(self, handler: Callable[..., object], *arguments: Any) -> None:
        self._inbox.put((handler, *arguments))

    def _stop(self, row: int) -> None:
        self._put(self._stop_row, row)

    # ---- the driver

    def _drive(self) -> None:
        CURRENT.set(self._slot)
        self.engine.defended(self._drive_on)
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
            self._sent.submit()
            self._tell()
            if item is None:
                return

    def _tell(self) -> None:
        """Let the scheduler know what has begun and succeeded."""
        if self._begun or self._succeeded:
            begun, self._begun = self._begun, []
            succeeded, self._succeeded = self._succeeded, []
            self.engine.post(self._told, begun, succeeded)

    def _told(self, begun: Iterable[int], succeeded: Iterable[int]) -> None:
        """With the engine's lock held."""
        engine = self.engine
        for row in begun:
            attempt = engine.stopping.attempts.get(row)
            if attempt is not None and not attempt.is_claimed:
                task_runner.begun(engine, row)
        for row in succeeded:
            task_runner.begun(engine, row)
            if engine.table.state[row] == RUNNING:
                engine.scheduler.succeeded(row)

    # ---- giving rows to the cluster

    def _take(self, row: int) -> None:
        engine = self.engine
        task = engine.plan.tasks[engine.scheduler.origin(row)]
        self.taken.add(row)
        self._offered.discard(row)
        if engine.table.state[row] >= FIRST_FINISHED:
            self.taken.discard(row)
            return
        self._slot.row = row
        future = self._sent.futures.get(row)
        ahead = row in self._sent.futures and engine.table.state[row] != RETRYING
        if not ahead and engine.plan.special[engine.scheduler.origin(row)]:
            before = RETRYING if engine.table.tries[row] else PENDING  # a claim has marked it
            refused = decided(engine, row, task, before)
            if refused is not None:
                self.taken.discard(row)
                engine.post(task_runner.begun, engine, row)
                task_runner.conclude(engine, row, task, refused)
                return
            if is_mapped(engine, row):
                measure(self, row)
                return
        engine.table.tries[row] += 1
        self._attempt(row)
        if self._lost:
            self._drop(row)
        elif not ahead and engine.scheduler.is_given_up(row):
            self._cancel(row)
        elif not ahead:
            self._sent.send(row)
        elif future is not None and future.done():
            self._done(row, self._sent.numbers[row], future)

    def _attempt(self, row: int) -> Attempt:
        engine = self.engine
        task = engine.plan.tasks[engine.scheduler.origin(row)]
        attempt = Attempt(row, task, self._slot, task.timeout, partial(self._stop, row))
        engine.stopping.attempts[row] = attempt
        return attempt

    # ---- what comes back

    def _report(self, message: dict[str, Any]) -> None:
        for one in message["reports"]:
            self._report_one(one, message["name"])

    def _report_one(self, report: dict[str, Any], name: str) -> None:
        engine, row = self.engine, report["row"]
        for stream, text in report["texts"]:
            engine.output.write(row, stream, text)
        if self._sent.numbers.get(row) != report["try"]:
            return
        table, ago = engine.table, report["ago"]
        ended = engine.clock.now() - (ago or 0.0)
        table.started[row] = ended - report["spent"]
        table.worker[row] = table.number_of(lane_of(name, report["seat"]))
        if table.state[row] >= FIRST_FINISHED and ago is not None:
            table.ended[row] = ended
        if row not in self.taken:
            return
        self._begun.append(row)
        attempt = engine.stopping.attempts.get(row)
        if attempt is not None and attempt.call_off is None and ago is None:
            task_runner.time_begins(engine, attempt)

    def _done(self, row: int, number: int, future: Any) -> None:
        if self._sent.numbers.get(row) != number or row not in self.taken:
            return  # it was given up, or its turn has not come
        if future.status == "finished":
            if future.type is Told:
                self.bring(future, partial(self._told_of, row, number))
            else:
                self._succeed(row)
        elif future.status == "error":
            self._fail(
                row, reason_of(self.client, future.exception(timeout=END), self.calls.name_of(row))
            )
        elif future.status != "cancelled":  # it went with a worker meanwhile: it is made again
            future.add_done_callback(partial(self._sent.done, row, number))
        elif (row, number) in self._gone:
            return  # the workers are being told
        elif (row, number) in self._stops:
            self._cancel(row)
        elif self.client.status == "running":
            self._drop(row)
        else:
            self._lose(reason_of(self.client))

    def _told_of(self, row: int, number: int, told: Any) -> None:
        """What its code raised has come back."""
        if self._sent.numbers.get(row) != number or row not in self.taken:
            return
        error = error_of(told) if isinstance(told, Told) else told
        if error is not None:
            self._fail(row, error)
        elif (row, number) in self._stops:
            self._cancel(row)
        elif self._lost:
            self._fail(row, RunError(self._lost))
        else:
            self._sent.send(row)  # it went ahead of something that ended otherwise than thought

    def _succeed(self, row: int) -> None:
        engine = self.engine
        held = self.calls.held(row)
        if engine.plan.special[engine.scheduler.origin(row)]:
            self._sent.futures.pop(row, None)
            self._end(row, outcomes.success(held))
            return
        attempt = engine.stopping.attempts.pop(row, None)
        self.taken.discard(row)
        self._sent.futures.pop(row, None)
        if attempt is None:
            return
        if not attempt.claim():
            engine.post(engine.stopping.returned, attempt)
            return
        engine.store(row, held)
        engine.table.ended[row] = engine.clock.now()
        self._succeeded.append(row)

    def _fail(self, row: int, error: BaseException | str) -> None:
        engine = self.engine
        future = self._sent.futures.pop(row, None)
        if future is not None and not future.done():
            self._needless.append(future)
        if isinstance(error, str):
            error = RunError(error)
        if isinstance(error, RunError):  # no further try would end otherwise
            outcome = Outcome(FAILED, error=error, reason=outcomes.text_of(error))
        else:
            task = engine.plan.tasks[engine.scheduler.origin(row)]
            outcome = task_runner.of_error(engine, row, task, error)
        self._end(row, outcome)

    def _cancel(self, row: int) -> None:
        """`row` was given up before it began."""
        engine = self.engine
        future = self._sent.futures.pop(row, None)
        if future is not None:
            self._needless.append(future)
        self.taken.discard(row)
        attempt = engine.stopping.attempts.pop(row, None)
        if attempt is not None and attempt.claim():
            engine.table.tries[row] = max(0, engine.table.tries[row] - 1)
            outcome, origin = Outcome(CANCELLED, reason=NOT_BEGUN), engine.scheduler.origin(row)
            if engine.plan.special[origin]:
                self._slot.row = row
                task_runner.settle(engine, row, engine.plan.tasks[origin], outcome)
            else:
                engine.post(engine.stopping.settled, row, outcome, None)

    def _end(self, row: int, outcome: Outcome) -> None:
        """The try of `row` is over."""
        engine = self.engine
        self.taken.discard(row)
        self._tell()  # in this order
        attempt = engine.stopping.attempts.get(row)
        if attempt is None:
            return  # nobody waits for it any more
        if not attempt.is_claimed:
            engine.post(task_runner.begun, engine, row)
        self._slot.row = row
        task_runner.end(engine, attempt, outcome)

    def bring(self, future: Any, then: Callable[[Any], object]) -> None:
        """Fetch a small value without waiting for it here; `then` gets it, or the exception."""

        async def bring() -> None:
            self._put(then, await brought(self.client, future))

        self.client.loop.add_callback(bring)

    # ---- stopping

    def _stop_row(self, row: int) -> None:
        self._stops.add((row, self._sent.numbers.get(row, 0)))
        if row not in self._sent.futures and row in self.taken:  # its items are being counted
            self._cancel(row)

    def _stop_rows(self) -> None:
        """Let the workers stop what is to stop."""
        tries = self._stops.fresh(self._sent.numbers, self._sent.futures)
        if not tries:
            return
        self._sent.submit()
        tries = [one for one in tries if one[0] in self._sent.futures]
        self.taken.update(row for row, _ in tries)  # those ahead have to come to an end now, too
        then, for_good = partial(self._put, self._answered, tries), self._sent.is_claimed
        for_good |= not self._gone.isdisjoint(tries)
        self.client.loop.add_callback(partial(self._stops.ask, tries, then, for_good=for_good))
        for row, number in tries:
            future = self._sent.futures[row]
            if future.done():
                self._put(self._done, row, number, future)

    def _answered(
        self, asked: Iterable[Try], unbegun: Iterable[Try], error: Exception | None
    ) -> None:
        """The workers have heard what is to stop: what is `unbegun` will not begin any more."""
        if error is not None:
            self._gone.update(asked)
            self._lose(reason_of(self.client, error))
        given_up = {*unbegun}
        for row, number in asked:
            if row in self.taken and self._sent.numbers.get(row) == number:
                if (row, number) in self._gone:
                    self._fail(row, RunError(self._lost or reason_of(self.client)))
                elif (row, number) in given_up:
                    self._cancel(row)

    def _lose(self, reason: str) -> None:
        """The cluster is gone: so is all that it was to do."""
        if not self._lost:
            self._lost = reason
            for row in sorted(self.taken):
                if row in self._sent.numbers:
                    self._drop(row)

    def _drop(self, row: int) -> None:
        """The cluster does not know of `row` any more; its workers, if there are any, may."""
        one = row, self._sent.numbers.get(row, 0)
        if self.client.status == "running" and row in self._sent.futures:
            if one not in self._gone:
                self._gone.add(one)
                self._stops.again(one)
        else:
            self._fail(row, RunError(self._lost or reason_of(self.client)))

    # ---- the end

    def _close(self) -> None:
        """Give up what nobody waits for, and let the workers forget the run."""
        self._listeners.clear()
        left = [*self._needless, *(one for one in self._sent.futures.values() if one is not None)]
        left = [one for one in left if not one.done()]
        self._watch.close()
        forget = self._stops.forget
        for message in taken_leave(self.client, self.calls.topic, left, forget):
            self._report(message)
        self._sent.futures.clear()
        self._needless.clear()
        self._slot.output = None  # callbacks on the client's loop keep the context for a while


__all__ = ["Lane"]
