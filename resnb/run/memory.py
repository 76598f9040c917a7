"""What a flow remembers between runs: the latest state and value of each task, and open scopes.

It answers from the latest run's arrays, and keeps the states of tasks that had no part in that run.
A value is forgotten when its task, or one that the task depends on, is replaced.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from weakref import ref

from resnb.errors import NoValueError, as_word
from resnb.graph.resources.scope import WHOLE, Scope, ScopeUse
from resnb.graph.tasks.task import Task
from resnb.ledger import states as lease_states
from resnb.ledger.kernel.lease import Lease
from resnb.run.engine.result import state_of
from resnb.run.lease_memory import LeaseMemory, set_up_by
from resnb.run.scheduling.sampling import StateReader
from resnb.states import (
    FAILED,
    FIRST_FINISHED,
    FIRST_UNSUCCESSFUL,
    FOUND,
    MAPPED,
    PENDING,
    Cached,
    Mapped,
    Pending,
    State,
    has_let_go,
)

if TYPE_CHECKING:
    from resnb.graph.flow import Flow
    from resnb.run.engine.execution import Execution
    from resnb.run.scheduling.plan import Plan


class FlowMemory:
    """The memory of one flow.

    Attributes:
        code: the state of the latest run.
        latest_run: that run; None if there was none, or tasks of it were replaced since.
        final: the final state of a ``@flow`` function's latest run.
        stale: the tasks whose values are out of date, and why; for views.
    """

    def __init__(self, flow: "Flow") -> None:
        self.flow_name = flow.name
        self._flow = ref(flow)
        self.code = PENDING
        self.final: State | None = None
        self.latest_run: Execution | None = None
        self.stale: Mapping[Task, str] = {}
        self._scopes = scopes = LeaseMemory()
        self.leases, self.let_go = scopes.all, scopes.let_go
        self.lease_of, self.leases_of = scopes.of, scopes.by_item
        self.lease_state, self.lease_states = scopes.state, scopes.states
        self._kept: dict[Task, State] = {}
        self._still_failed: frozenset[Task] = frozenset()
        self._reader: StateReader | None = None

    @property
    def open_leases(self) -> dict[ScopeUse, Lease]:
        """The leases that the latest run has left open, by the use of a scope."""
        return self._scopes.open

    @open_leases.setter
    def open_leases(self, leases: dict[ScopeUse, Lease]) -> None:
        self._scopes.open = leases

    # ---- written by runs

    def begin(self, execution: "Execution", *, whole: bool) -> None:
        """Make `execution` the latest run; a partial one leaves older states in place."""
        self.stale = {
            task: why for task, why in self.stale.items() if task not in execution.plan.row_of
        }
        had_failed = self.flow_code() == FAILED
        if whole:
            self._kept = {}
        else:
            self._keep_states()
            self._forget_clean_ups(execution.plan)
            for row in execution.plan.given:  # the run answers for them, and may let them go
                self._kept.pop(execution.plan.tasks[row], None)
        self._still_failed = frozenset(
            task
            for task, state in self._kept.items()
            if had_failed and state.is_failed() and task not in execution.plan.row_of
        )
        self.latest_run, self._reader = execution, None
        self._scopes.begin(execution, whole=whole)

    def forget(self, tasks: Iterable[Task]) -> None:
        """Drop what is known of `tasks`, because they or what they depend on were replaced."""
        self._keep_states()
        self.latest_run, self._reader = None, None
        forgotten = tuple(tasks)
        self._still_failed = self._still_failed.difference(forgotten)
        for task in forgotten:
            self._kept.pop(task, None)

    def take_over(self, old: Task, new: Task) -> None:
        """Give `new`, which replaces `old` and is made of the same things, the state of `old`."""
        self.forget(())
        self._kept[new] = self._kept.pop(old, Pending())

    def _keep_states(self) -> None:
        """Keep the final states of the latest run, which is about to be forgotten."""
        if self.latest_run is not None:
            for task, row in self.latest_run.plan.row_of.items():
                state = state_of(self.latest_run, row)
                if state.is_finished():
                    self._kept[task] = state

    def _forget_clean_ups(self, plan: "Plan") -> None:
        """Forget the earlier clean-ups of the scopes that `plan` sets up again."""
        for scope in set_up_by(plan):
            self._kept.pop(scope.cleanup_task, None)

    # ---- for runs

    def given_by(self, opened: Mapping[ScopeUse, Lease]) -> dict[Task, State]:
        """The states of the tasks that need not run again: init and set-up of open scopes.

        If only some items of a mapped scope are open, the others are pending. A scope whose
        arguments come from tasks is left out: its init finds out whether they are the same.
        """
        flow = self._flow()
        given: dict[Task, State] = {}
        items: dict[Task, list[State]] = {}
        for (scope, item), lease in opened.items():
            node = None if flow is None else flow.nodes.get(scope.init_task)
            if node is not None and node.upstream:
                continue
            made = (scope.init_task, lease.manager), (scope.setup_task, lease.resource)
            for task, value in made:
                state = Cached("the scope is open", value)
                if item == WHOLE:
                    given[task] = state
                    continue
                if task not in items:
                    known = getattr(self.state_of(task), "map_states", ())
                    items[task] = [Pending() for _ in known]
                states = items[task]
                states += [Pending() for _ in range(item + 1 - len(states))]
                states[item] = state
        for task, states in items.items():
            given[task] = Mapped("", [one.kept for one in states], states)
        return given

    # ---- for handles

    def state_of(self, task: Task) -> State:
        """The latest state of `task`."""
        found = self.row_of(task)
        return self._kept.get(task, Pending()) if found is None else state_of(*found)

    def outlook(self, task: Task) -> tuple[str, bool]:
        """The latest state of `task` in a word, and whether `value_of` gives its value.

        The state of a scope's variable is that of its lease. A value that was found on disk counts
        as computed, so that a saved notebook is the same either way.
        """
        if task.kind != "setup":
            state = self.state_of(task)
            word = "success" if state.message == FOUND else state.name.lower()
            has_value = state.is_successful() and not (state.is_skipped() or has_let_go(state))
            return word, has_value
        scope: Scope = task.scope
        word = self.lease_state(scope)
        return ("not set up" if word == "not yet" else word), word == lease_states.OPEN

    def value_of(self, task: Task) -> Any:
        """The latest value of `task`.

        Raises:
            LeaseLost: the reaper has taken the resource away.
            NoValueError: there is none; the message says why, and what to do.
        """
        if task.kind == "setup":
            has_items = self.code_of(task) == MAPPED
            return self._scopes.resource(task.scope, has_items=has_items)
        state = self.state_of(task)
        if state.is_successful() and not state.is_skipped():
            return state.result
        flow, run = self._flow(), f"%flow run {as_word(self.flow_name)}"
        name = task.name if flow is None else flow.label_of(task)
        if state.is_skipped():
            message = f"task {name!r} was skipped, so it has no value: {state.message}"
        elif state.is_failed():
            message = f"task {name!r} has no value: it failed ({state.message})"
        elif state.is_running():
            message = f"task {name!r} has no value yet: it is running"
        else:
            message = f"task {name!r} has no value yet: run the flow ({run}, or flow.run())"
        raise NoValueError(message)

    # ---- for views

    def row_of(self, task: Task) -> "tuple[Execution, int] | None":
        """The latest run and the task's row in it; None if the task had no part in it."""
        execution = self.latest_run
        row = None if execution is None else execution.plan.row_of.get(task)
        return None if execution is None or row is None else (execution, row)

    def code_of(self, task: Task) -> int:
        """The latest state of `task` as a code."""
        if (found := self.row_of(task)) is None:
            return self._kept.get(task, Pending()).code
        execution, row = found
        return execution.table.state[row]

    def codes_of(self, tasks: Sequence[Task]) -> bytes:
        """The latest states of `tasks` as codes; fast if called again with the same tuple."""
        reader = self._reader
        if reader is None or reader.tasks is not tasks:
            run = self.latest_run
            rows, table = ({}, b"") if run is None else (run.plan.row_of, run.table.state)
            reader = self._reader = StateReader(tasks, rows, table, self._kept)
        return reader.codes()

    def child_counts(self, task: Task) -> Mapping[int, int]:
        """How many children of a mapped task are in each state."""
        if (found := self.row_of(task)) is None:
            return Counter(one.code for one in getattr(self._kept.get(task), "map_states", ()))
        execution, row = found
        block = execution.mapped.children.get(row)
        return {} if block is None else execution.table.counts(block.first, block.last)

    def duration_of(self, task: Task) -> float | None:
        """How long the task took, in seconds."""
        if (found := self.row_of(task)) is None:
            return None
        table, row = found[0].table, found[1]
        started, ended = table.started[row], table.ended[row]
        return ended - started if started and ended else None

    def tries_of(self, task: Task) -> int:
        """How many tries of the task have begun."""
        found = self.row_of(task)
        return 0 if found is None else found[0].table.tries[found[1]]

    def log_of(self, task: Task) -> str:
        """What the task printed in the latest run."""
        found = self.row_of(task)
        return "" if found is None else found[0].output.log_of(found[1])

    @property
    def link(self) -> str:
        """The address of the dashboard of the cluster that the latest run uses; empty for none."""
        remote = None if self.latest_run is None else self.latest_run.remote
        return "" if remote is None else remote.link

    def flow_code(self) -> int:
        """The state of the latest run, or FAILED if a failure that it left out still stands."""
        if self._still_failed and FIRST_FINISHED <= self.code < FIRST_UNSUCCESSFUL:
            return FAILED
        return self.code


def memory_of(flow: "Flow") -> FlowMemory:
    """The memory of `flow`, made if it has none."""
    if not isinstance(flow.memory, FlowMemory):
        flow.memory = FlowMemory(flow)
    return flow.memory
