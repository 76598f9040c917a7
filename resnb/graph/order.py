"""Topological order, and the circle that makes one impossible. Functions of a structure."""

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resnb.graph.structure import Structure
    from resnb.graph.task import Task


def derived_downstream(structure: "Structure") -> "dict[Task, list[Task]]":
    """The edges that follow from scopes, as a list of downstream tasks for each task."""
    found: dict[Task, list[Task]] = {}
    for scope in structure.scopes:
        for edge in scope.derived_edges():
            found.setdefault(edge.upstream_task, []).append(edge.downstream_task)
    return found


def is_forward(structure: "Structure") -> bool:
    """Whether every edge points from an older task to a newer one and none begins at a clean-up.

    Edges that follow from a scope and end at a clean-up do not count.
    """
    nodes = structure.nodes
    explicit = (
        nodes[one].position < node.position and one.kind != "cleanup"
        for node in nodes.values()
        for one in node.upstream
    )
    derived = (
        nodes[edge.upstream_task].position < nodes[edge.downstream_task].position
        for scope in structure.scopes
        for edge in scope.derived_edges()
        if edge.downstream_task is not scope.cleanup_task
    )
    return all(explicit) and all(derived)


def cycle(structure: "Structure", start: "Task") -> "list[Task]":
    """A circle of tasks through `start`, which is first and last; empty if there is none."""
    derived = derived_downstream(structure)
    nodes = structure.nodes
    came_from: dict[Task, Task] = {}
    stack = [start]
    while stack:
        task = stack.pop()
        for after in (*nodes[task].downstream, *derived.get(task, ())):
            if after is start:
                path = [start, task]
                while path[-1] is not start:
                    path.append(came_from[path[-1]])
                return path[::-1]
            if after not in came_from:
                came_from[after] = task
                stack.append(after)
    return []


def topological(structure: "Structure") -> "list[Task]":
    """All tasks, each after those upstream of it, otherwise in the order they were added.

    A clean-up comes right after the last task of its scope.
    """
    nodes = structure.nodes
    if structure.forward and not structure.scopes:
        return list(nodes)
    derived = derived_downstream(structure)
    missing = {task: len(node.upstream) for task, node in nodes.items()}
    for tasks in derived.values():
        for task in tasks:
            missing[task] += 1
    by_position = {node.position: task for task, node in nodes.items()}
    ready = [nodes[task].position for task, count in missing.items() if not count]
    heapq.heapify(ready)
    found = []
    while ready:
        task = by_position[heapq.heappop(ready)]
        found.append(task)
        for after in (*nodes[task].downstream, *derived.get(task, ())):
            missing[after] -= 1
            if not missing[after]:
                heapq.heappush(ready, nodes[after].position)
    return found


__all__ = ["cycle", "derived_downstream", "is_forward", "topological"]
