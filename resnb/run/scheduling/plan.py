"""A flow (or a part of it) as arrays: what a run needs, worked out once and never changed.

Row numbers follow the order in which tasks were added. Edges that follow from scopes are
written out, so that the scheduler knows tasks and numbers only.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from resnb.errors import GraphError, OptionError
from resnb.graph.arguments import Collection, Constant
from resnb.graph.base.triggers import Trigger, all_successful
from resnb.graph.resources.scope import no_executor
from resnb.run.engine.gc_pause import no_collection
from resnb.run.resume import is_over
from resnb.states import Mapped

if TYPE_CHECKING:
    from collections.abc import Collection as Tasks

    from resnb.graph.arguments import Input
    from resnb.graph.flow import Flow
    from resnb.graph.node import Node
    from resnb.graph.resources.scope import Scope
    from resnb.graph.tasks.task import Task
    from resnb.states import State

WORKER, LEASE, LOOP, REMOTE = 0, 1, 2, 3
"""Where a row's code runs: on the executor, on its scope's lease thread, on the loop thread, or
on a cluster."""


class PlannedScope(NamedTuple):
    """A scope's own rows, and those of its members (-1: not part of this run)."""

    scope: "Scope"
    init: int
    setup: int
    cleanup: int
    members: Sequence[int]


class Plan:
    """The arrays of a run.

    Attributes:
        flow: the flow.
        tasks: the task of each row.
        nodes: its node.
        row_of: the row of each task.
        upstream: the rows that a row waits for.
        downstream: the rows that wait for a row.
        references: the rows whose values are a row's arguments, where these are all plain
            references passed by position; None where they have to be assembled.
        functions: each row's code.
        judged: 1 where more than "all upstream rows succeeded" decides whether a row runs.
        special: 1 where running a row takes more than calling its code.
        watched: the rows whose tasks have handlers or hooks that are called without a run, too.
        lanes: where the code of a row runs, if not on the executor.
        scopes: the scopes.
        scope_of: for each own row and each member of a scope the scope's index.
        given: the final states that were given to the run.
        remote: the rows that run on a cluster: that of a scope, or (None) the whole run's.
        kept: for mapped rows of which some children need not run again, the children's states.
    """

    def __init__(self, flow: "Flow") -> None:
        self.flow = flow
        self.tasks: list[Task] = []
        self.nodes: list[Node] = []
        self.row_of: dict[Task, int] = {}
        self.upstream: list[list[int]] = []
        self.downstream: list[list[int]] = []
        self.references: list[tuple[int, ...] | None] = []
        self.functions: list[Callable[..., Any]] = []
        self.judged = bytearray()
        self.special = bytearray()
        self.watched: set[int] = set()
        self.lanes: dict[int, int] = {}
        self.scopes: list[PlannedScope] = []
        self.scope_of: dict[int, int] = {}
        self.given: dict[int, State] = {}
        self.remote: dict[int, Scope | None] = {}
        self.kept: dict[int, list[State]] = {}

    def scopes_around(self, row: int) -> list[int]:
        """The scopes around `row`, from the inside out; those of its own task included."""
        index = self.scope_of.get(row, -1)
        if index < 0:
            return []
        return [
            known
            for scope in self.scopes[index].scope.around()
            for known, planned in enumerate(self.scopes)
            if planned.scope is scope
        ]


@no_collection()
def compiled(
    flow: "Flow",
    parameters: Mapping[str, Any],
    given: "Mapping[Task, State]",
    only: "Tasks[Task] | None" = None,
) -> Plan:
    """The plan of one run.

    Args:
        flow: the flow.
        parameters: values by parameter name.
        given: final states of tasks that need not run.
        only: the tasks to run; what they need besides must be in `given`. None for all.

    Raises:
        OptionError: a parameter is missing or unknown.
        GraphError: a scope is mapped in part.
    """
    check_mapped(flow)
    plan = Plan(flow)
    nodes = flow.nodes
    if only is not None:
        wanted = set(only)
        for task in only:
            wanted.update(nodes[task].upstream)
        nodes = {task: node for task, node in nodes.items() if task in wanted}
    plan.tasks = list(nodes)
    plan.nodes = list(nodes.values())
    plan.row_of = {task: row for row, task in enumerate(nodes)}
    for task, state in given.items():
        row = plan.row_of.get(task)
        if row is None:
            continue
        if is_over(state):
            plan.given[row] = state
        elif isinstance(state, Mapped):
            plan.kept[row] = state.map_states
    _wire(plan)
    _add_scopes(plan)
    _read_tasks(plan)
    _set_parameters(plan, parameters)
    if any(scope.executes for scope in flow.scopes):
        send_away(plan)
    return plan


