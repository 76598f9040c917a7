"""`FlowRun`: one run of a flow, from its checks to its final state.

A run is prepared (all that can be wrong is found before anything begins), begun, and concluded
by exactly one thread: the caller's in ``flow.run``, a supervisor's in ``flow.start``.
"""

import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Any

from resnb.errors import RunError
from resnb.events import EVENTS, RunBegan, RunEnded
from resnb.graph.base.ports import PORTS
from resnb.graph.tasks.task import Task
from resnb.ledger.kernel.keeper import KEEPER
from resnb.ledger.kernel.lease import Lease
from resnb.run.engine.clock import Clock, RealClock
from resnb.run.engine.engine import Engine
from resnb.run.engine.hooks import asked, call_hooks
from resnb.run.engine.interrupts import Interrupts, awaited
from resnb.run.engine.result import TaskStates, flow_state
from resnb.run.engine.scopes import RunScopes
from resnb.run.engine.slots import CURRENT, Slot, our_own_lines
from resnb.run.executors.threads import ThreadExecutor, start_supervisor
from resnb.run.memory import memory_of
from resnb.run.output.writer import route
from resnb.run.resume import kept_states, without_gone_resources
from resnb.run.scheduling.outcome import text_of
from resnb.run.scheduling.plan import compiled
from resnb.states import CANCELLED, RUNNING, Failed, Pending, Running, State

if TYPE_CHECKING:
    from collections.abc import Collection as Tasks

    from resnb.graph.flow import Flow

_ACTIVE: list["FlowRun"] = []
_ACTIVE_LOCK = threading.Lock()


def _forked() -> None:
    """This is a forked child: what runs is its parent's."""
    global _ACTIVE_LOCK  # noqa: PLW0603 - one that another thread held at the fork stays locked
    _ACTIVE_LOCK = threading.Lock()
    for run in _ACTIVE:
        run.engine.forked = True
    _ACTIVE.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def active_run() -> "FlowRun | None":
    """The run that is on in this kernel."""
    return _ACTIVE[0] if _ACTIVE else None


def join_active(run: "FlowRun") -> None:
    """`run` goes on inside the run that is on."""
    with _ACTIVE_LOCK:
        _ACTIVE.append(run)


