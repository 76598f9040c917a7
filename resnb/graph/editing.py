"""Changes to an existing flow: what running a cell again does to the tasks of its earlier run.

Each function keeps the flow's invariants, and a transaction can undo it.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

from resnb.errors import GraphError
from resnb.graph import binding, changes, order
from resnb.graph.arguments import substituted
from resnb.graph.base.kinds import SCOPE_KINDS
from resnb.graph.node import NO_KEYS, Node
from resnb.graph.resources.resource import ResourceManager
from resnb.graph.resources.scope import Scope, no_executor
from resnb.graph.structure import Structure
from resnb.graph.tasks.task import Task


def dependants(structure: Structure, tasks: Iterable[Task]) -> list[Task]:
    """`tasks` and everything that has to be removed with them: all that is downstream.

    Clean-ups are left out, because a scope stays when it loses a member. If one of a scope's own
    tasks is removed, the others and the members are, too.
    """
    nodes = structure.nodes
    found = dict.fromkeys(tasks)
    stack = list(found)
    while stack:
        task = stack.pop()
        after: list[Task] = [one for one in nodes[task].downstream if one.kind != "cleanup"]
        if task.kind in SCOPE_KINDS:
            scope = structure.scope_of(task)
            after += [*scope.own_tasks, *scope.members]
        for one in after:
            if one not in found and one in nodes:
                found[one] = None
                stack.append(one)
    return list(found)


def remove(structure: Structure, tasks: Iterable[Task]) -> None:
    """Remove `tasks`, which no remaining task may need; see `dependants`.

    Raises:
        GraphError: a task is not in the flow, or is needed by one that stays.
    """
    gone = dict.fromkeys(tasks)
    nodes = structure.nodes
    structure.require(gone)
    for task in dependants(structure, gone):
        if task not in gone:
            message = (
                f"flow {structure.name!r}: task {structure.label_of(task)!r} stays and needs a "
                "task that is to be removed: remove it too"
            )
            raise GraphError(message)
    journal = structure.journal
    with structure.transaction():
        for task in gone:
            _cut_off(structure, nodes[task], gone)
        for scope in list(structure.scopes):
            if scope.setup_task in gone:
                journal.keep(structure.scopes)
                del structure.scopes[scope]
        kept = {task: node for task, node in nodes.items() if task not in gone}
        journal.assign(structure, "nodes", kept)
        for task in gone:
            if structure.owns(task):
                journal.assign(task, "home", None)
        structure.replace_reference_tasks(gone)


def _cut_off(structure: Structure, node: Node, gone: Container[Task]) -> None:
    """Take `node` out of its scope, and remove its edges to tasks that stay."""
    task = node.task
    for upstream in list(node.upstream):
        if upstream not in gone:
            changes.unlink(structure, upstream, task)
    for after in list(node.downstream):
        if after not in gone:  # a clean-up that waited for it
            waiting = structure.nodes[after]
            structure.journal.changed(waiting.undo())
            waiting.control = {k: v for k, v in waiting.control.items() if k is not task}
            changes.unlink(structure, task, after)
    if node.scope is not None:
        structure.journal.keep(node.scope.members)
        node.scope.members.pop(task, None)


def substitute(structure: Structure, mapping: Mapping[Task, Task]) -> None:
    """Replace every reference to a key of `mapping` by its value, also among reference tasks.

    No value may be a key.

    Raises:
        GraphError: the result has a cycle, a task is not in the flow, a resource would be used
            outside its scope, or a scope's own tasks are not replaced together by those of another
            scope.
    """
    nodes = structure.nodes
    structure.require((*mapping, *mapping.values()))
    _refuse_parts_of_scopes(structure, mapping)
    with structure.transaction():
        for old, new in mapping.items():
            for after in [one for one in nodes[old].downstream if one not in mapping]:
                node = nodes[after]
                structure.journal.changed(node.undo())
                node.inputs = {k: substituted(v, mapping) for k, v in node.inputs.items()}
                node.control = {mapping.get(k, k): v for k, v in node.control.items()}
                changes.unlink(structure, old, after)
                changes.link(structure, new, node)
        structure.replace_reference_tasks(mapping)
        structure.journal.assign(structure, "forward", value=False)
        for new in mapping.values():
            changes.refuse_cycle(structure, new, "with this change it has")


def replace(structure: Structure, old: Task, new: Any) -> None:
    """Put `new`, a task or a constant, in the place of `old`; it gets the same inputs.

    Raises:
        GraphError: as for `substitute`, or `new` does not take an argument that `old` gets.
    """
    structure.require((old,))
    with structure.transaction():
        is_constant = not isinstance(new, Task)
        if is_constant:
            value, new = new, Task(name=type(new).__name__)
            binding.bind_task(structure, new, {}, 0, mapped=False, upstream_tasks=())
            new.run = lambda: value
        elif new not in structure.nodes:
            retire_parameters(structure, (old,))
            changes.node_of(structure, new)
        _take_over(structure, structure.nodes[old], structure.nodes[new], only_order=is_constant)
        substitute(structure, {old: new})
        remove(structure, (old,))


def _take_over(structure: Structure, old: Node, new: Node, *, only_order: bool) -> None:
    """Give `new` the inputs of `old`, or let it only wait for the same tasks."""
    signature = new.task.signature
    structure.journal.changed(new.undo())
    before = new.inputs
    inputs = {} if only_order else {k: v for k, v in old.inputs.items() if k not in before}
    surplus = [key for key in inputs if not signature.accepts(key.partition("[")[0])]
    if surplus and signature.var_positional is None:
        message = (
            f"task {new.task.name!r} cannot take the place of {old.task.name!r}: it has no "
            f"parameter {surplus[0]!r}"
        )
        raise GraphError(message)
    if not before:
        names = tuple(inputs)[: old.positional]
        in_order = (
            signature.var_positional is not None or names == signature.positional[: len(names)]
        )
        new.positional = len(names) if in_order else 0
    new.inputs = before | inputs
    new.mapped |= old.mapped & inputs.keys()
    new.flattened |= old.flattened & inputs.keys()
    new.control = {**old.control, **new.control}
    if only_order:
        new.control = {**dict.fromkeys(old.sources(), False), **new.control}
    for upstream in new.sources():
        changes.link(structure, upstream, new)


def _refuse_parts_of_scopes(structure: Structure, mapping: Mapping[Task, Task]) -> None:
    for old, new in mapping.items():
        if old.kind not in SCOPE_KINDS:
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
    """Replace the arguments of `task`, which is mapped over the new ones if `mapped`.

    Raises:
        GraphError: the result has a cycle, or an argument cannot be used there.
    """
    node = structure.nodes[task]
    with structure.transaction():
        structure.journal.changed(node.undo())
        for upstream in node.sources() - node.control.keys():
            changes.unlink(structure, upstream, task)
        node.inputs, node.mapped, node.flattened = {}, NO_KEYS, NO_KEYS
        binding.bind_task(structure, task, inputs, positional, mapped, ())


def rebind_scope(
    structure: Structure,
    scope: Scope,
    inputs: Mapping[str, object],
    positional: int,
    mapped: bool = False,
) -> None:
    """Replace the arguments of the scope's manager; with `mapped`, each item gets a resource.

    Raises:
        GraphError: as for `rebind`, or the scope is mapped but should run the tasks inside.
    """
    init, *others = scope.own_tasks
    with structure.transaction():
        rebind(structure, init, inputs, positional, mapped)
        if scope.executes and scope.is_mapped:
            raise GraphError(no_executor(scope))
        for task in others:
            node = structure.nodes[task]
            structure.journal.changed(node.undo())
            node.mapped = frozenset(node.names) if scope.is_mapped else NO_KEYS


def redefine_scope(structure: Structure, scope: Scope, manager: ResourceManager) -> None:
    """Replace the definition of the scope's resource; the arguments stay."""
    journal = structure.journal
    with structure.transaction():
        journal.assign(scope, "manager", manager)
        journal.assign(scope, "options", manager.scope_options)
        journal.assign(scope.init_task, "run", manager.resource_class)
        journal.assign(scope.init_task, "_signature", manager.signature)


