"""Changes to a flow that stands: what a cell does when it is run again, and merging flows.

Each function leaves the flow's invariants intact and can be taken back by a transaction.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from resnb.errors import GraphError
from resnb.graph.base import order
from resnb.graph.base.inputs import substituted
from resnb.graph.base.node import NO_KEYS, Node
from resnb.graph.resources.scope import no_executor
from resnb.graph.structure import Structure
from resnb.graph.tasks.task import Task

if TYPE_CHECKING:
    from resnb.graph.flow import Flow
    from resnb.graph.resources.resource import ResourceManager
    from resnb.graph.resources.scope import Scope


_OWN_KINDS = frozenset({"init", "setup", "cleanup"})


def dependants(structure: Structure, tasks: Iterable[Task]) -> list[Task]:
    """The tasks that cannot stay when `tasks` go: everything downstream of them by an edge.

    Clean-ups stay: that a scope loses a member does not end the scope. When one of a scope's own
    tasks goes, the others and its members go with it.
    """
    nodes = structure.nodes
    found = dict.fromkeys(tasks)
    stack = list(found)
    while stack:
        task = stack.pop()
        after: list[Task] = [one for one in nodes[task].downstream if one.kind != "cleanup"]
        if task.kind in _OWN_KINDS:
            scope = structure.scope_of(task)
            after += [*scope.own_tasks, *scope.members]
        for one in after:
            if one not in found and one in nodes:
                found[one] = None
                stack.append(one)
    return list(found)


def remove(structure: Structure, tasks: Iterable[Task]) -> None:
    """Take `tasks` out of the flow; nothing that stays may need them (see `dependants`).

    Raises:
        GraphError: a task is not in the flow, or one that stays needs one that goes.
    """
    gone = dict.fromkeys(tasks)
    nodes = structure.nodes
    _refuse_unknown(structure, gone)
    for task in dependants(structure, gone):
        if task not in gone:
            message = (
                f"flow {structure.name!r}: task {task.name!r} stays and needs a task that is to be "
                "removed: remove it too"
            )
            raise GraphError(message)
    with structure.transaction():
        for task in gone:
            _cut_off(structure, nodes[task], gone)
        for scope in list(structure.scopes):
            if scope.setup_task in gone:
                before = dict(structure.scopes)
                del structure.scopes[scope]
                structure.changed(partial(_put_back, structure.scopes, before))
        kept = {task: node for task, node in nodes.items() if task not in gone}
        structure.changed(partial(setattr, structure, "nodes", nodes))
        structure.nodes = kept
        for task in gone:
            if task.flow is structure:
                structure.changed(partial(setattr, task, "home", task.home))
                task.home = None
        structure.keep_reference_tasks(gone)


def _refuse_unknown(structure: Structure, tasks: Iterable[Task]) -> None:
    for task in tasks:
        if task not in structure.nodes:
            message = f"flow {structure.name!r} has no task {task.name!r}"
            raise GraphError(message)


def _cut_off(structure: Structure, node: Node, gone: Container[Task]) -> None:
    """Take the edges between `node` and tasks that stay away, and the task out of its scope."""
    task = node.task
    for upstream in list(node.upstream):
        if upstream not in gone:
            unlink(structure, upstream, task)
    for after in list(node.downstream):
        if after not in gone:  # a clean-up, which waited for it
            waiting = structure.nodes[after]
            structure.changed(partial(waiting.restore, waiting.saved()))
            waiting.control.pop(task, None)
            unlink(structure, task, after)
    if node.scope is not None:
        before = dict(node.scope.members)
        node.scope.members.pop(task, None)
        structure.changed(partial(_put_back, node.scope.members, before))


def _put_back(target: dict, before: dict) -> None:  # type: ignore[type-arg]
    target.clear()
    target.update(before)


def unlink(structure: Structure, upstream: Task, task: Task) -> None:
    """Take the edge between two tasks away, but for what the inputs and the order say."""
    nodes = structure.nodes
    source, node = nodes[upstream], nodes[task]
    downstream, before = dict(source.downstream), dict(node.upstream)
    source.downstream.pop(task, None)
    node.upstream.pop(upstream, None)
    structure.changed(partial(_put_back, source.downstream, downstream))
    structure.changed(partial(_put_back, node.upstream, before))


def substitute(structure: Structure, mapping: Mapping[Task, Task]) -> None:
    """Let every task that refers to a key of `mapping` refer to its value instead.

    No value is a key itself. A reference task is substituted too.

    Raises:
        GraphError: this closes a cycle, a task is not in the flow, a resource would be used
            outside its scope, or a scope's own task is not substituted by its like, together with
            the others.
    """
    nodes = structure.nodes
    _refuse_unknown(structure, (*mapping, *mapping.values()))
    _refuse_parts_of_scopes(structure, mapping)
    with structure.transaction():
        for old, new in mapping.items():
            for after in [one for one in nodes[old].downstream if one not in mapping]:
                node = nodes[after]
                structure.changed(partial(node.restore, node.saved()))
                node.inputs = {k: substituted(v, mapping) for k, v in node.inputs.items()}
                node.control = {mapping.get(k, k): v for k, v in node.control.items()}
                unlink(structure, old, after)
                structure.link(new, node)
        structure.keep_reference_tasks(mapping)
        structure.changed(partial(setattr, structure, "forward", structure.forward))
        structure.forward = False
        for new in mapping.values():
            circle = order.cycle(structure, new)
            if circle:
                message = (
                    f"flow {structure.name!r} must have no cycle, but with this change it has: "
                    + " -> ".join(repr(one.name) for one in circle)
                )
                raise GraphError(message)


def _refuse_parts_of_scopes(structure: Structure, mapping: Mapping[Task, Task]) -> None:
    for old, new in mapping.items():
        if old.kind not in _OWN_KINDS:
            continue
        scope = structure.scope_of(old)
        if new.kind != old.kind or not mapping.keys() >= set(scope.own_tasks):
            message = (
                f"task {old.name!r} is part of scope {scope.name!r}: substitute the scope's init, "
                "set-up and clean-up together, by those of another scope"
            )
            raise GraphError(message)


def rebind(
    structure: Structure,
    task: Task,
    inputs: Mapping[str, object],
    positional: int,
    mapped: bool = False,
) -> None:
    """Give `task` other arguments in place of those it has, to be mapped over them if `mapped`.

    Raises:
        GraphError: this closes a cycle, or an argument cannot be used there.
    """
    node = structure.nodes[task]
    with structure.transaction():
        structure.changed(partial(node.restore, node.saved()))
        for upstream in node.sources() - node.control.keys():
            unlink(structure, upstream, task)
        node.inputs, node.mapped, node.flattened = {}, NO_KEYS, NO_KEYS
        structure.bind_task(task, inputs, positional, mapped)


def rebind_scope(
    structure: Structure,
    scope: "Scope",
    inputs: Mapping[str, object],
    positional: int,
    mapped: bool = False,
) -> None:
    """Give the manager of `scope` other arguments, and a resource for each item if `mapped`.

    Raises:
        GraphError: as `rebind`; or it is mapped, and to run the tasks inside.
    """
    init, *others = scope.own_tasks
    with structure.transaction():
        rebind(structure, init, inputs, positional, mapped)
        if scope.executes and scope.is_mapped:
            raise GraphError(no_executor(scope))
        for task in others:
            node = structure.nodes[task]
            structure.changed(partial(node.restore, node.saved()))
            node.mapped = frozenset(node.inputs) if scope.is_mapped else NO_KEYS


def redefine_scope(structure: Structure, scope: "Scope", manager: "ResourceManager") -> None:
    """Let `scope` use another definition of its resource, with the same arguments."""
    with structure.transaction():
        init = scope.init_task
        for owner, name, value in (
            (scope, "manager", manager),
            (scope, "options", manager.scope_options),
            (init, "run", manager.resource_class),
            (init, "_signature", manager.signature),
        ):
            structure.changed(partial(setattr, owner, name, getattr(owner, name)))
            setattr(owner, name, value)


def retire_parameters(structure: Structure, tasks: Iterable[Task]) -> None:
    """Let the names of those of `tasks` that are parameters be given again."""
    with structure.transaction():
        for task in tasks:
            if structure.parameter_names.get(task.name) is task:
                before = dict(structure.parameter_names)
                structure.changed(partial(_put_back, structure.parameter_names, before))
                del structure.parameter_names[task.name]


def reorder(structure: Structure, tasks: Sequence[Task], before: Task | None) -> None:
    """Move `tasks`, in this order, in front of task `before` (to the end if that is None).

    Raises:
        GraphError: a task is not in the flow.
    """
    moved = dict.fromkeys(tasks)
    nodes = structure.nodes
    _refuse_unknown(structure, moved if before is None else (*moved, before))
    arranged: dict[Task, Node] = {}
    for task, node in nodes.items():
        if task is before:
            arranged.update({one: nodes[one] for one in moved})
        if task not in moved:
            arranged[task] = node
    if before is None or before in moved:
        arranged.update({one: nodes[one] for one in moved})
    with structure.transaction():
        for position, node in enumerate(arranged.values()):
            structure.changed(partial(setattr, node, "position", node.position))
            node.position = position
        structure.changed(partial(setattr, structure, "nodes", nodes))
        structure.nodes = arranged
        structure.changed(partial(setattr, structure, "forward", structure.forward))
        structure.forward = order.is_forward(structure)


def absorb(structure: "Flow", other: "Flow", same: Mapping[Task, Task]) -> None:
    """Take over the tasks, edges and scopes of `other`; `same` names tasks to be merged.

    The tasks are shared, and each keeps the home it has; the scopes are copies, so that either
    flow can add members of its own.

    Raises:
        GraphError: the flows disagree about a task that both have, or together have a cycle.
    """
    with structure.transaction():
        scopes: dict[Scope | None, Scope | None] = {None: None}
        for scope in other.scopes:
            scopes[scope] = _absorbed_scope(structure, scope, scopes[scope.parent])
        ours = set(structure.nodes)
        for task, node in other.nodes.items():
            if task not in same and task not in ours:
                structure.adopt(task, scopes[node.scope])
        for task, node in other.nodes.items():
            if task not in same:
                _absorb_edges(structure, node, same, fresh=task not in ours)
        structure.changed(partial(setattr, structure, "forward", structure.forward))
        structure.forward = order.is_forward(structure)
        if len(order.topological(structure)) != len(structure.nodes):
            message = f"flows {structure.name!r} and {other.name!r} together have a cycle"
            raise GraphError(message)


def _absorbed_scope(structure: "Flow", scope: "Scope", parent: "Scope | None") -> "Scope":
    """The scope of `structure` with the tasks of `scope`, which has the members of both."""
    mine = next((one for one in structure.scopes if one.setup_task is scope.setup_task), None)
    if mine is None:
        mine = scope.copied(structure, parent)
        structure.scopes[mine] = None
        structure.changed(partial(structure.scopes.pop, mine, None))
    else:
        structure.changed(partial(_put_back, mine.members, dict(mine.members)))
        mine.members |= {one: None for one in scope.members if one not in structure.nodes}
    return mine


def _absorb_edges(
    structure: "Flow", theirs: Node, same: Mapping[Task, Task], *, fresh: bool
) -> None:
    """Give the node of the same task the inputs of `theirs`, and what comes before it."""
    node = structure.nodes[theirs.task]
    structure.changed(partial(node.restore, node.saved()))
    for key, value in theirs.inputs.items():
        found = substituted(value, same)
        if node.inputs.setdefault(key, found) != found:
            message = (
                f"flow {structure.name!r} and the one to be merged both have task "
                f"{node.task.name!r}, and pass different values as its argument {key!r}"
            )
            raise GraphError(message)
    node.control |= {same.get(task, task): mapped for task, mapped in theirs.control.items()}
    node.mapped |= theirs.mapped
    node.flattened |= theirs.flattened
    node.positional = theirs.positional if fresh else node.positional
    for upstream in theirs.upstream:
        structure.link(same.get(upstream, upstream), node)


__all__ = [
    "absorb",
    "dependants",
    "rebind",
    "rebind_scope",
    "redefine_scope",
    "remove",
    "reorder",
    "retire_parameters",
    "substitute",
    "unlink",
]
