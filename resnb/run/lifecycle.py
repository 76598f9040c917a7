"""`Run`: the life of one run of a flow, from its beginning to its final state.

Exactly one thread begins and concludes a run. An exception that breaks its wait cancels the run,
and is raised after the clean-ups. A kernel has one run at a time; ``@flow``
functions may be nested.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Any

from resnb.events import EVENTS, RunBegan, RunEnded
from resnb.graph.base.ports import PORTS
from resnb.ledger.kernel.keeper import KEEPER
from resnb.ledger.kernel.lease import Lease
from resnb.run.active import enter, leave
from resnb.run.conclusion import Conclusion, refuse_endless_wait
from resnb.run.engine.clock import Clock, RealClock
from resnb.run.engine.engine import Engine
from resnb.run.engine.execution import Execution
from resnb.run.engine.hooks import call_hooks, call_user_code, hooks_of
from resnb.run.engine.interrupts import Interrupts, awaited
from resnb.run.engine.patience import Patience
from resnb.run.engine.result import TaskStates
from resnb.run.engine.slots import CURRENT, RunSlot
from resnb.run.memory import memory_of
from resnb.run.output.routing import routed_run
from resnb.run.scheduling.outcome import text_of
from resnb.run.scheduling.scheduler import Scheduler
from resnb.run.scheduling.state_table import Table
from resnb.run.scopes.run_scopes import RunScopes
from resnb.states import RUNNING, Failed, Pending, Running, State

if TYPE_CHECKING:
    from resnb.graph.flow import Flow
    from resnb.graph.resources.scope import ScopeUse
    from resnb.run.scheduling.plan import Plan


class Run:
    """One run of a flow."""

    def __init__(
        self,
        flow: "Flow",
        plan: "Plan",
        parameters: Mapping[str, Any],
        executor: Any,
        opened: "Mapping[ScopeUse, Lease]",
        *,
        outer: "Run | None" = None,
        clock: Clock | None = None,
    ) -> None:
        self.flow, self.name = flow, flow.name
        self.parameters = dict(parameters)
        self.memory = memory_of(flow)
        self.executor = executor
        scheduler = Scheduler(plan, Table(len(plan.tasks)))
        self.scopes = RunScopes(scheduler, KEEPER, self, opened)
        self.execution = Execution(scheduler, self.scopes, clock or RealClock())
        self.engine = Engine(self.execution, self._wake)
        self._outer = outer
        self._inbox: SimpleQueue[str] = SimpleQueue()
        self.patience = Patience(self.engine, self._inbox.put)
        self._began = False
        self._final: State | None = None
        self._refusal: State | None = None
        self._conclusion = Conclusion()
        self._slot = RunSlot(self)
        self._unroute: Callable[[], None] = lambda: None

    # ---- for users

    @property
    def state(self) -> State:
        """The run's state; its ``result`` maps each task to its state, also while it runs."""
        if self._final is not None:
            return self._final
        return (Running if self.memory.code == RUNNING else Pending)("", TaskStates(self.execution))

    def wait(self, timeout: float | None = None) -> State:
        """Wait for the run to end, its clean-ups included.

        Ctrl-C, or another exception that breaks the wait, cancels the run.

        Args:
            timeout: seconds to wait at most; None for no limit.

        Raises:
            TimeoutError: the run is still on.
            RunError: the run cannot end while the caller waits: the caller is a task or handler of
                the run, or the run was never begun, or this is a forked child.
        """
        if self._final is None:
            refuse_endless_wait(self, self._slot, has_begun=self._began)
        over: SimpleQueue[str] = SimpleQueue()

        def concluded() -> None:
            over.put("ended")

        def interrupted() -> None:
            self._interrupted()
            over.put("interrupted")

        deadline = None if timeout is None else monotonic() + timeout
        self._conclusion.calls.append(concluded)
        ended = self._conclusion.reached.is_set() or CURRENT.get() is self._slot  # a hook asks
        with Interrupts(interrupted, self.patience.end) as interrupts:
            while not ended:
                try:
                    ended = awaited(over, deadline) == "ended"
                    self.execution.feed.drain()
                except Empty:
                    break
                except BaseException as error:  # noqa: BLE001 - raised once the run has ended
                    interrupts.note(error)
            self._conclusion.calls.remove(concluded)
        interrupts.deliver()
        if not ended:
            message = f"flow {self.flow.name!r} is still running after {timeout:g} s"
            raise TimeoutError(message)
        return self._outcome()

    def cancel(self) -> None:
        """Cancel the run: tasks that have not begun are given up, open scopes are cleaned up."""
        raise NotImplementedError

    def __repr__(self) -> str:
        """A stable text: neither times nor addresses."""
        return f"<{type(self).__name__} of {self.flow.name!r}: {self.state.name}>"

    # ---- for the kernel's leases

    def abandon(self) -> None:
        """The kernel ends: stop the tasks without waiting for their code."""
        self.engine.cancel(grace=0.0)

    def uses(self, lease: Lease) -> bool:
        """Whether a scope of the run holds `lease`."""
        return lease in list(self.scopes.leases.values())  # the run goes on meanwhile

    def give_up(self, lease: Lease, reason: str) -> bool:
        """End the tasks that use `lease`, and then close it; false if there are none."""
        if not self.uses(lease):
            return False
        self.engine.give_up(lease, f"resource {lease.name!r} is gone: {reason}")
        return True

    # ---- beginning

    def _begin(self, note: Callable[[BaseException], object]) -> Any:
        """Begin the run; returns the executor's workers.

        Args:
            note: takes an exception that comes too late to prevent the run.

        Raises:
            RunError: another run is on.
        """
        enter(self, is_outermost=self._outer is None)
        try:
            workers = self._prepare()
        except BaseException:
            if self.execution.remote is not None:
                self.execution.remote.over()
                self.execution.remote.join()
            self._leave()
            raise
        self._began = True
        try:
            begun = self._handled(Pending(), Running("", TaskStates(self.execution)))
            if begun.is_finished():  # a handler says that there is to be no run
                self._refusal = begun
                self.engine.cancel()
        except BaseException as error:  # noqa: BLE001 - it is raised once the run has ended
            note(error)
        self.engine.begin()
        return workers

    def _prepare(self) -> Any:
        execution = self.execution
        if execution.plan.scopes:
            KEEPER.watch_ends()  # here, because only the main thread can install signal handlers
        if self._outer is None:
            KEEPER.before_closing.append(self.abandon)
        KEEPER.users.append(self)
        workers = self.executor.start(self.engine)
        if execution.plan.remote and execution.remote is None:
            execution.remote = PORTS.clusters()(self.engine)
        execution.receive()
        self._remember()
        self.memory.code = RUNNING
        EVENTS.publish(RunBegan(self.flow.name))
        if self._outer is None:
            self._unroute = routed_run(execution.output)
        return workers

    def _remember(self) -> None:
        """Let the flow answer from this run from now on."""
        self.memory.begin(self.execution, whole=True)

    def _leave(self) -> None:
        """The next run may begin."""
        with suppress(ValueError):
            KEEPER.users.remove(self)
        with suppress(ValueError):
            KEEPER.before_closing.remove(self.abandon)
        leave(self)

    # ---- waiting for the end

    def _wake(self) -> None:
        self._inbox.put("ended")

    def _interrupted(self) -> None:
        """Something has broken the wait; called by signal handlers, so no lock is taken here."""
        self.engine.interrupted()
        self._inbox.put("interrupted")

    def _await_end(
        self, note: Callable[[BaseException], object], drive: Callable[[], object] = lambda: None
    ) -> None:
        """Wait until everything has ended, whatever comes in between.

        Args:
            note: takes an exception that breaks the wait, and cancels the run.
            drive: runs what the executor runs on this thread.
        """
        ended = False
        while not ended:
            try:
                if not self.engine.finished:
                    drive()
                ended = self.patience.next_word(self._inbox) == "ended"
                self.execution.feed.drain()
            except BaseException as error:  # noqa: BLE001 - it is raised once the run has ended
                note(error)

    # ---- the end

    def _conclude(self, workers: Any) -> None:
        """Everything has ended: find the final state, let the next run begin, tell who waits."""
        execution = self.execution
        token = CURRENT.set(self._slot)
        try:
            self._end_parts(workers)
            try:
                if execution.defect is not None:
                    raise execution.defect  # noqa: TRY301 - as those of the next line
                state = self._judged()
            except BaseException as error:  # noqa: BLE001 - raised where the run is waited for
                execution.defect = error
                reason = f"resnb itself failed: {text_of(error)}"
                state = Failed(reason, TaskStates(execution))
            self.memory.code = state.code
            self._leave()
            self._final = state
            self._run_hooks(state)
        finally:
            CURRENT.reset(token)
            self._leave()
            with suppress(Exception):  # views must not keep others waiting
                EVENTS.publish(RunEnded(self.flow.name, self.state.name))
            self._conclusion.reach()

    def _end_parts(self, workers: Any) -> None:
        """End what the run has started; an error in one part keeps no other from its end."""
        execution = self.execution

        def join_remote() -> None:
            if execution.remote is not None:
                execution.remote.join()

        def close_leases() -> None:
            if execution.defect is not None:
                self.scopes.close_all()

        def keep_leases() -> None:
            self.memory.open_leases = self._left_open()

        for end in (
            workers.join, join_remote, self._finish, self._unroute, execution.output.finish,
            close_leases, keep_leases,
        ):  # fmt: skip
            try:
                end()
            except BaseException as error:  # noqa: BLE001 - raised where the run is waited for
                execution.defect = execution.defect or error

    def _finish(self) -> None:
        """Called when no code is running any more, but output still appears."""

    def _left_open(self) -> "dict[ScopeUse, Lease]":
        """The leases that stay open for later runs."""
        return self.scopes.finish()

    def _judged(self) -> State:
        """The final state, after the flow's handlers."""
        raise NotImplementedError

    def _outcome(self) -> State:
        """The final state.

        Raises:
            BaseException: an internal error that ended the run.
        """
        KEEPER.await_signal()
        if self.execution.defect is not None:
            raise self.execution.defect
        return self.state

    # ---- the user's handlers and hooks

    def _handled(self, before: State, state: State) -> State:
        token = CURRENT.set(self._slot)
        try:
            for handler in self.flow.state_handlers:
                chosen = call_user_code(handler, self.flow, before, state)
                if isinstance(chosen, State):
                    state = chosen
            if state.code == RUNNING:
                Run._run_hooks(self, state)
        except BaseException as error:  # noqa: BLE001 - the user's code
            message = f"flow {self.flow.name!r}: a state handler raised {text_of(error)}"
            return Failed(message, TaskStates(self.execution))
        finally:
            CURRENT.reset(token)
        return state

    def _run_hooks(self, state: State) -> None:
        hooks = hooks_of(self.flow, state.code)
        call_hooks(hooks, self.flow, self, state, self.execution.output.report)
