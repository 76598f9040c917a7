"""``%%flow NAME --run``: which tasks run for one cell, and which scopes stay open after it.

The cell's tasks run, and those that they need and that have no value yet. The cell's ``--with``
scopes are set up unless they are open, and are not cleaned up; any other scope that is needed is
set up and cleaned up within this run.
"""

from collections.abc import Collection, Iterable, Mapping

from resnb.graph.flow import Flow
from resnb.graph.resources.scope import Scope
from resnb.graph.tasks.task import Task
from resnb.run.memory import FlowMemory, memory_of
from resnb.run.resume import is_over
from resnb.run.runner import RUNNER
from resnb.states import Cached, State, has_let_go


def run_part(
    flow: Flow, tasks: Collection[Task], kept_open: Collection[Scope], stale: Collection[Task] = ()
) -> State:
    """Run what a cell added.

    Args:
        flow: the flow.
        tasks: the cell's tasks.
        kept_open: the cell's ``--with`` scopes.
        stale: tasks whose values are out of date, which run again if they are needed.
    """
    chosen, known = _selected(flow, {*tasks, *stale}, tasks, kept_open, memory_of(flow))
    if not chosen:
        return Cached("there is nothing to run")
    return RUNNER.run_part(flow, chosen, parameters={}, task_states=known, quiet=True)


def _selected(
    flow: Flow,
    anew: Collection[Task],
    tasks: Iterable[Task],
    kept_open: Collection[Scope],
    memory: FlowMemory,
) -> tuple[list[Task], Mapping[Task, State]]:
    """The tasks to run, and the states of those that need not run again."""
    nodes = flow.nodes
    leases = {use: one for use, one in memory.open_leases.items() if one.state == "open"}
    opened, made = {use.scope for use in leases}, memory.given_by(leases)
    kept_open = {outer for scope in kept_open for outer in scope.around()}
    chosen: dict[Task, None] = {}
    given: dict[Task, State] = {}

    def tasks_of(scope: Scope) -> list[Task]:
        """The tasks of a scope that must run if something inside it does."""
        is_cleaned_up = scope not in kept_open and scope not in opened
        return [scope.setup_task, scope.cleanup_task] if is_cleaned_up else [scope.setup_task]

    setups = [one.setup_task for one in kept_open]
    stack = [*tasks, *(one for one in setups if not is_over(made.get(one)))]
    while stack:
        task = stack.pop()
        if task in chosen or task in given or task not in nodes:
            continue
        if task not in anew and (known := _known(task, memory, made)) is not None:
            given[task] = known
            continue
        chosen[task] = None
        node = nodes[task]
        stack += node.upstream
        own = flow.scope_of(task) if task.kind in ("init", "setup", "cleanup") else None
        for scope in (own, node.scope):
            stack += [] if scope is None else tasks_of(scope)
    return [task for task in nodes if task in chosen], given


def _known(task: Task, memory: FlowMemory, made: Mapping[Task, State]) -> State | None:
    """The state of `task` if it need not run again; `made` has those of open scopes' tasks."""
    if task.kind in ("init", "setup"):
        found = made.get(task)
        return found if is_over(found) else None
    if task.kind == "cleanup":
        return None
    state = memory.state_of(task)
    children = getattr(state, "map_states", ())
    if (
        not state.is_successful()
        or has_let_go(state)
        or not all(one.is_successful() for one in children)
    ):
        return None
    return state if state.is_skipped() else Cached("its value is kept", state.kept)