def _wire(plan: Plan) -> None:
    row_of = plan.row_of
    if len(row_of) == len(plan.flow.nodes):
        plan.upstream = [[row_of[one] for one in node.upstream] for node in plan.nodes]
        plan.downstream = [[row_of[one] for one in node.downstream] for node in plan.nodes]
        return
    plan.upstream = [[row_of[o] for o in node.upstream if o in row_of] for node in plan.nodes]
    plan.downstream = [[row_of[o] for o in node.downstream if o in row_of] for node in plan.nodes]


def _add_scopes(plan: Plan) -> None:
    row_of = plan.row_of
    for index, scope in enumerate(plan.flow.scopes):
        members = tuple(row_of[task] for task in scope.members if task in row_of)
        own = init, setup, cleanup = [row_of.get(task, -1) for task in scope.own_tasks]
        planned = PlannedScope(scope, init, setup, cleanup, members)
        plan.scopes.append(planned)
        for row in (*own, *members):
            if row >= 0 and (row in own or row not in plan.scope_of):
                plan.scope_of[row] = index
        _link_members(plan, planned)
    if plan.scopes:
        _order_late_cleanups(plan)


def _link_members(plan: Plan, planned: PlannedScope) -> None:
    """Let members wait for set-up, and clean-up for members: the edges that follow from a scope.

    Only those that run count. Where a part of the flow runs, another member than in the whole
    flow may be the first one inside. Clean-up waits for every member, not only for the last
    ones, for these may be cancelled while the code of an earlier one is still running.
    """
    running = {plan.tasks[row]: row for row in planned.members if row not in plan.given}
    setup, cleanup = planned.scope.setup_task, planned.scope.cleanup_task
    after_setup, before_cleanup = [], []
    is_outside, nodes = running.keys().isdisjoint, plan.nodes
    for row in running.values():
        node = nodes[row]
        if is_outside(node.upstream) and setup not in node.upstream:
            after_setup.append(row)
        if cleanup not in node.downstream:
            before_cleanup.append(row)
    if planned.setup >= 0:
        plan.downstream[planned.setup] += after_setup
        for row in after_setup:
            plan.upstream[row].append(planned.setup)
    if planned.cleanup >= 0:
        plan.upstream[planned.cleanup] += before_cleanup
        for row in before_cleanup:
            plan.downstream[row].append(planned.cleanup)


def _order_late_cleanups(plan: Plan) -> None:
    """Let the clean-ups of scopes with ``lifetime="flow"`` wait for everything else, LIFO."""
    late = [s for s in plan.scopes if s.scope.options.lifetime == "flow" and s.cleanup >= 0]
    if not late:
        return
    cleanups = {planned.cleanup for planned in plan.scopes}
    last = [
        row
        for row, after in enumerate(plan.downstream)
        if row not in cleanups and all(one in cleanups for one in after)
    ]
    following = -1
    for planned in reversed(late):
        before = set(plan.upstream[planned.cleanup])
        for row in last:
            if row not in before:
                _link(plan, row, planned.cleanup)
        if following >= 0:
            _link(plan, following, planned.cleanup)
        following = planned.cleanup


def _link(plan: Plan, upstream: int, downstream: int) -> None:
    plan.upstream[downstream].append(upstream)
    plan.downstream[upstream].append(downstream)


def check_mapped(flow: "Flow") -> None:
    """Make sure that of each scope all three tasks are mapped or none.

    Raises:
        GraphError: an edge that was added later says otherwise, or one resource is needed.
    """
    for scope in flow.scopes:
        if len({flow.nodes[one].is_mapped for one in scope.own_tasks}) > 1:
            message = (
                f"scope {scope.name!r} is mapped by an edge to one of its own tasks: write "
                f"{scope.manager.name}.map(...) instead"
            )
            raise GraphError(message)
        if scope.executes and scope.is_mapped:
            raise GraphError(no_executor(scope))


