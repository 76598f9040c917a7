"""Topological order of a graph, and the cycle that prevents one."""

import heapq
from collections.abc import Mapping
from typing import Protocol

from resnb.graph.node import Node
from resnb.graph.resources.scope import Scope
from resnb.graph.tasks.task import Task


class Graph(Protocol):
    """What can be put in order: see `Structure`, which has these attributes."""

    forward: bool

    @property
    def nodes(self) -> Mapping[Task, Node]:
        """A node for each task, in the order in which they were added."""

    @property
    def scopes(self) -> Mapping[Scope, None]:
        """The scopes, outer ones first."""


def derived_downstream(graph: Graph) -> dict[Task, list[Task]]:
    """The edges that follow from scopes: the downstream tasks of each task."""
    found: dict[Task, list[Task]] = {}
    for scope in graph.scopes:
        for edge in scope.derived_edges():
            found.setdefault(edge.upstream_task, []).append(edge.downstream_task)
    return found


def is_forward(graph: Graph) -> bool:
    """Whether every edge points from an older task to a newer one and none begins at a clean-up.

    Edges that follow from a scope and end at a clean-up are not considered.
    """
    nodes = graph.nodes
    explicit = (
        nodes[one].position < node.position and one.kind != "cleanup"
        for node in nodes.values()
        for one in node.upstream
    )
    derived = (
        nodes[edge.upstream_task].position < nodes[edge.downstream_task].position
        for scope in graph.scopes
        for edge in scope.derived_edges()
        if edge.downstream_task is not scope.cleanup_task
    )
    return all(explicit) and all(derived)


def cycle(graph: Graph, start: Task) -> list[Task]:
    """A cycle from `start` back to `start`; empty if there is none."""
    derived = derived_downstream(graph)
    nodes = graph.nodes
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


def topological(graph: Graph) -> list[Task]:
    """All tasks, each after its upstream tasks, and otherwise in the order they were added.

    A clean-up comes right after the last task of its scope.
    """
    if not graph.forward:
        return by_readiness(graph)
    return _with_cleanups(graph) if graph.scopes else list(graph.nodes)


def by_readiness(graph: Graph) -> list[Task]:
    """This order for any graph: next is a clean-up that may run, or else the oldest such task."""
    nodes = graph.nodes
    derived = derived_downstream(graph)
    missing = {task: len(node.upstream) for task, node in nodes.items()}
    for tasks in derived.values():
        for task in tasks:
            missing[task] += 1
    place = {task: (task.kind != "cleanup", node.position, task) for task, node in nodes.items()}
    ready = [place[task] for task, count in missing.items() if not count]
    heapq.heapify(ready)
    found = []
    while ready:
        *_, task = heapq.heappop(ready)
        found.append(task)
        for after in (*nodes[task].downstream, *derived.get(task, ())):
            missing[after] -= 1
            if not missing[after]:
                heapq.heappush(ready, place[after])
    return found


def _with_cleanups(graph: Graph) -> list[Task]:
    """The order where every edge is forward: as added, except for the clean-ups."""
    nodes = graph.nodes
    waiting = {
        cleanup: len({*nodes[cleanup].upstream, *scope.members})
        for scope in graph.scopes
        for cleanup in [scope.cleanup_task]
    }
    found: list[Task] = []
    ready: list[tuple[int, Task]] = []

    def add(task: Task) -> None:
        node = nodes[task]
        found.append(task)
        released = {one for one in node.downstream if one.kind == "cleanup"}
        if node.scope is not None:
            released.add(node.scope.cleanup_task)
        for cleanup in released:
            waiting[cleanup] -= 1
            if not waiting[cleanup]:
                heapq.heappush(ready, (nodes[cleanup].position, cleanup))

    for task in nodes:
        if task.kind != "cleanup":
            add(task)
        while ready:
            add(heapq.heappop(ready)[1])
    return found
