"""How a run of a ``@flow`` function is stopped: cancel, Ctrl-C, a time limit, a lost resource.

Each gives up what there is, and raises an exception where the function is, once; what it calls
after that runs, or it could not clean up.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from resnb.errors import TaskCancelled
from resnb.graph.resources.scope import ScopeUse
from resnb.run.engine.cancellation import GRACE
from resnb.run.engine.interrupts import Interrupts
from resnb.run.engine.slots import NOTHING
from resnb.run.flow_run import FlowRun

if TYPE_CHECKING:
    from resnb.graph.function import FlowFunction
    from resnb.ledger.kernel.lease import Lease
    from resnb.run.functions.body import Body
    from resnb.run.functions.engine import UnfoldingEngine
    from resnb.run.functions.scopes import Block, UnfoldingScopes


class Stopped(FlowRun):
    """The part of a run that stops it.

    Attributes:
        has_timed_out: whether it ran for longer than its timeout.
        is_cancelled: whether somebody cancelled it.
        inner: the run of a flow function that it is calling.
        cancel_coroutine: cancels the coroutine that an async function is, while it runs.
    """

    flow: "FlowFunction"
    engine: "UnfoldingEngine"
    scopes: "UnfoldingScopes"
    body: "Body"
    blocks: "dict[Block, None]"
    has_timed_out: bool
    is_cancelled: bool
    inner: "Stopped | None"
    cancel_coroutine: Callable[[], object] | None

    def cancel(self) -> None:
        """Cancel the run: the function gets a `TaskCancelled`, once; what is open is cleaned up.

        Returns at once; what it calls after that, such as in ``finally``, runs.
        """
        if self._final is None:
            with Interrupts() as interrupts:
                self.stop()
            interrupts.deliver()

    def abandon(self) -> None:
        """The kernel ends: stop the tasks without waiting for their code."""
        self.stop(grace=0.0)

    def stop(self, grace: float = GRACE) -> None:
        """Stop the function and what it has begun."""
        self.is_cancelled = True
        cancel = self.cancel_coroutine if self.body.slot.row == NOTHING else None
        if cancel is None:
            self.body.note(TaskCancelled)
        self.engine.cancel(grace)
        if cancel is None:
            self.body.interrupt()
        else:
            cancel()

    def _noted(self, raised: bool) -> None:
        """Ctrl-C came, and was raised at once or not; called by a signal handler."""
        run: Stopped | None = self
        while run is not None:
            innermost = run
            run.is_cancelled = True
            spared = run.body.slot.row if raised or run.inner is not None else NOTHING
            run.engine.interrupted(spared)
            run = run.inner
        if not raised:
            innermost.body.note(KeyboardInterrupt)
        innermost.body.wake()

    def _interrupted(self) -> None:
        """Ctrl-C where somebody waits for a run in the background."""
        self.stop()

    def give_up(self, lease: "Lease", reason: str) -> bool:
        """End the tasks that use `lease`, and then close it, though its block goes on."""
        if not super().give_up(lease, reason):
            return False
        for block in tuple(self.blocks):
            if self.scopes.leases.get(ScopeUse(block)) is lease and block.rows is not None:
                self.engine.post(self.engine.scheduler.let_go, block.rows.cleanup)
        return True

    def limit(self) -> Callable[[], object]:
        """Begin to count the function's time; gives a way to call that off."""
        if self.flow.timeout is None:
            return lambda: None
        return self.engine.clock.call_later(self.flow.timeout, self._time_out)

    def _time_out(self) -> None:
        self.has_timed_out = True
        self.stop()


__all__ = ["Stopped"]
