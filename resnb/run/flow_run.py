"""`FlowRun`: one run of a flow, from its checks to its final state.

A run is prepared (all that can be wrong is found before anything begins), begun, and concluded
by exactly one thread: the caller's in ``flow.run``, a supervisor's in ``flow.start``.
"""

import threading
from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from resnb.errors import RunError
from resnb.events import EVENTS, RunBegan, RunEnded
from resnb.graph.scope import Scope
from resnb.graph.task import Task
from resnb.ledger.keeper import KEEPER
from resnb.ledger.lease import Lease
from resnb.run.clock import Clock, RealClock
from resnb.run.engine import Engine
from resnb.run.hooks import call_hook
from resnb.run.interrupts import Interrupts
from resnb.run.memory import memory_of
from resnb.run.output import route
from resnb.run.plan import compiled
from resnb.run.result import TaskStates, flow_state
from resnb.run.scopes import RunScopes
from resnb.run.threads import ThreadExecutor, start_supervisor
from resnb.states import CANCELLED, RUNNING, Cached, Pending, Running, State

if TYPE_CHECKING:
    from collections.abc import Collection as Tasks

    from resnb.graph.flow import Flow

_ACTIVE: list["FlowRun"] = []
_ACTIVE_LOCK = threading.Lock()


def active_run() -> "FlowRun | None":
    """The run that is on in this kernel."""
    return _ACTIVE[0] if _ACTIVE else None


