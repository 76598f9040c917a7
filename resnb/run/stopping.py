"""Stopping code: cancel, time limits, and how long clean-ups wait for code that should stop.

A thread cannot be ended from outside. Its code gets a `TaskCancelled` at its next line of
Python; a clean-up waits for it to return for as long as the *grace*, then goes on without it.
Everything here is called with the engine's lock held.
"""

from typing import TYPE_CHECKING

from resnb.run.plan import LEASE
from resnb.states import CANCELLED, FAILED, RETRYING, RUNNING

if TYPE_CHECKING:
    from resnb.run.attempt import Attempt
    from resnb.run.engine import Engine
    from resnb.run.outcome import Outcome

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

    def retry(self, row: int, outcome: "Outcome") -> None:
        """Let `row` try again after a pause, unless the run was cancelled meanwhile."""
        engine = self._engine
        if engine.scheduler.retry(row):
            if outcome.error is not None:
                engine.errors[row] = outcome.error
            engine.after(outcome.delay, engine.scheduler.resume, row)
            return
        if outcome.error is not None:
            engine.errors[row] = outcome.error
        engine.scheduler.ended(row, FAILED, outcome.reason)

    def overran(self, attempt: "Attempt", outcome: "Outcome") -> None:
        """The time of `attempt` is up, and its code is still running."""
        engine, row = self._engine, attempt.row
        engine.scheduler.overran(row)
        if outcome.code == RETRYING and engine.scheduler.retry(row):
            attempt.pause = outcome.delay
        else:
            code = outcome.code if outcome.code != RETRYING else FAILED
            engine.scheduler.ended(row, code, outcome.reason)
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
            self._leave_thread(attempt.row)
            self.returned(attempt)

    def cancel(self, grace: float) -> None:
        """Give up what has not begun, and ask what runs to stop; clean-ups go on."""
        engine = self._engine
        cleanups = {planned.cleanup for planned in engine.plan.scopes}
        setups = {planned.setup for planned in engine.plan.scopes}
        for row in engine.scheduler.cancel():
            if row in cleanups or row in engine.scheduler.children:
                continue
            if row not in setups:  # a set-up is given the grace to return what it makes
                self._interrupt(row)
            engine.after(grace, self._give_up, row)

    def _give_up(self, row: int) -> None:
        """The grace is over: go on without the code of `row`, whose thread is left behind."""
        engine = self._engine
        if engine.table.state[row] == RUNNING:
            self._interrupt(row)
            self._leave_thread(row)
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
            self._engine.scopes.replace_thread(origin)


__all__ = ["GRACE", "Stopping"]
