"""`FunctionRun`: one run of a ``@flow`` function.

The function runs on the thread that called it, and so do the tasks that it calls, so that things
that are bound to a thread work. Tasks with a timeout and submitted ones run on workers, coroutines
on the loop thread. When the function has ended, the run closes every block that it left open.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Self

from resnb.errors import FlowFailed, RunError
from resnb.graph.base.active_function import ACTIVE_FUNCTION
from resnb.graph.base.building import building_nothing
from resnb.run.engine.clock import Clock
from resnb.run.engine.interrupts import Interrupts
from resnb.run.engine.slots import CURRENT, NOTHING
from resnb.run.engine.verdict import function_state
from resnb.run.executors.local import LocalExecutor
from resnb.run.executors.threads import ThreadExecutor, start_supervisor
from resnb.run.functions.blocks import Blocks
from resnb.run.functions.body import FunctionBody
from resnb.run.functions.call_arguments import resolved
from resnb.run.functions.cancellation import FunctionCancellation
from resnb.run.functions.futures import TaskFuture
from resnb.run.functions.recorder import Recorder
from resnb.run.functions.redraw import RedrawNotifier
from resnb.run.functions.scopes import INNERMOST
from resnb.run.functions.slot import BodyInterrupts
from resnb.run.functions.task_calls import TaskCalls
from resnb.run.lifecycle import Run
from resnb.run.scheduling.plan import Plan
from resnb.states import Running, State

if TYPE_CHECKING:
    from resnb.graph.function import FlowFunction
    from resnb.graph.resources.scope import ScopeUse
    from resnb.ledger.kernel.lease import Lease


class FunctionRun(Run):
    """One run of a ``@flow`` function.

    Args:
        outer: the run whose function has called this one.
        is_last_try: whether a failure is final, so that hooks are called.

    Attributes:
        blocks: what it holds.
        cancellation: stops the function.
    """

    flow: "FlowFunction"
    body: FunctionBody
    _outer: "FunctionRun | None"

    def __init__(
        self,
        flow: "FlowFunction",
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        *,
        outer: "FunctionRun | None" = None,
        is_last_try: bool = True,
        clock: Clock | None = None,
    ) -> None:
        executor = _executor_of(flow, outer)
        super().__init__(
            flow, Plan(flow, grows=True), kwargs, executor, {}, outer=outer, clock=clock
        )
        self.value: Any = None
        self.error: BaseException | None = None
        self._is_last_try = is_last_try
        self._arguments = args, kwargs
        self._when_ended: Callable[[], object] = lambda: None
        self._redraw = RedrawNotifier(flow.name, self.execution.clock)
        self._recorder = Recorder(flow, self.execution, self._redraw.changed)
        self.body = FunctionBody(self.engine, None if outer is None else outer.body.slot)
        self.cancellation = FunctionCancellation(
            self.engine, self.body, lambda: self._inbox.put("interrupted")
        )
        is_inline = isinstance(executor, LocalExecutor)
        self.calls = TaskCalls(self.engine, self.body, self._recorder, is_inline=is_inline)
        self.blocks = Blocks(self.calls)
        self.call, self.submit, self.map = self.calls.call, self.calls.submit, self.calls.map
        self.use = self.blocks.use
        if flow.signature.asynchronous:
            self.body.guard_each_pause(self.handled)

    # ---- running

    def run(self) -> State:
        """Run the function on the calling thread, and wait until everything has ended."""
        with self.handled():
            workers = self.begin()
            self._carry_out(workers)
        return self._outcome()

    def start(self) -> Self:
        """Run the function on a thread of its own."""
        context = copy_context()

        def supervise() -> None:
            self.body.slot.thread_id = threading.get_ident()
            context.run(self._carry_out, workers)

        with Interrupts() as interrupts:  # what comes meanwhile is raised once the run is on
            workers = self.begin()
            try:
                start_supervisor(supervise)
            except BaseException as error:  # noqa: BLE001 - raised once the run has ended
                interrupts.note(error)
                self.cancellation.stop()
                supervise()
        interrupts.deliver()
        return self

    def begin(self) -> Any:
        """Begin the run; returns the executor's workers."""
        return self._begin(self.cancellation.broken)

    def end_in_background(self, workers: Any) -> None:
        """End the run in the background, because nobody awaits the async function any more."""
        self.error = self.error or GeneratorExit()
        self.cancellation.cancel_coroutine = None

        def end() -> None:
            with self.surroundings():
                self._finish_body()
            self._conclude(workers)

        start_supervisor(end)

    def _carry_out(self, workers: Any) -> None:
        with self.surroundings():
            call_off = self.cancellation.time_limit(self.flow.timeout)
            self.error = self._call_function()
            call_off()
            self._finish_body()
        self._conclude(workers)

    def _call_function(self) -> BaseException | None:
        """Call the function, and give what it raised."""
        if self._refusal is not None:
            return None
        slot = self.body.slot
        args, kwargs = self._arguments
        try:
            try:
                slot.inside = self.body.rests_at
                with self.body.paused:  # a cancel may have come before it began
                    pass
                value = self.flow.function(*args, **kwargs)
                self.value = resolved(value, TaskFuture.result)
            finally:
                slot.inside = NOTHING
        except BaseException as error:  # noqa: BLE001 - the user's; raised by who called
            slot.inside = NOTHING
            return error
        return self.body.taken()

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Handle signals within the block, unless an outer function does."""
        if self._outer is not None and not self.flow.signature.asynchronous:
            yield
            return
        slot = self.body.slot
        with BodyInterrupts(slot, self.cancellation.interrupted) as interrupts:
            slot.is_woken = interrupts.are_handled
            try:
                yield
            finally:
                slot.is_woken = False

    @contextmanager
    def surroundings(self) -> Iterator[None]:
        """The surroundings of the function's lines: its run, and no flow or block."""
        here = CURRENT.set(self.body.slot)
        run = ACTIVE_FUNCTION.set(self)
        block = INNERMOST.set(None)
        try:
            with building_nothing():
                yield
        finally:
            INNERMOST.reset(block)
            ACTIVE_FUNCTION.reset(run)
            CURRENT.reset(here)

    def _finish_body(self) -> None:
        """The function has returned: close the blocks that it left open, innermost first."""
        self.give_up_rest()
        while self.blocks.open:
            try:
                self.blocks.close(next(reversed(self.blocks.open)))
            except BaseException as error:  # noqa: BLE001 - raised once the run has ended
                self.cancellation.broken(error)
        self.execution.post(self.execution.scheduler.close)
        self._await_end(self.cancellation.broken)
        self.error = self.error or self.body.taken()

    def give_up_rest(self) -> None:
        """If the function raised, give up the tasks that it has begun."""
        if isinstance(self.error, Exception):
            self.execution.post(self.execution.scheduler.cancel, None, "the flow function raised")
        elif self.error is not None:
            self.engine.cancel()

    # ---- for an async function

    async def awaited_value(self) -> Any:
        """What the function returns."""
        if self._refusal is not None:
            return None
        args, kwargs = self._arguments
        value = await self.flow.function(*args, **kwargs)
        return resolved(value, TaskFuture.result)

    def when_all_ended(self, call: Callable[[], object]) -> None:
        """Let nothing more begin, and call `call` once everything has ended."""
        self._when_ended = call
        self.execution.post(self.execution.scheduler.close)

    def conclude(self, workers: Any) -> State:
        """Everything has ended: judge it, and tell those who wait; returns the final state."""
        self._conclude(workers)
        return self._outcome()

    def _wake(self) -> None:
        super()._wake()
        self._when_ended()

    # ---- stopping

    def cancel(self) -> None:
        """Cancel the run: the function gets a `TaskCancelled`, once; open scopes are cleaned up.

        Returns at once. What the function calls after that, such as in ``finally``, runs.
        """
        if self._final is None:
            with Interrupts() as interrupts:
                self.cancellation.stop()
            interrupts.deliver()

    def abandon(self) -> None:
        """The kernel ends: stop the tasks without waiting for their code."""
        self.cancellation.stop(grace=0.0)

    def _interrupted(self) -> None:
        self.cancellation.stop()

    def give_up(self, lease: "Lease", reason: str) -> bool:
        """End the tasks that use `lease`, and then close it, though its block goes on."""
        if not super().give_up(lease, reason):
            return False
        self.blocks.give_up(lease)
        return True

    # ---- beginning and end

    def _prepare(self) -> Any:
        workers = super()._prepare()
        if self._outer is not None and not self.flow.signature.asynchronous:  # one at a time
            self._outer.cancellation.inner = self.cancellation
            self._outer.body.slot.cancel_inner = self.cancellation.stop
        self.flow.clear()
        self._arguments = self._recorder.add_parameters(*self._arguments, self.parameters)
        self.name = self.flow.name_of_run(self.parameters)
        self._redraw.changed(0)
        return workers

    def _leave(self) -> None:
        super()._leave()
        if self._outer is not None and self._outer.cancellation.inner is self.cancellation:
            self._outer.cancellation.inner = None
            self._outer.body.slot.cancel_inner = None

    def _finish(self) -> None:
        self._redraw.finish()
        self.calls.report_unasked()
        self._recorder.provenance.forget()

    def _left_open(self) -> "dict[ScopeUse, Lease]":
        known = {use: one for use, one in self.memory.open_leases.items() if one.state == "open"}
        return {**known, **super()._left_open()}

    def _judged(self) -> State:
        if self._refusal is not None:
            return self._refusal
        overrun = self.flow.timeout if self.cancellation.has_timed_out else None
        state = function_state(self.execution, self.value, self.error, overrun)
        if self.error is not None and isinstance(state.result, BaseException):
            self.error = state.result
        return self._handled(Running(), state)

    def _run_hooks(self, state: State) -> None:
        self.memory.final = state
        if self._is_last_try or not state.is_failed():
            super()._run_hooks(state)

    def result(self, state: State, *, returns_state: bool) -> Any:
        """What a run that ended with `state` returns to its caller.

        Raises:
            FlowFailed: the run was cancelled, or a handler has chosen an unsuccessful state.
            BaseException: what the function raised.
        """
        error = self.error
        if returns_state and not isinstance(error, KeyboardInterrupt):
            return state
        by_cancel = self.cancellation.was_asked_for and not isinstance(error, KeyboardInterrupt)
        if by_cancel and self._outer is None and state.is_cancelled():
            raise FlowFailed(state.message, state)
        if error is not None:
            raise error
        state.raise_for_failure()
        return self.value


def _executor_of(flow: "FlowFunction", outer: FunctionRun | None) -> Any:
    executor = flow.executor
    if executor is None:
        executor = ThreadExecutor() if outer is None else outer.executor
    if not hasattr(executor, "start"):
        message = (
            f"flow {flow.name!r} runs its tasks on ThreadExecutor, LocalExecutor or DaskExecutor, "
            f"not {executor!r}"
        )
        raise RunError(message)
    return executor