class FlowRun:
    """One run of a flow.

    Args:
        flow: the flow.
        parameters: values by parameter name.
        executor: what runs the tasks.
        task_states: states of tasks that need not run.
        only: the tasks to run; None for all.
        clock: time.

    Raises:
        OptionError: a parameter is missing or unknown.
    """

    def __init__(
        self,
        flow: "Flow",
        parameters: Mapping[str, Any],
        executor: Any = None,
        *,
        task_states: Mapping[Task, State] | None = None,
        only: "Tasks[Task] | None" = None,
        clock: Clock | None = None,
    ) -> None:
        self.flow = flow
        self.parameters = dict(parameters)
        self.memory = memory_of(flow)
        self._executor = executor if executor is not None else ThreadExecutor()
        if not hasattr(self._executor, "start"):
            message = f"executor={executor!r} is no executor: use ThreadExecutor or LocalExecutor"
            raise RunError(message)
        self._whole = only is None
        opened = {
            scope: lease
            for scope, lease in self.memory.open_leases.items()
            if scope in flow.scopes and lease.state == "open"
        }
        given = {**_given_by(opened), **(task_states or {})}
        plan = compiled(flow, self.parameters, given, only)
        scopes = RunScopes(plan, KEEPER, self, opened)
        self._ended = threading.Event()
        self._inbox: SimpleQueue[str] = SimpleQueue()
        self.engine = Engine(plan, clock or RealClock(), scopes, self._wake)
        self._final: State | None = None
        self._concluded = threading.Event()
        self._when_concluded: list[Callable[[], object]] = []
        self._unroute: Callable[[], None] = lambda: None

    # ---- for users

    @property
    def state(self) -> State:
        """The run's state; its ``result`` maps each task to its state, also while it runs."""
        if self._final is not None:
            return self._final
        kind = Running if self.memory.code == RUNNING else Pending
        return kind("", TaskStates(self.engine))

    def wait(self, timeout: float | None = None) -> State:
        """Wait for the run to end, its clean-ups included; Ctrl-C cancels it.

        Args:
            timeout: seconds to wait at most; None for no limit.

        Raises:
            TimeoutError: the run is still on.
        """
        over: SimpleQueue[None] = SimpleQueue()
        self._when_concluded.append(lambda: over.put(None))
        if not self._concluded.is_set():
            with Interrupts(self._interrupted) as interrupts:
                try:
                    over.get(timeout=timeout)
                except Empty:
                    message = f"flow {self.flow.name!r} is still running after {timeout:g} s"
                    raise TimeoutError(message) from None
            self._raise_interrupt(interrupts)
        assert self._final is not None
        return self._final

    def cancel(self) -> None:
        """Cancel the run: what has not begun is given up, what is open is cleaned up.

        Returns at once; running code is asked to stop, and given 30 s for it.
        """
        if self._final is None:
            self.engine.cancel()

    def __repr__(self) -> str:
        """A stable text: neither times nor addresses."""
        return f"<FlowRun of {self.flow.name!r}: {self.state.name}>"

    # ---- for the runner

    def run(self) -> State:
        """Run on the calling thread until everything has ended."""
        with Interrupts(self._interrupted) as interrupts:
            workers = self._begin()
            try:
                workers.drive()
                while self._inbox.get() != "ended":
                    self.engine.drain()
            finally:
                self._conclude(workers)
        self._raise_interrupt(interrupts)
        assert self._final is not None
        return self._final

    def start(self, when_concluded: Callable[[], object] | None = None) -> "FlowRun":
        """Run in the background; `when_concluded` is called at the end, on some thread."""
        if when_concluded is not None:
            self._when_concluded.append(when_concluded)
        workers = self._begin()

        def supervise() -> None:
            workers.drive()
            self._ended.wait()
            self._conclude(workers)

        start_supervisor(supervise)
        return self

    def abandon(self) -> None:
        """The kernel ends: stop the tasks without waiting for their code."""
        self.engine.cancel(grace=0.0)

    def _begin(self) -> Any:
        with _ACTIVE_LOCK:
            if _ACTIVE:
                message = (
                    f"flow {_ACTIVE[0].flow.name!r} is running: wait until it has ended, or "
                    f"cancel it with %flow cancel {_ACTIVE[0].flow.name}"
                )
                raise RunError(message)
            _ACTIVE.append(self)
        KEEPER.before_closing.append(self.abandon)
        self.memory.begin(self.engine, whole=self._whole)
        self.memory.code = RUNNING
        EVENTS.publish(RunBegan(self.flow.name))
        self._unroute = route(self.engine.output)
        workers = self._executor.start(self.engine)
        self.engine.begin()
        return workers

    def _wake(self) -> None:
        self._ended.set()
        self._inbox.put("ended")

    def _interrupted(self) -> None:
        """The first Ctrl-C; called by a signal handler, so no lock is taken here."""
        self.engine.interrupted()
        self._inbox.put("interrupted")

    def _conclude(self, workers: Any) -> None:
        workers.join()
        self._unroute()
        self.engine.output.finish()
        opened = self.engine.scopes.finish()
        flow, memory = self.flow, self.memory
        if self.engine.defect is not None:
            KEEPER.close(opened.values())
            opened = {}
        references = flow.reference_tasks() if self._whole else _ends_of(self.engine)
        state = flow_state(self.engine, references)
        state = self._handled(state)
        memory.open_leases = opened
        memory.code = state.code
        KEEPER.before_closing.remove(self.abandon)
        _ACTIVE.remove(self)
        self._final = state
        self._run_hooks(state)
        EVENTS.publish(RunEnded(flow.name, state.name))
        self._concluded.set()
        for call in self._when_concluded:
            call()
        if self.engine.defect is not None:
            raise self.engine.defect

    def _handled(self, state: State) -> State:
        for handler in self.flow.state_handlers:
            chosen = handler(self.flow, Running(), state)
            if isinstance(chosen, State):
                state = chosen
        return state

    def _run_hooks(self, state: State) -> None:
        flow = self.flow
        hooks = flow.on_failure if state.is_failed() else flow.on_completion
        for hook in flow.on_cancellation if state.code == CANCELLED else hooks:
            call_hook(hook, flow, self, state)

    def _raise_interrupt(self, interrupts: Interrupts) -> None:
        if interrupts.count:
            raise KeyboardInterrupt from None


def _given_by(opened: Mapping[Scope, Lease]) -> dict[Task, State]:
    """An open scope's init and set-up need not run again."""
    given: dict[Task, State] = {}
    for scope, lease in opened.items():
        given[scope.init_task] = Cached("the scope is open", lease.manager)
        given[scope.setup_task] = Cached("the scope is open", lease.resource)
    return given


def _ends_of(engine: Engine) -> list[Task]:
    """The tasks of a partial run that nothing but clean-ups waits for."""
    plan = engine.plan
    return [
        task
        for row, task in enumerate(plan.tasks)
        if task.kind != "cleanup"
        and row not in plan.given
        and all(plan.tasks[after].kind == "cleanup" for after in plan.downstream[row])
    ]


__all__ = ["FlowRun", "active_run"]
