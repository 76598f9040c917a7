"""The driver: carries out what the scheduler decides, and feeds outcomes back to it.

Workers never wait for each other. Each puts its outcome into a queue and tries the lock; who
gets it feeds everything that has come in to the scheduler, the others take their next row at
once. Blocking on the lock instead would hand the interpreter from thread to thread at every
task, which costs several times what a small task does.

Outcomes are either a row (its code returned, its value is in place) or a call: a tuple of a
function and its arguments, which is made with the lock held.
"""

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from time import time
from typing import TYPE_CHECKING, Any, Protocol

from resnb.run.engine.cancellation import GRACE, Stopping
from resnb.run.engine.clock import Clock
from resnb.run.engine.execution import Values
from resnb.run.engine.forks import end_child
from resnb.run.engine.interrupts import awaited
from resnb.run.engine.slots import CURRENT, NOTHING, Slot
from resnb.run.output.writer import Output
from resnb.run.scheduling import plan as planning
from resnb.run.scheduling.scheduler import NOT_BEGUN, Scheduler
from resnb.run.scheduling.state_table import Table
from resnb.states import CANCELLED, LEGAL, RUNNING

if TYPE_CHECKING:
    from resnb.ledger.kernel.lease import Lease
    from resnb.run.engine.scopes import RunScopes
    from resnb.run.scheduling.plan import Plan


def _no_more_workers(*, replacing: bool) -> bool:
    del replacing
    return False


COUNTED, NOT_COUNTED = True, False
"""Tokens for idle workers: whether whoever gave it has counted the worker out already."""


class AddWorker(Protocol):
    """An executor's way to start another worker."""

    def __call__(self, *, replacing: bool) -> bool:
        """Start one if there may be more, or in place of one that hangs; whether one began."""


