"""The engine: lets workers run what the scheduler has released, until the run is over.

Workers never wait for each other; see `Feed`.
"""

import threading
from contextlib import suppress
from queue import SimpleQueue
from time import time
from typing import TYPE_CHECKING

from resnb.ledger.kernel.process_exit import end_child
from resnb.run.engine.cancellation import GRACE, Cancellation
from resnb.run.engine.interrupts import awaited
from resnb.run.engine.mapping import NO_BLOCK, block_of
from resnb.run.engine.slots import CURRENT, NOTHING, Slot
from resnb.run.engine.task_runner import TaskRunner
from resnb.run.scheduling.plan import CALLER, LEASE, REMOTE
from resnb.run.scheduling.scheduler import NOT_BEGUN
from resnb.states import CANCELLED, LEGAL, RUNNING

if TYPE_CHECKING:
    from collections.abc import Callable

    from resnb.ledger.kernel.lease import Lease
    from resnb.run.engine.execution import Execution

COUNTED, NOT_COUNTED = True, False
"""Tokens for idle workers: whether whoever gave it has counted the worker out already."""


class Engine:
    """Drives one run.

    Args:
        on_ended: called once, on some thread, when everything has ended.

    Attributes:
        cancellation: cancel, time limits and further tries; called with the lock held.
        runner: runs the rows that take more than a plain call.
    """

    def __init__(self, execution: "Execution", on_ended: "Callable[[], object]") -> None:
        self.execution = execution
        self.cancellation = Cancellation(execution)
        self.runner = TaskRunner(execution, self.cancellation)
        self.finished = False
        self._scheduler, self._output = execution.scheduler, execution.output
        self._taken_away = execution.scopes.taken_away
        self._feed = execution.feed
        self._feed.follow_up = self._follow_up
        self._feed.break_down = self._break_down
        self._on_ended = on_ended
        self._idle = 0
        self._waking = 0
        self._is_full = False  # whether the executor has all its workers
        self._tokens: SimpleQueue[bool] = SimpleQueue()

    def begin(self) -> None:
        """Release what can run at once."""
        self.execution.began = (self.execution.clock.now(), time())
        self._waking = 1  # with the lock held, a new worker would soon wait for it
        self._feed.post(self._scheduler.begin)
        self._feed.defended(self._begin_work)

    def _begin_work(self) -> None:
        """Start the first worker, with the lock free; no other thread starts one before."""
        add, ready = self.execution.add_worker, self._scheduler.ready
        if ready and not self.finished and add is not None and add(replacing=False):
            return  # it wakes the next
        with self._feed.lock:
            self._waking = 0
            if ready:  # since another thread has fed what was posted here
                self._wake()
        self._feed.drain()

    def cancel(self, grace: float = GRACE) -> None:
        """Give up what has not begun, ask what runs to stop, and still clean up."""
        self._feed.post(self.cancellation.cancel, grace)

    def interrupted(self, spared: int = NOTHING) -> None:
        """Cancel all rows but `spared` soon; for signal handlers, which must not take a lock."""
        self._feed.put(self.cancellation.cancel, GRACE, spared)
        self._tokens.put(NOT_COUNTED)

    def hurry(self) -> None:
        """Stop waiting for tasks that were asked to stop; for signal handlers, as `interrupted`."""
        self._feed.put(self.cancellation.stop_waiting)
        self._tokens.put(NOT_COUNTED)

    def give_up(self, lease: "Lease", reason: str) -> None:
        """End the work of what uses `lease`, because its resource is taken away."""
        self._feed.post(self._give_up, lease, reason)

    def _give_up(self, lease: "Lease", reason: str) -> None:
        rows = self._taken_away.add(lease, reason)
        self.cancellation.give_up(rows, reason, GRACE)

    # ---- what follows from outcomes; with the lock held

    def _follow_up(self, taking: int) -> None:
        scheduler = self._scheduler
        if self.finished:
            return
        while scheduler.errands:
            self._dispatch(scheduler.errands.popleft())
        if len(scheduler.ready) > taking:
            self._wake()
        if self._output.waiting:
            self._output.advance()
        if self._taken_away.still_used:
            self._taken_away.close_unused()
        if not scheduler.unfinished and scheduler.done:  # the property costs a call
            self._finish()

    def _finish(self) -> None:
        execution = self.execution
        execution.over = execution.clock.now()
        self.finished = True
        self._feed.call_off_timers()
        for _ in range(self._idle):
            self._tokens.put(COUNTED)
        self._idle = 0
        if execution.remote is not None:
            execution.remote.over()
        self._on_ended()

    def _break_down(self, error: BaseException) -> None:
        if self.finished:
            return
        self.execution.defect = error
        self._scheduler.cancelled = True
        self._scheduler.ready.clear()
        with suppress(Exception):
            self.cancellation.stop_all()
        self._finish()
        self.execution.plan.added.release()

    def _dispatch(self, row: int) -> None:
        """Start a row that does not run on the executor."""
        execution = self.execution
        lane = execution.plan.lanes[execution.mapped.origin(row)]
        if lane == CALLER:
            inbox = execution.plan.added[row].inbox
            assert inbox is not None
            inbox.put(row)
        elif lane == REMOTE:
            assert execution.remote is not None
            execution.remote.take(row)
        elif lane == LEASE:
            thread = execution.scopes.thread_of(row)
            thread.submit(lambda: self._feed.defended(self.runner.perform, row, None))
        else:
            self.runner.perform_async(row)

    # ---- workers

    def work(self, label: str = "worker") -> None:
        """Run rows on this thread until the run is over; `label` is how views call the thread."""
        execution = self.execution
        slot = Slot(threading.get_ident(), execution.output)
        slot.worker = execution.table.number_of(label)
        execution.slots.append(slot)
        token = CURRENT.set(slot)
        try:
            with self._feed.lock:
                self._waking = 0
                if len(self._scheduler.ready) > 1:
                    self._wake()
            self._feed.drain()  # what came in while we had the lock
            self._feed.defended(self._work, slot)
        finally:
            CURRENT.reset(token)

    # the one loop where a call costs too much
    def _work(self, slot: Slot) -> None:  # noqa: C901, PLR0912, PLR0915
        execution, scheduler, runner = self.execution, self._scheduler, self.runner
        take, put, drain = scheduler.ready.popleft, self._feed.outcomes.append, self._feed.drain
        plan, table = execution.plan, execution.table
        values, now = execution.values, execution.clock.now
        state, started, ended, tries = table.state, table.started, table.ended, table.tries
        workers, worker = table.worker, slot.worker
        special, functions, references = plan.special, plan.functions, plan.references
        count = len(special)
        first, last, function, columns, results = NO_BLOCK
        while True:
            try:
                row = take()
            except IndexError:
                first, last, function, columns, results = NO_BLOCK  # it holds values
                found = self._wait_for_row()
                if found is None:
                    return
                row = found
            if row >= count:
                if not first <= row < last:
                    first, last, function, columns, results = block_of(execution, row)
            elif last:
                first, last, function, columns, results = NO_BLOCK
            if special[row] if row < count else function is None:
                if runner.perform(row, slot):
                    return  # the thread was given up meanwhile, and replaced
                continue
            if not LEGAL[state[row]][RUNNING]:
                table.move(row, RUNNING)
            state[row] = RUNNING
            if scheduler.cancelled:
                self._feed.post(scheduler.ended, row, CANCELLED, NOT_BEGUN)
                continue
            tries[row] += 1
            workers[row] = worker
            slot.row = row
            started[row] = now()
            try:
                refs = references[row] if row < count else ()
                slot.inside = row
                if function is not None and row >= count:
                    value = function(*[column[row - first] for column in columns])
                elif refs is None:
                    args, kwargs = execution.arguments(row)
                    value = functions[row](*args, **kwargs)
                    args = kwargs = None  # type: ignore[assignment]
                elif len(refs) == 1:
                    value = functions[row](values[refs[0]])
                else:
                    value = functions[row](*[values[one] for one in refs])
                slot.inside = NOTHING
            except BaseException as error:  # noqa: BLE001 - it is the user's, and becomes a state
                slot.inside, args, kwargs = NOTHING, None, None
                runner.settle(row, runner.error_outcome(row, error))
                slot.row = NOTHING
            else:
                if execution.forked:
                    end_child()
                slot.row = NOTHING
                if row < count:
                    values[row] = value
                else:
                    results[row - first] = value
                value = None
                ended[row] = now()
                put(row)
            drain(1)

    def _wait_for_row(self) -> int | None:
        """The next row for an idle worker; None when the run is over."""
        lock, drain = self._feed.lock, self._feed.drain
        while True:
            drain(1)
            with lock:
                over = self.finished
                row = NOTHING if over else self._taken()
                if row == NOTHING and not over:
                    self._idle += 1
            drain()  # what came in while we had the lock
            if over:
                return None
            if row != NOTHING:
                return row
            here = threading.current_thread()
            wait = awaited if here is threading.main_thread() else SimpleQueue.get
            counted = wait(self._tokens)
            with lock:
                self._waking = 0
                self._idle -= not counted

    def _taken(self) -> int:
        """A row that was ready, after waking another worker for the next; -1 for none."""
        ready = self._scheduler.ready
        try:
            row = ready.popleft()
        except IndexError:
            return NOTHING
        if ready:
            self._wake()
        return row

    def _wake(self) -> None:
        """Wake one idle worker, or start one; it wakes the next if there is more to do."""
        if self._waking or self.finished:
            return
        if self._idle:
            self._idle -= 1
            self._waking = 1
            self._tokens.put(COUNTED)
        elif not self._is_full and (add := self.execution.add_worker) is not None:
            self._waking = 1 if add(replacing=False) else 0
            self._is_full = not self._waking
