"""Topological order, and the cycle that makes one impossible."""

import heapq
from collections.abc import Mapping
from typing import Protocol

from resnb.graph.node import Node
from resnb.graph.resources.scope import Scope
from resnb.graph.tasks.task import Task


class Graph(Protocol):
    """What can be put in order; see `Structure`, whose attributes these are."""

    forward: bool

    @property
    def nodes(self) -> Mapping[Task, Node]:
        """A node for each task, in the order in which they were added."""

    @property
    def scopes(self) -> Mapping[Scope, None]:
        """The scopes, outer ones first."""


def derived_downstream(graph: Graph) -> dict[Task, list[Task]]:
    """The edges that follow from scopes, as a list of downstream tasks for each task."""
    found: dict[Task, list[Task]] = {}
    for scope in graph.scopes:
        for edge in scope.derived_edges():
            found.setdefault(edge.upstream_task, []).append(edge.downstream_task)
    return found


def is_forward(graph: Graph) -> bool:
    """Whether every edge points from an older task to a newer one and none begins at a clean-up.

    Edges that follow from a scope and end at a clean-up do not count.
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
    """A circle of tasks through `start`, which is first and last; empty if there is none."""
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
    """All tasks, each after those upstream of it, otherwise in the order they were added.

    A clean-up comes right after the last task of its scope.
    """
    if not graph.forward:
        return by_readiness(graph)
    return _with_cleanups(graph) if graph.scopes else list(graph.nodes)


def by_readiness(graph: Graph) -> list[Task]:
    """That order, wherever edges point: a clean-up as soon as it may come, else the oldest."""
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
    """The order where every edge is forward: as added, but for the clean-ups.

    A clean-up is due after the latest task that it waits for, and after other clean-ups.
    """
    nodes = graph.nodes
    waiting: dict[Task, int] = {}  # for how many clean-ups
    outer: dict[Task, list[Task]] = {}
    due: dict[Task, list[Task]] = {}
    for scope in graph.scopes:
        cleanup = scope.cleanup_task
        before = {*scope.members, *nodes[cleanup].upstream}
        inner = [one for one in before if one.kind == "cleanup"]
        waiting[cleanup] = len(inner)
        for one in inner:
            outer.setdefault(one, []).append(cleanup)
        latest = max(before.difference(inner), key=lambda one: nodes[one].position)
        due.setdefault(latest, []).append(cleanup)
        waiting[cleanup] += 1
    found = []
    for task in nodes:
        if task.kind == "cleanup":
            continue
        found.append(task)
        ready: list[tuple[int, Task]] = []
        released = due.get(task, [])
        while released or ready:
            for one in released:
                waiting[one] -= 1
                if not waiting[one]:
                    heapq.heappush(ready, (nodes[one].position, one))
            if not ready:
                break
            cleanup = heapq.heappop(ready)[1]
            found.append(cleanup)
            released = outer.get(cleanup, [])
    return found


__all__ = ["by_readiness", "cycle", "derived_downstream", "is_forward", "topological"]
