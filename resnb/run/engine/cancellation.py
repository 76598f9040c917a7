"""Stopping code: cancel, time limits, and how long clean-ups wait for code that should stop.

A thread cannot be ended from outside. Its code gets a `TaskCancelled` at its next line of
Python; a clean-up waits for it to return for as long as the *grace*, then goes on without it.
What comes back later still finds its row ended, and a set-up takes back what it has made.
Everything here is called with the engine's lock held.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from resnb.run.scheduling.plan import LEASE
from resnb.states import CANCELLED, FAILED, FIRST_FINISHED, RETRYING, RUNNING

if TYPE_CHECKING:
    from resnb.run.engine.attempt import Attempt
    from resnb.run.engine.engine import Engine
    from resnb.run.scheduling.outcome import Outcome

GRACE = 30.0
"""How long a clean-up waits for code that timed out or was cancelled to return, in seconds."""


class Stopping:
    """Further tries, time limits and cancel for one run.

    Attributes:
        attempts: the try of each row that is running and that is more than a plain call.
    """

    def __init__(self, engine: "Engine") -> None:
        self.attempts: dict[int, Attempt] = {}
        self._engine = engine

    # ---- what became of code

    def settled(self, row: int, outcome: "Outcome", undo: Callable[[], object] | None) -> None:
        """`row` has the state of `outcome`, unless it was given up meanwhile."""
        engine = self._engine
        if engine.table.state[row] < FIRST_FINISHED:
            engine.scheduler.ended(row, outcome.code, outcome.reason)
        elif undo is not None:
            engine.scopes.thread_of(row).submit(undo)

    def retry(self, row: int, outcome: "Outcome") -> None:
        """Let `row` try again after a pause, unless the run was cancelled meanwhile."""
        engine = self._engine
        if engine.table.state[row] >= FIRST_FINISHED:
            return
        if outcome.error is not None:
            engine.errors[row] = outcome.error
        if engine.scheduler.retry(row):
            engine.after(outcome.delay, engine.scheduler.resume, row)
            return
        engine.scheduler.ended(row, FAILED, outcome.reason)

    def overran(self, attempt: "Attempt", outcome: "Outcome") -> None:
        """The time of `attempt` is up, and its code is still running."""
        engine, row = self._engine, attempt.row
        if engine.table.state[row] >= FIRST_FINISHED:  # it was given up meanwhile
            attempt.over = True
            return
        if not attempt.over:
            engine.scheduler.overran(row)
        if outcome.code == RETRYING and engine.scheduler.retry(row):
            attempt.pause = outcome.delay
        else:
            code = outcome.code if outcome.code != RETRYING else FAILED
            engine.scheduler.ended(row, code, outcome.reason)
        if attempt.over:  # its code returned while the user's handlers were called
            if attempt.pause is not None:
                engine.after(attempt.pause, engine.scheduler.resume, row)
            return
        attempt.stop()
        engine.after(GRACE, self._leave_behind, attempt)

    def returned(self, attempt: "Attempt") -> None:
        """The code of an attempt that overran has returned, or is waited for no longer."""
        if attempt.over:
            return
        attempt.over = True
        engine = self._engine
        engine.scheduler.returned(attempt.row)
        if attempt.pause is not None:
            engine.after(attempt.pause, engine.scheduler.resume, attempt.row)

    def _leave_behind(self, attempt: "Attempt") -> None:
        if not attempt.over:
            attempt.slot.left_behind = True
            self._leave_thread(attempt.row)
            self.returned(attempt)

    # ---- cancel

    def cancel(self, grace: float) -> None:
        """Give up what has not begun, and ask what runs to stop; clean-ups go on."""
        self._claim_remote()
        self._stop(self._engine.scheduler.cancel(), grace)

    def _stop(self, running: Iterable[int], grace: float) -> None:
        engine = self._engine
        cleanups = {planned.cleanup for planned in engine.plan.scopes}
        setups = {planned.setup for planned in engine.plan.scopes}
        for row in running:
            if row in cleanups or row in engine.scheduler.children:
                continue
            # a set-up is given the grace to return what it makes
            if engine.scheduler.origin(row) not in setups:
                self._interrupt(row)
            engine.after(grace, self._give_up, row)

    def give_up(self, rows: Iterable[int], reason: str, grace: float) -> None:
        """End the work of some rows, no clean-ups: what has not begun, and what runs."""
        self._claim_remote()
        self._stop(self._engine.scheduler.cancel(rows, reason), grace)

    def _claim_remote(self) -> None:
        if self._engine.remote is not None:
            self._engine.remote.claim()

    def stop_all(self) -> None:
        """Ask all code to stop, because the run breaks down; nobody waits for it."""
        for attempt in tuple(self.attempts.values()):
            attempt.stop()
        for slot in tuple(self._engine.slots):
            row = slot.row
            if row >= 0:
                slot.left_behind = True
                slot.interrupt(row)

    def _give_up(self, row: int) -> None:
        """The grace is over: go on without the code of `row`, whose thread is left behind."""
        engine = self._engine
        if engine.table.state[row] != RUNNING:
            return
        self._interrupt(row)
        attempt = self.attempts.pop(row, None)
        if attempt is not None:
            attempt.claim()
        for slot in engine.slots:
            if slot.row == row:
                slot.left_behind = True
                if engine.replaces_workers:  # hooks of what was given up may be left to call
                    engine.add_worker(replacing=True)
        self._leave_thread(row)
        engine.table.ended[row] = engine.clock.now()
        reason = "its code was still running when it was given up"
        engine.scheduler.ended(row, CANCELLED, reason)

    def _interrupt(self, row: int) -> None:
        attempt = self.attempts.get(row)
        if attempt is not None:
            attempt.stop()
            return
        for slot in self._engine.slots:
            if slot.interrupt(row):
                return

    def _leave_thread(self, row: int) -> None:
        origin = self._engine.scheduler.origin(row)
        if self._engine.plan.lanes.get(origin) == LEASE:
            self._engine.scopes.replace_thread(row)


__all__ = ["GRACE", "Stopping"]