class FlowRun:
    """One run of a flow.

    Args:
        flow: the flow.
        parameters: values by parameter name.
        executor: what runs the tasks.
        task_states: states of tasks that need not run, or the state of an earlier run.
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
        task_states: Mapping[Task, State] | State | None = None,
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
            use: lease
            for use, lease in self.memory.open_leases.items()
            if use.scope in flow.scopes and lease.state == "open"
        }
        again = isinstance(task_states, State)
        if isinstance(task_states, State):
            task_states = kept_states(flow, task_states, self.parameters)
        given = {**self.memory.given_by(opened), **(task_states or {})}
        if task_states and self._whole:
            scopes_open = {use.scope for use in opened}
            given = without_gone_resources(flow, given, scopes_open, fresh=again)
        plan = compiled(flow, self.parameters, given, only)
        scopes = RunScopes(plan, KEEPER, self, opened)
        self._inbox: SimpleQueue[str] = SimpleQueue()
        self.engine = Engine(plan, clock or RealClock(), scopes, self._wake)
        self._final: State | None = None
        self._refusal: State | None = None
        self._concluded = threading.Event()
        self._when_concluded: list[Callable[[], object]] = []
        self._slot = Slot(0)  # of the thread that concludes the run, for the flow's hooks
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
            RunError: a task waits for the run that it is part of.
        """
        slot = CURRENT.get()
        if slot is not None and slot.output is self.engine.output and self._final is None:
            message = f"a task of flow {self.flow.name!r} cannot wait for the run it is part of"
            raise RunError(message)
        if slot is self._slot:  # a hook of the flow's asks
            return self._outcome()
        over: SimpleQueue[str] = SimpleQueue()
        self._when_concluded.append(lambda: over.put("ended"))
        ended = self._concluded.is_set()
        if not ended:

            def interrupted() -> None:
                self._interrupted()
                over.put("interrupted")

            deadline = None if timeout is None else monotonic() + timeout
            with Interrupts(interrupted) as interrupts, suppress(Empty):
                while not ended:
                    ended = awaited(over, deadline) == "ended"
                    self.engine.drain()
            interrupts.deliver()
        if not ended:
            message = f"flow {self.flow.name!r} is still running after {timeout:g} s"
            raise TimeoutError(message)
        return self._outcome()

    def cancel(self) -> None:
        """Cancel the run: what has not begun is given up, what is open is cleaned up.

        Returns at once; running code is asked to stop, and given 30 s for it.
        """
        if self._final is None:
            with our_own_lines(), Interrupts() as interrupts:  # perhaps a task calls this
                self.engine.cancel()
            interrupts.deliver()

    def __repr__(self) -> str:
        """A stable text: neither times nor addresses."""
        return f"<FlowRun of {self.flow.name!r}: {self.state.name}>"

    # ---- for the runner

    def run(self) -> State:
        """Run on the calling thread until everything has ended."""
        with Interrupts(self._interrupted) as interrupts:
            workers = self._begin()
            workers.drive()
            while awaited(self._inbox) != "ended":
                self.engine.drain()
            self._conclude(workers)
        interrupts.deliver()
        return self._outcome()

    def start(self) -> "FlowRun":
        """Run in the background."""
        self.launch().deliver()
        return self

    def launch(self, when_concluded: Callable[[], object] | None = None) -> Interrupts:
        """Run in the background.

        Args:
            when_concluded: called at the end, on some thread.

        Returns:
            The interrupts that came meanwhile; the first has cancelled the run.
        """
        if when_concluded is not None:
            self._when_concluded.append(when_concluded)

        def supervise() -> None:
            workers.drive()
            while self._inbox.get() != "ended":
                self.engine.drain()
            self._conclude(workers)

        with Interrupts(self._interrupted) as interrupts:
            workers = self._begin()
            start_supervisor(supervise)
        return interrupts

    def abandon(self) -> None:
        """The kernel ends: stop the tasks without waiting for their code."""
        self.engine.cancel(grace=0.0)

    def uses(self, lease: Lease) -> bool:
        """Whether a scope of the run holds `lease`."""
        return lease in self.engine.scopes.leases.values()

    def give_up(self, lease: Lease, reason: str) -> bool:
        """End the tasks that use `lease`, and then close it; false if there are none."""
        if not self.uses(lease):
            return False
        self.engine.give_up(lease, f"resource {lease.name!r} is gone: {reason}")
        return True

    def _begin(self) -> Any:
        with _ACTIVE_LOCK:
            if _ACTIVE:
                message = (
                    f"flow {_ACTIVE[0].flow.name!r} is running: wait until it has ended, or "
                    f"cancel it with %flow cancel {_ACTIVE[0].flow.name}"
                )
                raise RunError(message)
            _ACTIVE.append(self)
        try:
            if self.engine.plan.scopes:
                KEEPER.watch_ends()  # here, for only the main thread can install signal handlers
            KEEPER.before_closing.append(self.abandon)
            KEEPER.users.append(self)
            workers = self._executor.start(self.engine)
            if self.engine.plan.remote and self.engine.remote is None:
                self.engine.remote = PORTS.clusters()(self.engine)
            self.engine.receive()
            self.memory.begin(self.engine, whole=self._whole)
            self.memory.code = RUNNING
            EVENTS.publish(RunBegan(self.flow.name))
            self._unroute = route(self.engine.output)
        except BaseException:
            self._leave()
            raise
        self._ask_to_begin()
        self.engine.begin()
        return workers

    def _ask_to_begin(self) -> None:
        begun = self._handled(Pending(), Running("", TaskStates(self.engine)))
        if begun.is_finished():  # a handler says that there is to be no run
            self._refusal = begun
            self.engine.cancel()

    def _leave(self) -> None:
        """The next run may begin."""
        with suppress(ValueError):
            KEEPER.users.remove(self)
            KEEPER.before_closing.remove(self.abandon)
        with _ACTIVE_LOCK, suppress(ValueError):
            _ACTIVE.remove(self)

    def _wake(self) -> None:
        self._inbox.put("ended")

    def _interrupted(self) -> None:
        """The first Ctrl-C; called by a signal handler, so no lock is taken here."""
        self.engine.interrupted()
        self._inbox.put("interrupted")

    def _conclude(self, workers: Any) -> None:
        """Everything has ended: judge it, let the next run begin, and tell who waits."""
        token = CURRENT.set(self._slot)
        try:
            state = self._judged(workers)
        except BaseException as error:  # noqa: BLE001 - it is raised where the run is waited for
            self.engine.defect = self.engine.defect or error
            reason = f"resnb itself failed: {text_of(self.engine.defect)}"
            state = Failed(reason, TaskStates(self.engine))
        self.memory.code = state.code
        self._leave()
        self._final = state
        self._run_hooks(state)
        CURRENT.reset(token)
        with suppress(Exception):  # whoever looks on must not keep others waiting
            EVENTS.publish(RunEnded(self.flow.name, state.name))
        self._concluded.set()
        for call in tuple(self._when_concluded):
            with suppress(Exception):  # such as a loop that is closed: the others are told
                call()

    def _judged(self, workers: Any) -> State:
        engine, scopes = self.engine, self.engine.scopes
        workers.join()
        if engine.remote is not None:
            engine.remote.join()
        self._unroute()
        engine.output.finish()
        if engine.defect is not None:
            scopes.close_all()
        self.memory.open_leases = scopes.finish()
        if engine.defect is not None:
            raise engine.defect
        references = self.flow.reference_tasks() if self._whole else _ends_of(engine)
        state = self._refusal or flow_state(engine, references)
        if not isinstance(state.result, Mapping):
            state.result = TaskStates(engine)
        return state if self._refusal else self._handled(Running(), state)

    def _outcome(self) -> State:
        """The final state.

        Raises:
            BaseException: an error of ours that ended the run.
        """
        if self.engine.defect is not None:
            raise self.engine.defect
        assert self._final is not None
        return self._final

    # ---- the user's hooks

    def _handled(self, before: State, state: State) -> State:
        try:
            for handler in self.flow.state_handlers:
                chosen = asked(handler, self.flow, before, state)
                if isinstance(chosen, State):
                    state = chosen
        except BaseException as error:  # noqa: BLE001 - the user's code
            message = f"flow {self.flow.name!r}: a state handler raised {text_of(error)}"
            return Failed(message, TaskStates(self.engine))
        return state

    def _run_hooks(self, state: State) -> None:
        flow = self.flow
        hooks = flow.on_failure if state.is_failed() else flow.on_completion
        if state.code == CANCELLED:
            hooks = flow.on_cancellation
        call_hooks(hooks, flow, self, state, self.engine.output.report)


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


__all__ = ["FlowRun", "active_run", "join_active"]
