"""Waiting for a run that was interrupted: a line says what for, and a second Ctrl-C ends the wait.

Python code stops at once, but a task in `time.sleep` or in a socket cannot be stopped from outside.
So a moment after the first Ctrl-C a line names the tasks that have not stopped. From then on a
further Ctrl-C ends the wait for tasks. Set-ups and clean-ups are always waited for.
"""

from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING

from resnb.run.engine.cancellation import GRACE
from resnb.run.engine.interrupts import LOOK, awaited
from resnb.run.output.notices import notice

if TYPE_CHECKING:
    from resnb.run.engine.engine import Engine

_STEPS = {"setup": "set-up", "cleanup": "clean-up"}


class Patience:
    """How long the caller of one run waits after a Ctrl-C.

    Args:
        engine: the engine of the run.
        wake: puts a word into the inbox of the thread that waits.

    Attributes:
        has_told: whether the line was written.
    """

    def __init__(self, engine: "Engine", wake: Callable[[str], object]) -> None:
        self._engine = engine
        self._wake = wake
        self._tell_at: float | None = None
        self.has_told = False

    def next_word(self, inbox: "SimpleQueue[str]") -> str:
        """The next word in `inbox`; empty if the time for the line has come before."""
        if self._tell_at is None:
            word: str = awaited(inbox)
            if word == "interrupted" and not self.has_told:
                self._tell_at = monotonic() + LOOK
            return word
        with suppress(Empty):
            return str(awaited(inbox, self._tell_at))
        self._tell_at = None
        self._tell()
        return ""

    def end(self) -> None:
        """A further Ctrl-C: wait for no task any more, if the line was written.

        Signal handlers call this, so it takes no lock.
        """
        if self.has_told:
            self._engine.hurry()
            self._wake("hurried")

    def _tell(self) -> None:
        plan, mapped = self._engine.execution.plan, self._engine.execution.mapped
        tasks = [plan.tasks[mapped.origin(row)] for row in self._engine.cancellation.awaited()]
        work = dict.fromkeys(
            f"task {plan.flow.label_of(one)!r}" for one in tasks if one.kind not in _STEPS
        )
        steps = dict.fromkeys(
            f"the {_STEPS[one.kind]} of {one.scope.name!r}" for one in tasks if one.kind in _STEPS
        )
        if not tasks:
            return
        self.has_told = True
        limit = f" for up to {GRACE:g} s; interrupt again to wait for no task" if work else ""
        names = ", ".join([*work, *steps])
        notice(f"interrupted: waiting for {names}{limit}")