class Engine(Values):
    """One run in progress.

    Args:
        plan: what to run.
        clock: time.
        scopes: set-up and clean-up.
        ended: called once, on some thread, when everything has ended.

    Attributes:
        stopping: cancel, time limits and further tries; called with the lock held.
        finished: whether everything has ended.
        began: when the run began, in seconds of its clock, and in seconds since the epoch.
        over: when everything had ended, in seconds of its clock; None before.
        forked: whether this is a forked child, in which nothing of the run goes on.
        defect: an error of ours that ended the run.
    """

    def __init__(
        self, plan: "Plan", clock: Clock, scopes: "RunScopes", ended: Callable[[], object]
    ) -> None:
        super().__init__(plan)
        self.plan = plan
        self.clock = clock
        self.scopes = scopes
        self.table = Table(len(plan.tasks))
        self.scheduler = Scheduler(plan, self.table)
        self.scheduler.refused = self.refuse
        scopes.follow(self.scheduler)
        self.output = Output(self.scheduler)
        self.slots: list[Slot] = []
        self.finished = False
        self.began = (clock.now(), time())
        self.over: float | None = None
        self.forked = False
        self.defect: BaseException | None = None
        self.add_worker: AddWorker = _no_more_workers
        self.stopping = Stopping(self)
        self._timers: dict[object, Callable[[], object]] = {}
        self._on_ended = ended
        self._lock = threading.Lock()
        self._outcomes: deque[Any] = deque()
        self._idle = 0
        self._waking = 0
        self._tokens: SimpleQueue[bool] = SimpleQueue()

    # ---- outcomes

    def begin(self) -> None:
        """Release what can run at once."""
        self.began = (self.clock.now(), time())
        self.post(self.scheduler.begin)

    def post(self, function: Callable[..., object], *args: object) -> None:
        """Let `function` be called with the lock held, and see to what follows from it."""
        self._outcomes.append((function, *args))
        self.drain()

    def cancel(self, grace: float = GRACE) -> None:
        """Give up what has not begun, ask what runs to stop, and still clean up."""
        self.post(self.stopping.cancel, grace)

    def give_up(self, lease: "Lease", reason: str) -> None:
        """End the work of what uses `lease`, because its resource is taken away."""
        self.post(self._give_up, lease, reason)

    def _give_up(self, lease: "Lease", reason: str) -> None:
        self.stopping.give_up(self.scopes.take_away(lease, reason), reason, GRACE)

    def interrupted(self) -> None:
        """Cancel soon: leaves it to the next who drains, as a signal handler must."""
        self._outcomes.append((self.stopping.cancel, GRACE))
        self._tokens.put(NOT_COUNTED)

    def drain(self, taking: int = 0) -> None:
        """Feed all outcomes to the scheduler, unless somebody else is doing that.

        Args:
            taking: how many of the rows that are ready the caller takes next; nobody is woken
                for these.
        """
        outcomes, lock = self._outcomes, self._lock
        while outcomes:
            if not lock.acquire(blocking=False):
                return  # whoever has the lock looks again after giving it back
            try:
                succeeded = self.scheduler.succeeded
                while outcomes:
                    outcome = outcomes.popleft()
                    if type(outcome) is int:
                        if self.table.state[outcome] == RUNNING:
                            succeeded(outcome)
                        else:
                            self.scheduler.returned(outcome)
                    else:
                        outcome[0](*outcome[1:])
                self._follow_up(taking)
            except BaseException as error:  # noqa: BLE001 - a defect of ours must not hang the run
                self._break_down(error)
            finally:
                lock.release()

    def _follow_up(self, taking: int) -> None:
        scheduler = self.scheduler
        if self.finished:
            return
        while scheduler.errands:
            self._dispatch(scheduler.errands.popleft())
        if len(scheduler.ready) > taking:
            self._wake()
        if self.output.waiting:
            self.output.advance()
        if self.scopes.waning:
            self.scopes.close_unused()
        if scheduler.done:
            self._finish()

    def _finish(self) -> None:
        self.over = self.clock.now()
        self.finished = True
        for call_off in tuple(self._timers.values()):
            call_off()
        self._timers.clear()
        for _ in range(self._idle):
            self._tokens.put(COUNTED)
        self._idle = 0
        if self.remote is not None:
            self.remote.over()
        self._on_ended()

    def _break_down(self, error: BaseException) -> None:
        if self.finished:
            return
        self.defect = error
        self.scheduler.cancelled = True
        self.scheduler.ready.clear()
        with suppress(Exception):
            self.stopping.stop_all()
        self._finish()

    def _dispatch(self, row: int) -> None:
        """Start a row that does not run on the executor."""
        from resnb.run.engine.task_runner import perform, perform_async

        lane = self.plan.lanes[self.scheduler.origin(row)]
        if lane == planning.REMOTE:
            assert self.remote is not None
            self.remote.take(row)
        elif lane == planning.LEASE:
            thread = self.scopes.thread_of(row)
            thread.submit(lambda: self.defended(perform, self, row, None))
        else:
            perform_async(self, row)

    def defended(self, function: Callable[..., object], *args: object) -> None:
        """Call `function`; an error of ours in it ends the run rather than leave it hanging."""
        try:
            function(*args)
        except BaseException as error:  # noqa: BLE001 - it is raised where the run was started
            self.post(self._break_down, error)

    # ---- workers

    @property
    def replaces_workers(self) -> bool:
        """Whether the executor starts another worker in place of one that hangs."""
        return self.add_worker is not _no_more_workers

    def work(self, label: str = "worker") -> None:
        """Run rows on this thread until the run is over; `label` is how views call the thread."""
        slot = Slot(threading.get_ident(), self.output)
        slot.worker = self.table.number_of(label)
        self.slots.append(slot)
        token = CURRENT.set(slot)
        try:
            with self._lock:
                self._waking = 0
                if len(self.scheduler.ready) > 1:
                    self._wake()
            self.drain()  # what came in while we had the lock
            self.defended(self._work, slot)
        finally:
            CURRENT.reset(token)

    # the one loop where a call costs too much
    def _work(self, slot: Slot) -> None:  # noqa: C901, PLR0912, PLR0915
        from resnb.run.engine.mapping import NO_BLOCK, block_of
        from resnb.run.engine.task_runner import failed, perform

        scheduler = self.scheduler
        take, post = scheduler.ready.popleft, self._outcomes.append
        table, values, now = self.table, self.values, self.clock.now
        state, started, ended, tries = table.state, table.started, table.ended, table.tries
        workers, worker = table.worker, slot.worker
        special, functions, references = (
            self.plan.special,
            self.plan.functions,
            self.plan.references,
        )
        count = len(special)
        first, last, function, columns, results = NO_BLOCK
        while True:
            try:
                row = take()
            except IndexError:
                found = self._wait_for_row()
                if found is None:
                    return
                row = found
            if row >= count and not first <= row < last:
                first, last, function, columns, results = block_of(self, row)
            if special[row] if row < count else function is None:
                if perform(self, row, slot):
                    return  # the thread was given up meanwhile, and replaced
                continue
            if not LEGAL[state[row]][RUNNING]:
                table.move(row, RUNNING)
            state[row] = RUNNING
            if scheduler.cancelled:
                self.post(scheduler.ended, row, CANCELLED, NOT_BEGUN)
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
                    args, kwargs = self.arguments(row)
                    value = functions[row](*args, **kwargs)
                elif len(refs) == 1:
                    value = functions[row](values[refs[0]])
                else:
                    value = functions[row](*[values[one] for one in refs])
                slot.inside = NOTHING
            except BaseException as error:  # noqa: BLE001 - it is the user's, and becomes a state
                slot.inside = NOTHING
                failed(self, row, error)
                slot.row = NOTHING
            else:
                if self.forked:
                    end_child()
                slot.row = NOTHING
                if row < count:
                    values[row] = value
                else:
                    results[row - first] = value
                value = None
                ended[row] = now()
                post(row)
            self.drain(1)

    def _wait_for_row(self) -> int | None:
        """The next row for an idle worker; None when the run is over."""
        while True:
            self.drain(1)
            with self._lock:
                over = self.finished
                row = NOTHING if over else self._taken()
                if row == NOTHING and not over:
                    self._idle += 1
            self.drain()  # what came in while we had the lock
            if over:
                return None
            if row != NOTHING:
                return row
            here = threading.current_thread()
            wait = awaited if here is threading.main_thread() else SimpleQueue.get
            counted = wait(self._tokens)
            with self._lock:
                self._waking = 0
                self._idle -= not counted

    def _taken(self) -> int:
        """A row that was ready, after waking another worker for the next; -1 for none."""
        ready = self.scheduler.ready
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
        elif self.add_worker(replacing=False):
            self._waking = 1

    def after(self, delay: float, function: Callable[..., object], *args: object) -> None:
        """Let `function` be called with the lock held, in `delay` seconds; for holders of it."""
        if delay <= 0:
            self._outcomes.append((function, *args))
        else:
            key = object()

            def fire() -> None:
                self._timers.pop(key, None)
                self.post(function, *args)

            self._timers[key] = self.clock.call_later(delay, fire)


__all__ = ["Engine"]