def retire_parameters(structure: Structure, tasks: Iterable[Task]) -> None:
    """Free the names of the parameters among `tasks`."""
    with structure.transaction():
        for task in tasks:
            if structure.parameter_names.get(task.name) is task:
                structure.journal.keep(structure.parameter_names)
                del structure.parameter_names[task.name]


def restore_parameters(structure: Structure, tasks: Iterable[Task]) -> None:
    """Give back the names of retired parameters, unless others have them by now."""
    with structure.transaction():
        structure.journal.keep(structure.parameter_names)
        for task in tasks:
            structure.parameter_names.setdefault(task.name, task)


def reorder(structure: Structure, tasks: Sequence[Task], before: Task | None) -> None:
    """Move `tasks`, in this order, in front of task `before`, or to the end if that is None.

    Raises:
        GraphError: a task is not in the flow.
    """
    moved = dict.fromkeys(tasks)
    nodes = structure.nodes
    structure.require(moved if before is None else (*moved, before))
    arranged: dict[Task, Node] = {}
    for task, node in nodes.items():
        if task is before:
            arranged.update({one: nodes[one] for one in moved})
        if task not in moved:
            arranged[task] = node
    if before is None or before in moved:
        arranged.update({one: nodes[one] for one in moved})
    journal = structure.journal
    with structure.transaction():
        for position, node in enumerate(arranged.values()):
            journal.assign(node, "position", position)
        journal.assign(structure, "nodes", arranged)
        journal.assign(structure, "forward", order.is_forward(structure))
