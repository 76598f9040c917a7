"""What a flow remembers between runs: the latest state and value of each task, and open scopes.

It answers from the latest run's arrays, and keeps the states of tasks that this run did not
cover. A value is forgotten when its task, or one that the task depends on, is replaced.
"""

from collections import ChainMap, Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from weakref import ref

from resnb.errors import LeaseLost, NoValueError, as_word
from resnb.graph.resources.scope import WHOLE, Scope, ScopeUse
from resnb.graph.tasks.task import Task
from resnb.ledger import states as lease_states
from resnb.ledger.clock import now
from resnb.ledger.kernel.lease import Lease
from resnb.run.engine.result import state_of
from resnb.run.scheduling.sampling import StateReader
from resnb.run.scheduling.scope_rows import in_order
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


_BY_URGENCY = (
    lease_states.FAILED, "with the reaper", lease_states.LOOKING, lease_states.OPENING,
    lease_states.CLOSING, lease_states.OPEN, lease_states.KEPT, lease_states.CLOSED,
)  # fmt: skip


class FlowMemory:
    """The memory of one flow.

    Attributes:
        open_leases: leases that `%%flow --run` left open, by the use of a scope.
        code: the state of the latest run.
        latest_run: that run; None if there was none, or tasks of it were replaced since.
        final: the final state of a ``@flow`` function's latest run.
        stale: the tasks whose values are out of date, and why; for views.
    """

    def __init__(self, flow: "Flow") -> None:
        self.flow_name = flow.name
        self._flow = ref(flow)
        self.open_leases: dict[ScopeUse, Lease] = {}
        self.code = PENDING
        self.final: State | None = None
        self.latest_run: Execution | None = None
        self.stale: Mapping[Task, str] = {}
        self._leases: Mapping[ScopeUse, Lease] = {}
        self._kept: dict[Task, State] = {}
        self._still_failed: frozenset[Task] = frozenset()
        self._reader: StateReader | None = None

    # ---- written by runs

    def begin(self, execution: "Execution", *, whole: bool) -> None:
        """`execution` is the latest run from now on; a partial one leaves older states in place."""
        self.stale = {
            task: why for task, why in self.stale.items() if task not in execution.plan.row_of
        }
        had_failed = self.flow_code() == FAILED
        leases = ChainMap(execution.scopes.leases, self._leases_but_of(execution.plan, whole=whole))
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
        self._leases = leases

    def forget(self, tasks: Iterable[Task]) -> None:
        """Drop what is known of `tasks`, because they or what they depend on were replaced."""
        self._keep_states()
        self.latest_run, self._reader = None, None
        forgotten = tuple(tasks)
        self._still_failed = self._still_failed.difference(forgotten)
        for task in forgotten:
            self._kept.pop(task, None)

    def take_over(self, old: Task, new: Task) -> None:
        """`new` has taken the place of `old`, and is made of the same: it has the same state."""
        self.forget(())
        self._kept[new] = self._kept.pop(old, Pending())

    def let_go(self, uses: Iterable[ScopeUse]) -> None:
        """What is open for these uses was closed: no run uses it again, and views show its end."""
        ended = {use: lease for use in uses if (lease := self.open_leases.pop(use, None))}
        self._leases = {**self._leases, **ended}

    def _keep_states(self) -> None:
        """Keep the final states of the latest run, which is about to be forgotten."""
        if self.latest_run is not None:
            for task, row in self.latest_run.plan.row_of.items():
                state = state_of(self.latest_run, row)
                if state.is_finished():
                    self._kept[task] = state

    def _leases_but_of(self, plan: "Plan", *, whole: bool) -> dict[ScopeUse, Lease]:
        """The latest leases of the scopes that `plan` leaves as they are.

        In a whole run these are the ones that have been set up, as it is told.
        """
        if whole:
            scopes = {one.scope for one in plan.scopes if _is_set_up(plan.given.get(one.setup))}
        else:
            scopes = set(plan.flow.scopes) - _set_up_by(plan)
        return {use: lease for use, lease in self._leases.items() if use.scope in scopes}

    def _forget_clean_ups(self, plan: "Plan") -> None:
        """Forget how what `plan` sets up again was cleaned up before."""
        for scope in _set_up_by(plan):
            self._kept.pop(scope.cleanup_task, None)

    # ---- for runs

    def given_by(self, opened: Mapping[ScopeUse, Lease]) -> dict[Task, State]:
        """The states of what need not run again: init and set-up of what is open.

        If only some items of a mapped scope are open, the others are pending.
        """
        given: dict[Task, State] = {}
        items: dict[Task, list[State]] = {}
        for (scope, item), lease in opened.items():
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

        The state of a scope's variable is that of its lease. It makes no difference to a saved
        notebook whether a value was computed or found.
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
            return self._resource_of(task)
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

    def lease_of(self, scope: Scope, item: int = WHOLE) -> Lease | None:
        """The latest lease of `scope`, or of an item of it."""
        use = ScopeUse(scope, item)
        return self.open_leases.get(use) or self._leases.get(use)

    def leases_of(self, scope: Scope) -> dict[int, Lease]:
        """The latest leases of `scope` by item: one for each, or one for the whole of it."""
        if not scope.is_mapped:
            lease = self.lease_of(scope)
            return {} if lease is None else {WHOLE: lease}
        known = {**self._leases, **self.open_leases}
        found = {use.item: lease for use, lease in known.items() if use.scope is scope}
        return dict(sorted(found.items()))

    def _resource_of(self, setup: Task) -> Any:
        """The live resource; for a mapped scope a list, with None for what is not open."""
        scope: Scope = setup.scope
        leases = self.leases_of(scope)
        if not scope.is_mapped:
            return self._open_resource(scope, leases.get(WHOLE))
        opened = [one for one in leases.values() if one.state == lease_states.OPEN]
        if leases and not opened:
            return self._open_resource(scope, next(iter(leases.values())))
        if not leases and self.state_of(setup).code != MAPPED:
            return self._open_resource(scope, None)
        for one in opened:
            one.last_used = now()
        count = 1 + max(leases, default=-1)
        return [leases[item].resource if item in leases else None for item in range(count)]

    def _open_resource(self, scope: Scope, lease: Lease | None) -> Any:
        if lease is not None and lease.state == lease_states.OPEN:
            lease.last_used = now()
            return lease.resource
        if lease is not None and lease.is_lost:
            raise LeaseLost(f"resource {scope.name!r} was taken away: {lease.reason}")
        state = "is not set up" if lease is None else f"is {lease.state}"
        message = (
            f"resource {scope.name!r} {state}: it has a value while its scope is open, inside a "
            f"task or after a cell with {scope.clause} --run"
        )
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
        """The latest states of `tasks` as codes; fast if asked again with the same ones."""
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

    def lease_state(self, scope: Scope) -> str:
        """The state of the scope's latest lease; of several leases, the most urgent state."""
        return next(iter(self.lease_states(scope)), "not yet")

    def lease_states(self, scope: Scope) -> dict[str, int]:
        """How many of the scope's latest leases are in each state, the most urgent state first."""
        found = [lease_word(lease) for lease in self.leases_of(scope).values()]
        return {state: found.count(state) for state in _BY_URGENCY if state in found}

    def leases(self) -> list[Lease]:
        """The latest lease of each scope, and each item of a mapped one, that had one."""
        return [lease for _, lease in in_order({**self._leases, **self.open_leases})]

    @property
    def link(self) -> str:
        """The address of the dashboard of the cluster that the latest run uses; empty for none."""
        remote = None if self.latest_run is None else self.latest_run.remote
        return "" if remote is None else remote.link

    def flow_code(self) -> int:
        """The state of the latest run; failed after a part if something else still has."""
        if self._still_failed and FIRST_FINISHED <= self.code < FIRST_UNSUCCESSFUL:
            return FAILED
        return self.code


def _set_up_by(plan: "Plan") -> set[Scope]:
    """The scopes that `plan` sets up."""
    return {one.scope for one in plan.scopes if one.setup >= 0 and one.setup not in plan.given}


def _is_set_up(state: State | None) -> bool:
    """Whether there is a lease of the set-up with that given state; a cached one was passed in."""
    if state is None or state.is_skipped() or state.is_cached():
        return False
    return state.is_successful()


def lease_word(lease: Lease | None) -> str:
    """The word that views use for the state of `lease`."""
    if lease is None:
        return "not yet"
    if lease.left_as == lease_states.LOOKING:
        return lease.left_as
    return "with the reaper" if lease.is_with_reaper else lease.state


def memory_of(flow: "Flow") -> FlowMemory:
    """The memory of `flow`, made if it has none."""
    if not isinstance(flow.memory, FlowMemory):
        flow.memory = FlowMemory(flow)
    return flow.memory
