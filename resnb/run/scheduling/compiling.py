"""Compiles a flow, or a part of one, into the plan of one run.

The scheduler knows nothing but rows and numbers: edges that follow from scopes are written out.
"""

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from resnb.errors import ArgumentError, GraphError, nearest
from resnb.graph.base.options import did_you_mean, elsewhere
from resnb.graph.base.stand_in import StandIn
from resnb.graph.base.triggers import Trigger, all_successful
from resnb.graph.resources.scope import no_executor
from resnb.graph.tasks.task import Task
from resnb.run.resume import is_over
from resnb.run.scheduling.plan import WORKER, Plan, lane_of, send_away
from resnb.run.scheduling.scope_edges import add_scopes
from resnb.states import Mapped

if TYPE_CHECKING:
    from collections.abc import Collection as Tasks

    from resnb.graph.flow import Flow
    from resnb.graph.node import Neighbours, Node
    from resnb.states import State

_RUN_OPTIONS = ("parameters", "executor", "task_states", "quiet")


@contextmanager
def _no_collection() -> Iterator[None]:
    """A block that makes many lasting objects, and no cyclic garbage.

    The garbage collector runs after so many new objects, and would search all objects in vain.
    """
    if not gc.isenabled():  # the user has disabled it, or another run is in its block
        yield
        return
    try:
        gc.disable()
        yield
    finally:
        gc.enable()


@_no_collection()
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
        only: the tasks to run; what else they need must be in `given`. None for all.

    Raises:
        ArgumentError: a parameter is missing or unknown.
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
    add_scopes(plan)
    _read_tasks(plan)
    _set_parameters(plan, parameters)
    if any(scope.executes for scope in flow.scopes):
        send_away(plan)
    return plan


def _wire(plan: Plan) -> None:
    row_of = plan.row_of
    if len(row_of) == len(plan.flow.nodes):
        row = row_of.__getitem__
        plan.upstream = [tuple(map(row, node.upstream)) for node in plan.nodes]
        plan.downstream = [tuple(map(row, node.downstream)) for node in plan.nodes]
        return
    plan.upstream = [_rows_of(node.upstream, row_of) for node in plan.nodes]
    plan.downstream = [_rows_of(node.downstream, row_of) for node in plan.nodes]


def _rows_of(tasks: "Neighbours", row_of: "Mapping[Task, int]") -> tuple[int, ...]:
    return tuple([row_of[one] for one in tasks if one in row_of])


def check_mapped(flow: "Flow") -> None:
    """Make sure that all three tasks of each scope are mapped, or none of them.

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


def _read_tasks(plan: Plan) -> None:
    count = len(plan.tasks)
    judged, special = bytearray(count), bytearray(count)
    references, functions, upstream = plan.references, plan.functions, plan.upstream
    for row, node in enumerate(plan.nodes):
        task = node.task
        functions.append(task.run)
        if task.trigger is not all_successful:
            judged[row] = 1
            if not isinstance(task.trigger, Trigger):
                special[row] = 1
        if (lane := lane_of(node)) != WORKER:
            judged[row] = special[row] = 1
            plan.lanes[row] = lane
        if (
            task.timeout is not None
            or task.on_completion
            or task.on_running
            or node.mapped
            or (node.control and node.is_mapped)
        ):
            special[row] = 1
        if task.state_handlers or task.on_failure or task.on_cancellation:
            special[row] = 1
            plan.watched.add(row)
        if node.values is node.upstream and len(upstream[row]) == len(node.names):
            references.append(tuple(upstream[row]))  # the same tuple
        else:
            references.append(_references(plan, node))
    plan.judged, plan.special = judged, special


def _references(plan: Plan, node: "Node") -> tuple[int, ...] | None:
    """The rows whose values are the arguments of `row`, if that is all it takes."""
    if node.positional != len(node.names) or node.flattened:
        return None
    rows = [plan.row_of.get(one, -1) if isinstance(one, Task) else -1 for one in node.values]
    return None if -1 in rows else tuple(rows)  # constants need not hash


def _set_parameters(plan: Plan, parameters: Mapping[str, Any]) -> None:
    for row, task in enumerate(plan.tasks):
        if task.kind != "parameter":
            continue
        if task.name in parameters:
            _refuse_handle(plan.flow.name, task.name, parameters[task.name])
            value = task.converted(parameters[task.name])
            plan.functions[row] = _constant(value)
        elif (
            task.required
            and row not in plan.given
            and (task.is_wanted or plan.flow.nodes[task].downstream)
        ):
            message = (
                f"flow {plan.flow.name!r} needs parameter {task.name!r}: pass "
                f"{task.name}=... to the run, or give it a default"
            )
            raise ArgumentError(message)
    unknown = parameters and parameters.keys() - {one.name for one in plan.flow.parameters()}
    if unknown:
        known = sorted(one.name for one in plan.flow.parameters())
        name, names = min(unknown), ", ".join(known) or "none"
        options = () if plan.grows else _RUN_OPTIONS
        near = nearest(name, [*known, *options])
        hint = did_you_mean([repr(near)] if near else elsewhere(name))
        message = f"flow {plan.flow.name!r} has no parameter {name!r} (its parameters: {names})"
        raise ArgumentError(message + (hint and f"; {hint}"))


def _refuse_handle(flow: str, name: str, value: Any) -> None:
    """Refuse a task where a run takes a value: mostly the parameter itself, by its variable."""
    if isinstance(value, StandIn):
        message = (
            f"flow {flow!r}, parameter {name!r}: {value.explained()}; pass a value, or leave "
            f"{name} out for its default"
        )
        raise ArgumentError(message)


def _constant(value: Any) -> Callable[[], Any]:
    return lambda: value