SCOPE_KINDS = frozenset({"init", "setup", "cleanup"})


def _read_tasks(plan: Plan) -> None:
    count = len(plan.tasks)
    judged, special = bytearray(count), bytearray(count)
    references, functions = plan.references, plan.functions
    row_of = plan.row_of
    for row, node in enumerate(plan.nodes):
        task = node.task
        functions.append(task.run)
        if task.trigger is not all_successful:
            judged[row] = 1
            if not isinstance(task.trigger, Trigger):
                special[row] = 1
        signature = task._signature  # noqa: SLF001 - a cached property, read 10,000 times
        if task.kind in SCOPE_KINDS or (task.thread == "setup" and node.scope is not None):
            judged[row] = special[row] = 1
            plan.lanes[row] = LEASE
        elif signature is not None and signature.asynchronous:
            judged[row] = special[row] = 1
            plan.lanes[row] = LOOP
        if (
            task.timeout is not None
            or task.state_handlers
            or task.on_completion
            or node.mapped
            or (node.control and node.is_mapped)
        ):
            special[row] = 1
        if task.state_handlers or task.on_failure or task.on_cancellation:
            special[row] = 1
            plan.watched.add(row)
        inputs = node.inputs
        if node.positional == len(inputs) and not node.flattened:
            try:
                references.append(tuple([row_of[one] for one in inputs.values()]))  # type: ignore[index]
            except (KeyError, TypeError):
                references.append(None)
        else:
            references.append(None)
    plan.judged, plan.special = judged, special


def send_away(plan: Plan, *, whole: bool = False) -> None:
    """Let rows run on a cluster: those in a scope that is their executor, or all that can.

    Coroutines and what is bound to a scope's thread stay in the kernel, and so do parameters.
    """
    for row, task in enumerate(plan.tasks):
        if row in plan.lanes or row in plan.given or task.kind == "parameter":
            continue
        index = plan.scope_of.get(row, -1)
        around = plan.scopes[index].scope.around() if index >= 0 else ()
        scope = next((one for one in around if one.executes), None)
        if scope is not None or whole:
            plan.remote[row] = scope
    for row in plan.remote:
        plan.lanes[row] = REMOTE
        plan.judged[row] = 1
    for row in (*plan.remote, *plan.given):
        for after in plan.downstream[row]:
            plan.special[after] |= after not in plan.lanes  # its arguments have to be fetched


def _set_parameters(plan: Plan, parameters: Mapping[str, Any]) -> None:
    known = {}
    for row, task in enumerate(plan.tasks):
        if task.kind != "parameter":
            continue
        known[task.name] = task
        if task.name in parameters:
            value = task.converted(parameters[task.name])  # type: ignore[attr-defined]
            plan.functions[row] = _Given(value)
        elif task.required and row not in plan.given:  # type: ignore[attr-defined]
            message = (
                f"flow {plan.flow.name!r} needs parameter {task.name!r}: pass "
                f"{task.name}=... to the run, or give it a default"
            )
            raise OptionError(message)
    unknown = parameters.keys() - {task.name for task in plan.flow.parameters()}
    if unknown:
        names = ", ".join(sorted(one.name for one in plan.flow.parameters())) or "none"
        message = (
            f"flow {plan.flow.name!r} has no parameter {min(unknown)!r} (its parameters: {names})"
        )
        raise OptionError(message)


class _Given:
    """The code of a parameter that was given a value."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __call__(self) -> Any:
        return self.value


def argument(value: "Input", row_of: "Mapping[Task, int]", values: Any) -> Any:
    """The actual argument for `value`, from the run's values."""
    if isinstance(value, Constant):
        return value.value
    if isinstance(value, Collection):
        kind = value.kind
        parts = [argument(item, row_of, values) for item in value.items]
        if kind is dict:
            return dict(zip(parts[::2], parts[1::2], strict=True))
        return slice(*parts) if kind is slice else kind(parts)
    return values[row_of[value]]


__all__ = [
    "LEASE",
    "LOOP",
    "REMOTE",
    "SCOPE_KINDS",
    "WORKER",
    "Plan",
    "PlannedScope",
    "argument",
    "compiled",
    "send_away",
]
