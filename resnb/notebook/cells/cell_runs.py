"""``%%flow NAME --run``: which tasks run for one cell, and which scopes stay open after it.

What runs is what the cell added, and what that needs and has no value yet. The cell's ``--with``
scopes are set up unless they are open, and are not cleaned up; any other scope that is needed
is set up and cleaned up within this run.
"""

from collections.abc import Collection, Iterable, Mapping

from resnb.graph.flow import Flow
from resnb.graph.resources.scope import Scope
from resnb.graph.tasks.task import Task
from resnb.run.memory import FlowMemory, memory_of
from resnb.run.resume import is_over
from resnb.run.runner import RUNNER
from resnb.states import Cached, State


def run_part(flow: Flow, tasks: Collection[Task], held: Collection[Scope]) -> State:
    """Run what a cell added, and keep `held` open.

    Args:
        flow: the flow.
        tasks: the cell's tasks.
        held: the cell's ``--with`` scopes.
    """
    memory = memory_of(flow)
    wanted, given = selected(flow, tasks, held, memory)
    if not wanted:
        return Cached("there is nothing to run")
    return RUNNER.run_part(flow, wanted, parameters={}, task_states=given)


def selected(
    flow: Flow, tasks: Iterable[Task], held: Collection[Scope], memory: FlowMemory
) -> tuple[list[Task], Mapping[Task, State]]:
    """The tasks to run, and the states of those that need not.

    Args:
        flow: the flow.
        tasks: the cell's tasks.
        held: scopes that stay open, together with those around them.
        memory: what the flow remembers.
    """
    nodes = flow.nodes
    leases = {use: one for use, one in memory.open_leases.items() if one.state == "open"}
    opened, made = {use.scope for use in leases}, memory.given_by(leases)
    held = {outer for scope in held for outer in scope.around()}
    wanted: dict[Task, None] = {}
    given: dict[Task, State] = {}
    fresh = set(tasks)
    stack = [*tasks, *(one.setup_task for one in held if not is_over(made.get(one.setup_task)))]
    while stack:
        task = stack.pop()
        if task in wanted or task in given or task not in nodes:
            continue
        if task not in fresh:
            known = _known(task, memory, made)
            if known is not None:
                given[task] = known
                continue
        wanted[task] = None
        node = nodes[task]
        stack += node.upstream
        scope = flow.scope_of(task) if task.kind in ("init", "setup", "cleanup") else node.scope
        if scope is not None:
            stack.append(scope.setup_task)
            if scope not in held and scope not in opened:
                stack.append(scope.cleanup_task)
            if task in scope.own_tasks and node.scope is not None:
                stack.append(node.scope.setup_task)
                if node.scope not in held and node.scope not in opened:
                    stack.append(node.scope.cleanup_task)
    return [task for task in nodes if task in wanted], given


def _known(task: Task, memory: FlowMemory, made: Mapping[Task, State]) -> State | None:
    """The state of `task` if it need not run again; `made` has those of scopes that are open."""
    if task.kind in ("init", "setup"):
        found = made.get(task)
        return found if is_over(found) else None
    if task.kind == "cleanup":
        return None
    state = memory.state_of(task)
    children = getattr(state, "map_states", ())
    if not state.is_successful() or not all(one.is_successful() for one in children):
        return None
    return state if state.is_skipped() else Cached("its value is kept", state.kept)


__all__ = ["run_part", "selected"]
