"""How the function of a run is stopped: by an exception that is raised once, where the function is.

A cancel raises `TaskCancelled`, the handler of a signal whatever it raises, and the event loop of
an async function `CancelledError`. What the function calls after that, to clean up, runs.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from resnb.errors import TaskCancelled
from resnb.run.engine.cancellation import GRACE
from resnb.run.engine.slots import NOTHING

if TYPE_CHECKING:
    from resnb.run.engine.engine import Engine
    from resnb.run.functions.body import FunctionBody


class FunctionCancellation:
    """Stops one run's function, and the tasks that it has begun.

    Args:
        engine: the engine of the run.
        body: the function's lines.
        wake: wakes the thread that waits for the run's end; takes no lock.

    Attributes:
        was_asked_for: whether the function was stopped, by whatever means.
        has_timed_out: whether its time limit has stopped it.
        inner: that of the run whose function it is calling.
        cancel_coroutine: cancels the coroutine that an async function is, while it runs.
    """

    def __init__(self, engine: "Engine", body: "FunctionBody", wake: Callable[[], object]) -> None:
        self.was_asked_for = self.has_timed_out = False
        self.inner: FunctionCancellation | None = None
        self.cancel_coroutine: Callable[[], object] | None = None
        self.engine = engine
        self.body = body
        self._wake = wake

    def stop(self, grace: float = GRACE) -> None:
        """Stop the function and what it has begun, whose code gets `grace` seconds to return."""
        self.was_asked_for = True
        cancel = self.cancel_coroutine if self.body.slot.row == NOTHING else None
        if cancel is None:
            self.body.note(TaskCancelled)
        self.engine.cancel(grace)
        if cancel is None:
            self.body.interrupt()
        else:
            cancel()

    def interrupted(self, error: BaseException, was_raised: bool) -> None:
        """A signal's handler has raised `error`, in the user's code or to be raised there later.

        Signal handlers call this, so it takes no lock. The functions that are being called are
        stopped, too.
        """
        one: FunctionCancellation | None = self
        while one is not None:
            innermost = one
            one.was_asked_for = True
            spared = one.body.slot.row if was_raised or one.inner is not None else NOTHING
            one.engine.interrupted(spared)
            one = one.inner
        if not was_raised:
            innermost.body.note(lambda: error)
        innermost.body.wake()
        self._wake()

    def broken(self, error: BaseException) -> None:
        """`error` has broken a wait in resnb's own lines; the function gets it later."""
        self.interrupted(error, was_raised=False)

    def time_limit(self, limit: float | None) -> Callable[[], object]:
        """Stop the function in `limit` seconds, if not None; returns a way to call that off."""
        if limit is None:
            return lambda: None
        return self.engine.execution.clock.call_later(limit, self._time_out)

    def _time_out(self) -> None:
        self.has_timed_out = True
        self.stop()
