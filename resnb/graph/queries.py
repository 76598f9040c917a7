"""Questions about a flow's structure, by the names that Prefect 1.x gave them."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from resnb.errors import GraphError
from resnb.graph.base import order
from resnb.graph.base.node import Edge
from resnb.graph.structure import Structure
from resnb.graph.tasks.task import Task


class Queries(Structure):
    """A structure that can be asked; edges that follow from scopes are part of every answer."""

    _sorted: tuple[int, tuple[Task, ...]] | None = None
    _edges: tuple[int, frozenset[Edge]] | None = None

    @property
    def tasks(self) -> set[Task]:
        """All tasks."""
        return set(self.nodes)

    @property
    def edges(self) -> frozenset[Edge]:
        """All edges."""
        if self._edges is None or self._edges[0] != self.version:
            explicit = [edge for node in self.nodes.values() for edge in node.edges()]
            derived = [edge for scope in self.scopes for edge in scope.derived_edges()]
            self._edges = (self.version, frozenset(explicit).union(derived))
        return self._edges[1]

    def edges_to(self, task: Task) -> set[Edge]:
        """The edges that end at `task`."""
        self._known(task)
        return {edge for edge in self.edges if edge.downstream_task is task}

    def edges_from(self, task: Task) -> set[Edge]:
        """The edges that begin at `task`."""
        self._known(task)
        return {edge for edge in self.edges if edge.upstream_task is task}

    def all_upstream_edges(self) -> dict[Task, set[Edge]]:
        """For each task the edges that end there."""
        found: dict[Task, set[Edge]] = {task: set() for task in self.nodes}
        for edge in self.edges:
            found[edge.downstream_task].add(edge)
        return found

    def all_downstream_edges(self) -> dict[Task, set[Edge]]:
        """For each task the edges that begin there."""
        found: dict[Task, set[Edge]] = {task: set() for task in self.nodes}
        for edge in self.edges:
            found[edge.upstream_task].add(edge)
        return found

    def upstream_tasks(self, task: Task) -> set[Task]:
        """The tasks with an edge to `task`."""
        return {edge.upstream_task for edge in self.edges_to(task)}

    def downstream_tasks(self, task: Task) -> set[Task]:
        """The tasks to which `task` has an edge."""
        return {edge.downstream_task for edge in self.edges_from(task)}

    def root_tasks(self) -> set[Task]:
        """The tasks without an upstream task."""
        return self.tasks.difference(edge.downstream_task for edge in self.edges)

    def terminal_tasks(self) -> set[Task]:
        """The tasks without a downstream task."""
        return self.tasks.difference(edge.upstream_task for edge in self.edges)

    @property
    def has_reference_tasks(self) -> bool:
        """Whether the reference tasks were chosen rather than worked out."""
        return self._reference is not None

    def reference_tasks(self) -> set[Task]:
        """The tasks that decide the flow's final state.

        By default those without a downstream task, where clean-ups count neither as reference
        tasks nor as downstream tasks.
        """
        if self._reference is not None:
            return set(self._reference)
        return {
            task
            for task, node in self.nodes.items()
            if task.kind != "cleanup"
            and all(after.kind == "cleanup" for after in node.downstream)
            and not (task.kind == "setup" and self.scope_of(task).members)
        }

    def set_reference_tasks(self, tasks: Iterable[Task]) -> None:
        """Let `tasks` decide the flow's final state; an empty list goes back to the default."""
        chosen = tuple(tasks)
        for task in chosen:
            self._known(task)
        self.changed(partial(setattr, self, "_reference", self._reference))
        self._reference = chosen or None

    def sorted_tasks(self, root_tasks: Iterable[Task] | None = None) -> tuple[Task, ...]:
        """The tasks in topological order, clean-ups right after the last task of their scope.

        Args:
            root_tasks: only these and what is downstream of them.
        """
        if self._sorted is None or self._sorted[0] != self.version:
            self._sorted = (self.version, tuple(order.topological(self)))
        tasks = self._sorted[1]
        if not root_tasks:
            return tasks
        wanted = set(root_tasks)
        for task in wanted:
            self._known(task)
        upstream = self.all_upstream_edges()
        for task in tasks:
            if any(edge.upstream_task in wanted for edge in upstream[task]):
                wanted.add(task)
        return tuple(task for task in tasks if task in wanted)

    def validate(self) -> None:
        """Check every invariant of the structure again.

        Raises:
            GraphError: one does not hold.
        """
        positions = [node.position for node in self.nodes.values()]
        self._must(positions == sorted(set(positions)), "tasks are out of order")
        for task, node in self.nodes.items():
            self._must(node.upstream.keys() == node.sources(), f"{task!r} has wrong edges")
            for upstream in node.upstream:
                self._known(upstream)
                self._must(task in self.nodes[upstream].downstream, f"{task!r} has wrong edges")
            for after in node.downstream:
                self._known(after)
                self._must(task in self.nodes[after].upstream, f"{task!r} has wrong edges")
            self._must(node.mapped <= node.inputs.keys(), f"{task!r} is mapped over nothing")
            self._must(node.flattened <= node.inputs.keys(), f"{task!r} flattens nothing")
            self._must(
                node.scope is None or task in node.scope.members, f"{task!r} is in the wrong scope"
            )
        for scope in self.scopes:
            for task in (*scope.own_tasks, *scope.members):
                self._known(task)
            for task in scope.members:
                self._must(self.nodes[task].scope is scope, f"{task!r} is in the wrong scope")
        for task in self._reference or ():
            self._known(task)
        self._must(not self.forward or order.is_forward(self), "an edge points backward")
        self._must(len(order.topological(self)) == len(self.nodes), "there is a cycle")

    def _must(self, holds: bool, otherwise: str) -> None:
        if not holds:
            message = f"flow {self.name!r} is broken: {otherwise}; this is a defect of resnb"
            raise GraphError(message)

    def _known(self, task: Any) -> None:
        if task not in self.nodes:
            name = getattr(task, "name", task)
            message = f"flow {self.name!r} has no task {name!r}"
            raise GraphError(message)


__all__ = ["Queries"]
