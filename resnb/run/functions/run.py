"""`FunctionRun`: one run of a ``@flow`` function.

The function runs on the thread that called it, and so do the tasks that it calls (things that are
bound to a thread work); those with a timeout, and submitted ones, run on workers, coroutines on
the loop thread. A cancel or Ctrl-C is raised once, as an exception, where the function is; what
it calls after that, to clean up, runs. Its end closes every block that it left open, and waits.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import copy_context
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from resnb.errors import RunError
from resnb.events import EVENTS, RunBegan
from resnb.graph.base.active_function import ACTIVE_FUNCTION
from resnb.graph.base.building import building_nothing
from resnb.ledger.kernel.keeper import KEEPER
from resnb.run.engine.clock import Clock, RealClock
from resnb.run.engine.interrupts import Interrupts, awaited
from resnb.run.engine.slots import CURRENT, NOTHING, Slot
from resnb.run.executors.local import LocalExecutor
from resnb.run.executors.threads import ThreadExecutor, start_supervisor
from resnb.run.flow_run import FlowRun, join_active
from resnb.run.functions.blocks import Holding
from resnb.run.functions.body import Body
from resnb.run.functions.cancellation import Stopped
from resnb.run.functions.engine import UnfoldingEngine
from resnb.run.functions.futures import TaskFuture, resolved
from resnb.run.functions.provenance import Origins
from resnb.run.functions.redraw import Redrawing
from resnb.run.functions.scopes import INNERMOST, Block, UnfoldingScopes
from resnb.run.functions.slot import BodyInterrupts
from resnb.run.functions.verdict import judged
from resnb.run.memory import memory_of
from resnb.run.scheduling.plan import Plan
from resnb.states import RUNNING, Running, State

if TYPE_CHECKING:
    from resnb.graph.function import FlowFunction
    from resnb.graph.tasks.task import Task


class FunctionRun(Holding, Stopped, FlowRun):
    """One run of a ``@flow`` function.

    Args:
        flow: the function.
        args: its arguments.
        kwargs: likewise.
        outer: the run whose function has called this one.
        is_last_try: whether a failure is final, so that hooks are called.
        clock: time.

    Attributes:
        executor: what runs submitted tasks.
        value: what the function returned.
        error: what it raised, or None.
    """

    flow: "FlowFunction"
    engine: UnfoldingEngine

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
        self.flow = flow
        self.parameters = dict(kwargs)
        self.memory = memory_of(flow)
        self.origins = Origins()
        self.value: Any = None
        self.error: BaseException | None = None
        self.has_timed_out = self.is_cancelled = False
        self.inner: FunctionRun | None = None
        self._outer = outer
        self._is_last_try = is_last_try
        self.executor = self._executor = self._checked(flow.executor)
        self._whole = True
        self._arguments = args, kwargs
        self._inbox: SimpleQueue[str] = SimpleQueue()
        plan = Plan(flow)
        self.scopes = UnfoldingScopes(plan, KEEPER, self, {})
        self.engine = UnfoldingEngine(plan, clock or RealClock(), self.scopes, self._wake)
        self._redrawing = Redrawing(flow.name, self.engine.clock)
        self.blocks: dict[Block, None] = {}
        self._unasked: dict[int, Task] = {}
        self.cancel_coroutine: Callable[[], object] | None = None
        self._when_ended: Callable[[], object] = lambda: None
        self._final: State | None = None
        self._refusal: State | None = None
        self._concluded = threading.Event()
        self._when_concluded: list[Callable[[], object]] = []
        self._slot = Slot(0)
        self._unroute: Callable[[], None] = lambda: None
        outer_slot = None if outer is None else outer.body.slot
        self.body = Body(self.engine, outer_slot)
        if flow.signature.asynchronous:
            self.body.guard_each_pause(self.handled)

    @property
    def is_outermost(self) -> bool:
        """Whether no other flow function has called this one."""
        return self._outer is None

    def _checked(self, executor: Any) -> Any:
        if executor is None:
            executor = ThreadExecutor() if self._outer is None else self._outer.executor
        if not isinstance(executor, ThreadExecutor | LocalExecutor):
            message = (
                f"flow {self.flow.name!r}: a @flow function runs its tasks on ThreadExecutor or "
                f"LocalExecutor, not {executor!r}; a task can use a cluster by its client"
            )
            raise RunError(message)
        self._is_inline = isinstance(executor, LocalExecutor)
        return executor

    # ---- running

    def run(self) -> State:
        """Run the function on the calling thread, and wait until everything has ended."""
        with self.handled():
            workers = self._begin()
            self._carry_out(workers)
        return self._outcome()

    def start(self) -> "FunctionRun":
        """Run the function on a thread of its own."""
        context = copy_context()

        def supervise() -> None:
            self.body.slot.thread_id = threading.get_ident()
            context.run(self._carry_out, workers)

        with Interrupts() as interrupts:  # what comes meanwhile is raised once the run is on
            workers = self._begin()
            start_supervisor(supervise)
        interrupts.deliver()
        return self

    def _carry_out(self, workers: Any) -> None:
        with self.surroundings():
            call_off = self.limit()
            self.error = self._call_function()
            call_off()
            self.finish_body()
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
        stop = self.body.taken()
        return None if stop is None else stop()

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Handle Ctrl-C within the block; the outermost function does, for all."""
        if self._outer is not None and not self.flow.signature.asynchronous:
            yield
            return
        slot = self.body.slot
        with BodyInterrupts(slot, self._noted) as interrupts:
            slot.is_woken = interrupts.are_handled
            try:
                yield
            finally:
                slot.is_woken = False

    @contextmanager
    def surroundings(self) -> Iterator[None]:
        """What the function's lines find around them."""
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

    def finish_body(self) -> None:
        """The function has returned: close what it left open, innermost first, and wait."""
        self.give_up_rest()
        for block in reversed(tuple(self.blocks)):
            self.close_block(block)
        self.engine.post(self.engine.scheduler.close)
        while awaited(self._inbox) != "ended":
            self.engine.drain()

    def give_up_rest(self) -> None:
        """If the function raised, what it has begun is not wanted any more."""
        error, engine = self.error, self.engine
        if isinstance(error, Exception):
            engine.post(engine.scheduler.give_up_rest, "the flow function raised")
        elif error is not None:
            engine.cancel()

    # ---- for an async function

    async def awaited_value(self) -> Any:
        """What the function gives."""
        if self._refusal is not None:
            return None
        args, kwargs = self._arguments
        value = await self.flow.function(*args, **kwargs)
        return resolved(value, TaskFuture.result)

    def when_all_ended(self, call: Callable[[], object]) -> None:
        """Let nothing more begin, and call `call` once everything has ended."""
        self._when_ended = call
        self.engine.post(self.engine.scheduler.close)

    def conclude(self, workers: Any) -> None:
        """Everything has ended: judge it, and tell who waits."""
        self._conclude(workers)

    def _wake(self) -> None:
        super()._wake()
        self._when_ended()

    def begin(self) -> Any:
        """Begin the run; gives the executor's workers."""
        return self._begin()

    def _begin(self) -> Any:
        if self._outer is None:
            workers = super()._begin()
        else:
            join_active(self)
            KEEPER.users.append(self)
            workers = self._executor.start(self.engine)
            if not self.flow.signature.asynchronous:  # one at a time
                self._outer.inner = self
                self._outer.body.slot.cancel_inner = self.stop
            self._ask_to_begin()
            self._announce()
        self.flow.clear()
        self._arguments = self._given(*self._arguments)
        self._redrawing.changed(0)
        return workers

    def _given(self, args: Any, kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments as the function gets them, each of which the graph knows."""
        flow, given = self.flow, dict(kwargs)
        names = flow.signature.positional[: len(args)]
        placed = dict(zip(names, args, strict=False))
        for task in flow.parameter_tasks:
            known = placed if task.name in placed else given
            value = known.get(task.name, task.default)
            row = self.engine.add_given(flow.nodes[task], value)
            known[task.name] = self.origins.handed_out(value, row)
        return (*(placed[name] for name in names), *args[len(names) :]), given

    def _announce(self) -> None:
        self.memory.begin(self.engine, whole=True)
        self.memory.code = RUNNING
        EVENTS.publish(RunBegan(self.flow.name))
        self.engine.begin()

    def _leave(self) -> None:
        super()._leave()
        if self._outer is not None and self._outer.inner is self:
            self._outer.inner = None
            self._outer.body.slot.cancel_inner = None

    # ---- the end

    def _judged(self, workers: Any) -> State:
        engine = self.engine
        workers.join()
        self._redrawing.finish()
        self.report_unasked()
        self._unroute()
        engine.output.finish()
        self.origins.forget()
        if engine.defect is not None:
            self.scopes.close_all()
        known = {use: one for use, one in self.memory.open_leases.items() if one.state == "open"}
        self.memory.open_leases = {**known, **self.scopes.finish()}
        if engine.defect is not None:
            raise engine.defect
        return self._refusal or self._handled(Running(), judged(self))

    def _run_hooks(self, state: State) -> None:
        self.memory.final = state
        if self._is_last_try or not state.is_failed():
            super()._run_hooks(state)


__all__ = ["FunctionRun"]
