"""Merging flows: adds the tasks, edges and scopes of one flow to another.

Both flows then share the tasks, which keep their home flow. Scopes are copied, so that each flow
can add members to its own.
"""

from collections.abc import Mapping
from functools import partial

from resnb.errors import GraphError
from resnb.graph import changes, order
from resnb.graph.arguments import substituted
from resnb.graph.node import Node
from resnb.graph.resources.scope import Scope
from resnb.graph.structure import Structure
from resnb.graph.tasks.task import Task


def merge(structure: Structure, other: Structure, *, parameters: bool, references: bool) -> None:
    """Add the tasks, edges and scopes of `other`; see `Flow.update`.

    Args:
        structure: the flow to change.
        other: the flow to add.
        parameters: whether to merge parameters of the same name.
        references: whether to add the reference tasks of `other`, too.

    Raises:
        GraphError: both flows have a parameter of the same name, they pass different arguments to
            a common task, or together they have a cycle.
    """
    replaced = _parameters_of_both(structure, other, merged=parameters)
    with structure.transaction():
        scopes: dict[Scope | None, Scope | None] = {None: None}
        for scope in other.scopes:
            scopes[scope] = _merged_scope(structure, scope, scopes[scope.parent])
        before = set(structure.nodes)
        for task, node in other.nodes.items():
            if task not in replaced and task not in before:
                changes.adopt(structure, task, scopes[node.scope])
        for task, node in other.nodes.items():
            if task not in replaced:
                _merge_edges(structure, node, replaced, is_new=task not in before)
        structure.journal.assign(structure, "forward", order.is_forward(structure))
        if len(order.topological(structure)) != len(structure.nodes):
            message = f"flows {structure.name!r} and {other.name!r} together have a cycle"
            raise GraphError(message)
        if references:
            added = {replaced.get(task, task) for task in other.reference_tasks()}
            structure.set_reference_tasks(structure.reference_tasks() | added)


def _parameters_of_both(
    structure: Structure, other: Structure, *, merged: bool
) -> dict[Task, Task]:
    """The parameters of `other` that `structure` has by name, each with that of `structure`."""
    ours = {one.name: one for one in structure.nodes if one.kind == "parameter"}
    theirs = [one for one in other.nodes if one.kind == "parameter"]
    found = {one: ours[one.name] for one in theirs if ours.get(one.name, one) is not one}
    if found and not merged:
        name = next(iter(found)).name
        message = (
            f"flows {structure.name!r} and {other.name!r} both have a parameter {name!r}: "
            "rename one, or pass merge_parameters=True"
        )
        raise GraphError(message)
    return found


def _merged_scope(structure: Structure, scope: Scope, parent: Scope | None) -> Scope:
    """The scope in `structure` that stands for `scope`, with the members of both."""
    ours = next((one for one in structure.scopes if one.setup_task is scope.setup_task), None)
    if ours is None:
        ours = scope.copied(structure, parent)
        structure.journal.changed(partial(structure.scopes.pop, ours, None))
        structure.scopes[ours] = None
    else:
        structure.journal.keep(ours.members)
        ours.members |= {one: None for one in scope.members if one not in structure.nodes}
    return ours


def _merge_edges(
    structure: Structure, theirs: Node, replaced: Mapping[Task, Task], *, is_new: bool
) -> None:
    """Add the inputs and upstream edges of `theirs` to the node of the same task."""
    node = structure.nodes[theirs.task]
    structure.journal.changed(node.undo())
    inputs = node.inputs
    for key, value in theirs.inputs.items():
        found = substituted(value, replaced)
        if inputs.setdefault(key, found) != found:
            message = (
                f"flow {structure.name!r} and the one to be merged both have task "
                f"{node.task.name!r}, and pass different values as its argument {key!r}"
            )
            raise GraphError(message)
    node.inputs = inputs
    control = {replaced.get(task, task): mapped for task, mapped in theirs.control.items()}
    node.control = {**node.control, **control} if control else node.control
    node.mapped |= theirs.mapped
    node.flattened |= theirs.flattened
    node.positional = theirs.positional if is_new else node.positional
    for upstream in theirs.upstream:
        changes.link(structure, replaced.get(upstream, upstream), node)
