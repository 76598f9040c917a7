"""Which states of an earlier run are kept when a flow is run again from where it failed.

What did not succeed runs again, and so does everything that depends on it; of a mapped task, only
the children that did not succeed. What an earlier run set up is gone, so a resource is set up again
if a task of its scope runs, and not otherwise.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from resnb.graph.arguments import tasks_in
from resnb.graph.order import derived_downstream
from resnb.states import Finished, Mapped, Pending, Skipped, State, has_let_go

if TYPE_CHECKING:
    from resnb.graph.flow import Flow
    from resnb.graph.resources.scope import Scope
    from resnb.graph.tasks.task import Task


NOTHING_LEFT = "nothing in its scope is left to run"


def kept_states(flow: "Flow", state: State, renewed: Iterable[str]) -> "dict[Task, State]":
    """The states of an earlier run that the next one, with `renewed` parameters, takes over."""
    before: Mapping[Task, State] = state.result if isinstance(state.result, Mapping) else {}
    names = frozenset(renewed)
    known = {task: before[task] if task in before else Pending() for task in flow.nodes}
    again = [
        task
        for task, one in known.items()
        if task.kind != "cleanup"
        and (not _succeeded(one) or (task.kind == "parameter" and task.name in names))
    ]
    gone = _with_dependants(flow, again)
    kept = {task: one for task, one in known.items() if task not in gone and one.is_finished()}
    for task in again:
        one = known[task]
        if isinstance(one, Mapped) and one.map_states and not _depends_on(flow, task, gone):
            children = [
                child if child.is_successful() and not has_let_go(child) else Pending()
                for child in one.map_states
            ]
            kept[task] = Mapped(one.message, one.kept, children)
    return kept


def _succeeded(state: State) -> bool:
    return state.is_successful() and all(
        one.is_successful() for one in getattr(state, "map_states", ())
    )


def _with_dependants(flow: "Flow", tasks: "Iterable[Task]") -> "set[Task]":
    derived = derived_downstream(flow)
    found = set(tasks)
    stack = list(found)
    while stack:
        task = stack.pop()
        for after in (*flow.nodes[task].downstream, *derived.get(task, ())):
            if after not in found and after.kind != "cleanup":
                found.add(after)
                stack.append(after)
    return found


def _depends_on(flow: "Flow", task: "Task", gone: "set[Task]") -> bool:
    """Whether what `task` is given may differ: something upstream of it runs again."""
    return not gone.isdisjoint(flow.nodes[task].upstream)


def without_gone_resources(
    flow: "Flow", given: "Mapping[Task, State]", opened: "Iterable[Scope]", *, fresh: bool
) -> "dict[Task, State]":
    """`given`, changed so that a scope is set up again if and only if one of its tasks is to run.

    A set-up whose given state is cached counts as done: that is how a resource is passed in.

    Args:
        flow: the flow.
        given: states that are given to a run.
        opened: scopes that are open, which need no set-up.
        fresh: whether the manager objects are made again as well.
    """
    kept = dict(given)
    is_open = frozenset(opened)
    for scope in flow.scopes:
        if scope in is_open:
            kept.pop(scope.cleanup_task, None)  # that was of the time before
            continue
        if _is_needed(flow, scope, kept):
            items = _items_needed(flow, scope, kept) if scope.is_mapped else None
            for task in scope.own_tasks[0 if fresh else 1 :]:
                one = kept.get(task)
                if one is not None and one.is_finished() and not one.is_cached():
                    del kept[task]
                    if items is not None and task is not scope.cleanup_task:
                        kept[task] = _renewed(items)
        else:
            for task in scope.own_tasks:
                kept.setdefault(task, Skipped(NOTHING_LEFT))
    return kept


def _items_needed(flow: "Flow", scope: "Scope", given: "Mapping[Task, State]") -> list[bool] | None:
    """For a mapped scope, which items are used by tasks that are to run; None for all."""
    needed: list[bool] = []
    in_step = scope.in_step()
    for task in _inside(flow, scope):
        if is_over(given.get(task)):
            continue
        states = getattr(given.get(task), "map_states", ())
        if task not in in_step or not states:
            return None
        needed += [False] * (len(states) - len(needed))
        for number, one in enumerate(states):
            needed[number] |= not one.is_finished()
    return needed or None


def _renewed(items: list[bool]) -> Mapped:
    """The state of a set-up of which some items are needed again."""
    skipped = Skipped(NOTHING_LEFT)
    return Mapped("", [None] * len(items), [Pending() if one else skipped for one in items])


def _is_needed(flow: "Flow", scope: "Scope", given: "Mapping[Task, State]") -> bool:
    """Whether a task inside `scope`, or inside a scope in it, is to run."""
    members = _inside(flow, scope) or {scope.setup_task}
    return any(not is_over(given.get(task)) for task in members)


def _inside(flow: "Flow", scope: "Scope") -> "set[Task]":
    """The tasks inside `scope` and inside the scopes in it, without those scopes' own tasks."""
    inside = [one for one in flow.scopes if scope in one.around()]
    own = {task for one in inside for task in one.own_tasks}
    return {task for one in inside for task in one.members} - own


def without_let_go(
    flow: "Flow", given: "Mapping[Task, State]", only: "Iterable[Task] | None"
) -> "dict[Task, State]":
    """`given` without states whose value was let go, if a task reads it that is to run.

    Such a task runs again, and so do those above it as far as their values are gone, too.

    Args:
        flow: the flow.
        given: states that are given to a run.
        only: the tasks to run; None for all.
    """
    kept = dict(given)
    if not any(map(has_let_go, kept.values())):
        return kept
    to_run = [one for one in (flow.nodes if only is None else only) if not is_over(kept.get(one))]
    while to_run:
        for value in flow.nodes[to_run.pop()].values:
            for source in tasks_in(value):
                if has_let_go(kept.get(source)):
                    del kept[source]
                    to_run.append(source)
    return kept


def is_over(state: State | None) -> bool:
    """Whether a task with `state` has nothing left to run."""
    children = getattr(state, "map_states", ())
    return isinstance(state, Finished) and all(one.is_finished() for one in children)
