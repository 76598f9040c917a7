"""Stops code: cancel, time limits, and how long clean-ups wait for code that should stop.

A thread cannot be ended from outside. Its code gets a `TaskCancelled` at its next line of
Python; a clean-up waits for it to return for as long as the *grace*, then goes on without it.
Code that returns later finds that its row has ended; a set-up then takes back what it has made.
Everything here is called with the lock of the run's feed held.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from resnb.run.engine.slots import NOTHING
from resnb.run.scheduling.plan import LEASE
from resnb.run.scheduling.scheduler import NOT_BEGUN
from resnb.states import CANCELLED, FAILED, FIRST_FINISHED, RETRYING, RUNNING

if TYPE_CHECKING:
    from resnb.run.engine.attempt import Attempt
    from resnb.run.engine.execution import Execution
    from resnb.run.scheduling.outcome import Outcome

GRACE = 30.0
"""How long a clean-up waits for code that timed out or was cancelled to return, in seconds."""


class Cancellation:
    """Further tries, time limits and cancel for one run.

    Attributes:
        attempts: the current try of each running row that is more than a plain call.
    """

    def __init__(self, execution: "Execution") -> None:
        self.attempts: dict[int, Attempt] = {}
        self._execution = execution
        self._scheduler = execution.scheduler

    # ---- code that has returned, or has not in time

    def retry(self, row: int, outcome: "Outcome") -> None:
        """Let `row` try again after a pause, unless it was given up meanwhile."""
        execution = self._execution
        if execution.table.state[row] >= FIRST_FINISHED:
            return
        if outcome.error is not None:
            execution.errors[row] = outcome.error
        if outcome.loops:
            rounds, _ = execution.loops.get(row, (1, None))
            execution.loops[row] = rounds + 1, outcome.value
            execution.table.tries[row] = 0
        if self._scheduler.retry(row):
            execution.after(outcome.delay, self._scheduler.resume, row)
            return
        self._scheduler.ended(row, FAILED, outcome.reason)

    def overran(self, attempt: "Attempt", outcome: "Outcome") -> None:
        """The time of `attempt` is up, and its code is still running."""
        execution, row = self._execution, attempt.row
        if execution.table.state[row] >= FIRST_FINISHED:  # it was given up meanwhile
            attempt.over = True
            return
        if not attempt.over:
            self._scheduler.overran(row)
        if outcome.code == RETRYING and self._scheduler.retry(row):
            attempt.pause = outcome.delay
        else:
            code = outcome.code if outcome.code != RETRYING else FAILED
            self._scheduler.ended(row, code, outcome.reason)
        if attempt.over:  # its code returned while the user's handlers were called
            self._resume(attempt)
            return
        attempt.stop()
        execution.after(GRACE, self._leave_behind, attempt)

    def returned(self, attempt: "Attempt") -> None:
        """The code of an attempt that overran has returned, or is waited for no longer."""
        if not attempt.over:
            attempt.over = True
            self._scheduler.returned(attempt.row)
            self._resume(attempt)

    def _resume(self, attempt: "Attempt") -> None:
        if attempt.pause is not None:
            self._execution.after(attempt.pause, self._scheduler.resume, attempt.row)

    def _leave_behind(self, attempt: "Attempt") -> None:
        if not attempt.over:
            attempt.slot.left_behind = True
            self._leave_thread(attempt.row)
            self.returned(attempt)

    # ---- cancel

    def cancel(self, grace: float = GRACE, spared: int = NOTHING) -> None:
        """Give up what has not begun, and ask what runs to stop within `grace` seconds.

        Clean-ups, and row `spared`, go on.
        """
        rows = None
        if spared != NOTHING:
            rows = [row for row in range(self._scheduler.joined) if row != spared]
        self.give_up(rows, NOT_BEGUN, grace)

    def give_up(self, rows: Iterable[int] | None, reason: str, grace: float) -> None:
        """Give up `rows`, or all rows if that is None, as `cancel` does."""
        execution = self._execution
        if execution.remote is not None:
            execution.remote.claim()
        cleanups = {planned.cleanup for planned in execution.plan.scopes}
        setups = {planned.setup for planned in execution.plan.scopes}
        for row in self._scheduler.cancel(rows, reason):
            if row in cleanups or row in execution.mapped.children:
                continue
            # a set-up is not interrupted within the grace, so that it can return what it makes
            if execution.mapped.origin(row) not in setups:
                self._interrupt(row)
            execution.after(grace, self._give_up, row)

    def awaited(self) -> list[int]:
        """The rows whose code is running, or is waited for although they have ended."""
        running = [
            row for row, code in enumerate(bytes(self._execution.table.state)) if code == RUNNING
        ]
        overran = (one.row for one in tuple(self.attempts.values()) if not one.over)
        return list(dict.fromkeys([*running, *overran]))

    def stop_waiting(self) -> None:
        """The grace of all tasks is over; set-ups and clean-ups have theirs."""
        execution = self._execution
        own = {row for planned in execution.plan.scopes for row in (planned.setup, planned.cleanup)}
        for row in self.awaited():
            if execution.mapped.origin(row) in own:
                continue
            attempt = self.attempts.get(row)
            self._give_up(row)
            if attempt is not None and execution.table.state[row] >= FIRST_FINISHED:
                self._leave_behind(attempt)

    def stop_all(self) -> None:
        """Ask all code to stop, without waiting for it, because the run breaks down."""
        for attempt in tuple(self.attempts.values()):
            attempt.stop()
        for slot in tuple(self._execution.slots):
            row = slot.row
            if row >= 0:
                slot.left_behind = True
                slot.interrupt(row)

    def _give_up(self, row: int) -> None:
        """The grace is over: go on without the code of `row`, whose thread is left behind."""
        execution = self._execution
        if execution.table.state[row] != RUNNING:
            return
        self._interrupt(row)
        attempt = self.attempts.pop(row, None)
        if attempt is not None:
            attempt.claim()
        for slot in execution.slots:
            if slot.row == row:
                slot.left_behind = True
                if execution.add_worker is not None:  # the hooks of given-up rows are yet to come
                    execution.add_worker(replacing=True)
        self._leave_thread(row)
        execution.table.ended[row] = execution.clock.now()
        reason = "its code was still running when it was given up"
        self._scheduler.ended(row, CANCELLED, reason)

    def _interrupt(self, row: int) -> None:
        attempt = self.attempts.get(row)
        if attempt is not None:
            attempt.stop()
            return
        for slot in self._execution.slots:
            if slot.interrupt(row):
                return

    def _leave_thread(self, row: int) -> None:
        origin = self._execution.mapped.origin(row)
        if self._execution.plan.lanes.get(origin) == LEASE:
            self._execution.scopes.replace_thread(row)
