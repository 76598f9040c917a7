"""Recording the graph of a ``@flow`` function while it runs.

The graph only grows: a task is recorded when its inputs are known, after all tasks that it depends
on. Nothing is checked, and nothing is undone.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from resnb.graph.arguments import Collection, Input
from resnb.graph.node import Node, with_one
from resnb.graph.resources.scope import Scope
from resnb.graph.structure import Structure
from resnb.graph.tasks.task import Task

Sources: TypeAlias = Mapping[str, Iterable[Task] | Task]
"""For each argument the task with its value, or the tasks inside a collection."""


def record(
    structure: Structure,
    task: Task,
    sources: Sources,
    control: Sequence[Task] = (),
    scope: Scope | None = None,
) -> Node:
    """Add a new task with its dependencies.

    Args:
        structure: the flow.
        task: the task.
        sources: where its arguments come from.
        control: tasks that only had to run first.
        scope: the innermost scope around it.
    """
    with structure.lock:
        node = Node(task, scope, structure.next_position())
        inputs: dict[str, Input] = {}
        for key, value in sources.items():
            tasks = (value,) if isinstance(value, Task) else tuple(value)
            inputs[key] = value if isinstance(value, Task) else Collection(list, tasks)
            for source in tasks:
                _link(structure, source, node)
        for source in control:
            _link(structure, source, node)
        node.inputs, node.positional = inputs, len(inputs)
        if control:
            node.control = dict.fromkeys(control, False)
        if scope is not None:
            scope.members[task] = None
        task.home = structure.home
        structure.nodes[task] = node
        structure.journal.version += 1
        return node


def record_scope(
    structure: Structure, scope: Scope, sources: Sources, parent: Scope | None
) -> tuple[Node, Node, Node]:
    """Add a scope with its three tasks, and return their nodes.

    Args:
        structure: the flow.
        scope: the scope.
        sources: where the arguments of its manager come from.
        parent: the scope around it.
    """
    init, setup, cleanup = scope.own_tasks
    with structure.lock:
        scope.parent = parent
        structure.scopes[scope] = None
        return (
            record(structure, init, sources, scope=parent),
            record(structure, setup, {"manager": init}, scope=parent),
            record(structure, cleanup, {"manager": init, "resource": setup}, scope=parent),
        )


def _link(structure: Structure, source: Task, node: Node) -> None:
    before = structure.nodes[source]
    if node.task not in before.downstream:
        node.upstream = with_one(node.upstream, source)
        before.downstream = with_one(before.downstream, node.task)
