"""`FlowRun`: one run of a flow that was built before.

Mistakes in the options are found before anything begins. The caller's thread concludes the run of
``flow.run``, a supervisor's that of ``flow.start``.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self

from resnb.errors import RunError
from resnb.graph.tasks.task import Task
from resnb.run.caching.lasting import kept_tasks
from resnb.run.engine.clock import Clock
from resnb.run.engine.execution import Execution
from resnb.run.engine.interrupts import Interrupts
from resnb.run.engine.result import TaskStates
from resnb.run.engine.slots import internal_lines
from resnb.run.engine.verdict import first_failure, flow_state
from resnb.run.executors.threads import ThreadExecutor, start_supervisor
from resnb.run.lifecycle import Run
from resnb.run.memory import memory_of
from resnb.run.output.notices import notice
from resnb.run.resume import kept_states, without_gone_resources, without_let_go
from resnb.run.scheduling.compiling import compiled
from resnb.states import Running, State

if TYPE_CHECKING:
    from collections.abc import Collection as Tasks

    from resnb.graph.flow import Flow
    from resnb.graph.resources.scope import ScopeUse
    from resnb.ledger.kernel.lease import Lease
    from resnb.run.caching.printed import Printed


class FlowRun(Run):
    """One run of a flow.

    Args:
        flow: the flow.
        parameters: values by parameter name.
        executor: what runs the tasks; threads by default.
        task_states: states of tasks that need not run, or the state of an earlier run.
        only: the tasks to run; None for all.
        quiet: whether to write no line about what failed.
        clock: time.

    Raises:
        OptionError: a parameter is missing or unknown.
        RunError: `executor` is none.
    """

    def __init__(
        self,
        flow: "Flow",
        parameters: Mapping[str, Any],
        executor: Any = None,
        *,
        task_states: Mapping[Task, State] | State | None = None,
        only: "Tasks[Task] | None" = None,
        quiet: bool = False,
        clock: Clock | None = None,
    ) -> None:
        executor = executor if executor is not None else ThreadExecutor()
        if not hasattr(executor, "start"):
            message = f"executor={executor!r} is no executor: use ThreadExecutor or LocalExecutor"
            raise RunError(message)
        memory = memory_of(flow)
        self._whole = only is None
        opened = {
            use: lease
            for use, lease in memory.open_leases.items()
            if use.scope in flow.scopes and lease.state == "open"
        }
        resumes = isinstance(task_states, State)
        if isinstance(task_states, State):
            task_states = kept_states(flow, task_states, parameters)
        given = without_let_go(flow, {**memory.given_by(opened), **(task_states or {})}, only)
        if task_states and self._whole:
            scopes_open = {use.scope for use in opened}
            given = without_gone_resources(flow, given, scopes_open, fresh=resumes)
        kept, printed = kept_tasks(flow), dict[Task, "Printed"]()
        if kept:
            given, printed = self._with_kept_values(flow, kept, parameters, given, opened)
        plan = compiled(flow, parameters, given, only)
        if kept:
            from resnb.run.caching.tasks import looking_first

            rows = [plan.row_of[task] for task in kept if task in plan.row_of]
            left = [row for row in rows if row not in plan.given]
            nodes = [plan.nodes[row] for row in left]
            for row, code in zip(left, looking_first(flow, nodes, parameters), strict=True):
                plan.functions[row] = code or plan.functions[row]
        super().__init__(flow, plan, parameters, executor, opened, clock=clock)
        self._quiet = quiet
        self._printed = [
            (plan.row_of[task], *text)
            for task, texts in printed.items()
            if task in plan.row_of
            for text in texts
        ]

    def _with_kept_values(
        self,
        flow: "Flow",
        kept: "Tasks[Task]",
        parameters: Mapping[str, Any],
        given: Mapping[Task, State],
        opened: "Mapping[ScopeUse, Lease]",
    ) -> "tuple[dict[Task, State], dict[Task, Printed]]":
        """`given`, with the states of tasks whose values are kept on disk; and what these printed.

        A scope in which nothing has to run is not set up.
        """
        from resnb.run.caching.tasks import found_before

        found, printed = found_before(flow, kept, parameters, given)
        given = {**found, **given}
        if found and self._whole:
            scopes_open = {use.scope for use in opened}
            given = without_gone_resources(flow, given, scopes_open, fresh=True)
        return given, printed

    def interrupted(self) -> None:
        """Cancel the run because the wait for it was broken, and say what is still awaited."""
        self.cancel()
        self._inbox.put("interrupted")

    def cancel(self) -> None:
        """Cancel the run: tasks that have not begun are given up, open scopes are cleaned up.

        Returns at once; running code is asked to stop, and given 30 s for it.
        """
        if self._final is None:
            with internal_lines(), Interrupts() as interrupts:  # perhaps a task calls this
                self.engine.cancel()
            interrupts.deliver()

    # ---- for the runner

    def run(self) -> State:
        """Run on the calling thread until everything has ended."""
        with Interrupts(self._interrupted, self.patience.end) as interrupts:
            workers = self._begin(interrupts.note)
            self._await_end(interrupts.note, workers.drive)
            self._conclude(workers)
        interrupts.deliver()
        return self._outcome()

    def start(self) -> Self:
        """Run in the background."""
        self.launch().deliver()
        return self

    def launch(self, when_concluded: Callable[[], object] | None = None) -> Interrupts:
        """Run in the background.

        Args:
            when_concluded: called at the end, on some thread.

        Returns:
            The exceptions that came while it began; the first of them has cancelled the run.
        """
        if when_concluded is not None:
            self._conclusion.calls.append(when_concluded)

        def supervise() -> None:
            broken = Interrupts(self._interrupted)
            self._await_end(broken.note, workers.drive)
            self.execution.defect = self.execution.defect or next(iter(broken.noted), None)
            self._conclude(workers)

        with Interrupts(self._interrupted) as interrupts:
            workers = self._begin(interrupts.note)
            try:
                start_supervisor(supervise)
            except BaseException as error:  # noqa: BLE001 - raised once the run has ended
                interrupts.note(error)
                supervise()
        return interrupts

    def _remember(self) -> None:
        self.memory.begin(self.execution, whole=self._whole)

    def _prepare(self) -> Any:
        workers = super()._prepare()
        for row, stream, text in self._printed:
            self.execution.output.write(row, stream, text)
        return workers

    def _outcome(self) -> State:
        """The final state; the first caller that waits for it is told on stderr what failed."""
        state = super()._outcome()
        if not self._quiet:
            self._quiet = True
            failed = first_failure(self.execution)
            if failed and not state.is_cancelled():
                how = "failed" if state.is_failed() else f"ended as {state.name}, but"
                notice(f"flow {self.flow.name!r} {how}: {failed}")
        return state

    def _judged(self) -> State:
        execution, refusal = self.execution, self._refusal
        if refusal is not None:
            if not isinstance(refusal.result, Mapping):
                refusal.result = TaskStates(execution)
            return refusal
        references = self.flow.reference_tasks() if self._whole else _ends_of(execution)
        return self._handled(Running(), flow_state(execution, references))


def _ends_of(execution: Execution) -> list[Task]:
    """The tasks of a partial run that only clean-ups wait for."""
    plan = execution.plan
    return [
        task
        for row, task in enumerate(plan.tasks)
        if task.kind != "cleanup"
        and row not in plan.given
        and all(plan.tasks[after].kind == "cleanup" for after in plan.downstream[row])
    ]
