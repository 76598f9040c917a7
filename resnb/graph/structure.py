"""The structure of a flow: its nodes, edges and scopes, and what can be asked about them.

Invariants, which `resnb.graph.validation` checks: ``upstream`` and ``downstream`` of the nodes
mirror each other; the graph has no cycle, derived edges of scopes included. A change that raises
leaves no trace, because the journal can undo each part of it; see `resnb.graph.changes`.
"""

import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from resnb.errors import GraphError
from resnb.graph import order
from resnb.graph.arguments import Constant
from resnb.graph.base.journal import Journal, Transaction, Versioned
from resnb.graph.base.labels import shared_names
from resnb.graph.base.roles import Memory
from resnb.graph.resources.scope import Scope
from resnb.graph.tasks.edge import Edge
from resnb.graph.tasks.parameter import Parameter
from resnb.graph.tasks.task import Task

if TYPE_CHECKING:
    from resnb.graph.node import Node


class Structure:
    """The nodes, edges and scopes of one flow. Queries include the edges that follow from scopes.

    Attributes:
        name: the flow's name.
        nodes: a node for each task, in the order in which they were added.
        scopes: the flow's scopes, outer ones first.
        forward: whether every edge points from an older task to a newer one and none begins at a
            clean-up, except for the edges that follow from a scope and end at a clean-up.
        parameter_names: the parameters by name.
        memory: the values and states of its runs; None before the first one.
        built_by_cells: whether each task belongs to a cell of a notebook, so that operators add
            none outside of cells.
        left_behind: tasks whose cells the notebook no longer has, which views mark.
        journal: records the changes of open transactions.
        home: what the tasks of this flow have as their home.
        lock: held while a structure that grows during a run is changed or read.
    """

    lock: AbstractContextManager[Any] = nullcontext()
    memory: Memory | None = None
    built_by_cells = False
    left_behind: frozenset[Task] = frozenset()

    def __init__(self, name: str) -> None:
        self.name = name
        self.nodes: dict[Task, Node] = {}
        self.scopes: dict[Scope, None] = {}
        self.forward = True
        self.parameter_names: dict[str, Task] = {}
        self.memory = None
        self.journal = Journal()
        self.home: weakref.ref[Any] = weakref.ref(self)
        self._reference: tuple[Task, ...] | None = None
        self._position = 0
        self._sorted = Versioned[tuple[Task, ...]]()
        self._edges = Versioned[frozenset[Edge]]()
        self._labels = Versioned[Mapping[Task, str]]()

    def transaction(self) -> AbstractContextManager[None]:
        """A block whose changes are all undone if it raises. Blocks can be nested."""
        return Transaction(self.journal)

    def next_position(self) -> int:
        """The position of the next new node."""
        self._position += 1
        return self._position

    def owns(self, task: Task) -> bool:
        """Whether this is the flow that `task` was added to last."""
        return task.home is self.home

    def require(self, tasks: Iterable[Any]) -> None:
        """Raise `GraphError` for the first of `tasks` that is not in the flow."""
        for task in tasks:
            if task not in self.nodes:
                message = f"flow {self.name!r} has no task {getattr(task, 'name', task)!r}"
                raise GraphError(message)

    def scope_of(self, task: Task) -> Scope:
        """The scope that `task` is the init, set-up or clean-up task of."""
        scope: Scope = task.scope
        if scope in self.scopes:
            return scope
        return next(one for one in self.scopes if task in one.own_tasks)

    def find_scope(self, name: str) -> Scope | None:
        """The scope called `name`, if there is one."""
        return next((scope for scope in self.scopes if scope.name == name), None)

    # ---- queries, named as in Prefect 1.x

    @property
    def tasks(self) -> set[Task]:
        """All tasks."""
        return set(self.nodes)

    def get_tasks(
        self,
        name: str | None = None,
        tags: Iterable[str] | None = None,
        task_type: type[Task] | None = None,
    ) -> list[Task]:
        """The tasks that match all given criteria, in the order they were added."""
        wanted = frozenset(tags or ())
        return [
            one
            for one in self.nodes
            if (name is None or one.name == name)
            and wanted <= one.tags
            and (task_type is None or isinstance(one, task_type))
        ]

    def parameters(self) -> set[Parameter]:
        """The flow's parameters."""
        return {one for one in self.nodes if isinstance(one, Parameter)}

    @property
    def constants(self) -> dict[Task, dict[str, Any]]:
        """The arguments of each task that are known while the flow is built."""
        found = {
            task: {k: v.value for k, v in node.inputs.items() if isinstance(v, Constant)}
            for task, node in self.nodes.items()
        }
        return {task: values for task, values in found.items() if values}

    def __iter__(self) -> Iterator[Task]:
        """The tasks in topological order."""
        return iter(self.sorted_tasks())

    @property
    def edges(self) -> frozenset[Edge]:
        """All edges."""
        return self._edges.at(self.journal.version, self._all_edges)

    def _all_edges(self) -> frozenset[Edge]:
        explicit = [edge for node in self.nodes.values() for edge in node.edges()]
        derived = [edge for scope in self.scopes for edge in scope.derived_edges()]
        return frozenset(explicit).union(derived)

    def edges_to(self, task: Task) -> set[Edge]:
        """The edges that end at `task`."""
        self.require((task,))
        return {edge for edge in self.edges if edge.downstream_task is task}

    def edges_from(self, task: Task) -> set[Edge]:
        """The edges that begin at `task`."""
        self.require((task,))
        return {edge for edge in self.edges if edge.upstream_task is task}

    def all_upstream_edges(self) -> dict[Task, set[Edge]]:
        """The edges that end at each task."""
        return self._grouped((edge.downstream_task, edge) for edge in self.edges)

    def all_downstream_edges(self) -> dict[Task, set[Edge]]:
        """The edges that begin at each task."""
        return self._grouped((edge.upstream_task, edge) for edge in self.edges)

    def _grouped(self, pairs: Iterable[tuple[Task, Edge]]) -> dict[Task, set[Edge]]:
        found: dict[Task, set[Edge]] = {task: set() for task in self.nodes}
        for task, edge in pairs:
            found[task].add(edge)
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

    def sorted_tasks(self, root_tasks: Iterable[Task] | None = None) -> tuple[Task, ...]:
        """The tasks in topological order, clean-ups right after the last task of their scope.

        Args:
            root_tasks: include only these and the tasks downstream of them.
        """
        tasks = self._sorted.at(self.journal.version, lambda: tuple(order.topological(self)))
        if not root_tasks:
            return tasks
        wanted = set(root_tasks)
        self.require(wanted)
        upstream = self.all_upstream_edges()
        for task in tasks:
            if any(edge.upstream_task in wanted for edge in upstream[task]):
                wanted.add(task)
        return tuple(task for task in tasks if task in wanted)

    def label_of(self, task: Task) -> str:
        """The name of `task`, as views show it: with a number if others have the same name."""
        with self.lock:
            return self._labels.at(self.journal.version, self._all_labels).get(task, task.name)

    def _all_labels(self) -> Mapping[Task, str]:
        return shared_names(self.sorted_tasks(), self.scopes)

    # ---- reference tasks

    @property
    def has_reference_tasks(self) -> bool:
        """Whether the reference tasks were chosen."""
        return self._reference is not None

    def reference_tasks(self) -> set[Task]:
        """The tasks that decide the flow's final state.

        By default these are the tasks without a downstream task, clean-ups ignored.
        """
        if self._reference is not None:
            return set(self._reference)
        if not self.scopes:
            return {task for task, node in self.nodes.items() if not node.downstream}
        cleanups = {scope.cleanup_task for scope in self.scopes}
        return {
            task
            for task, node in self.nodes.items()
            if cleanups.issuperset(node.downstream)
            and task not in cleanups
            and not (task.kind == "setup" and self.scope_of(task).members)
        }

    def set_reference_tasks(self, tasks: Iterable[Task]) -> None:
        """Let `tasks` decide the flow's final state. An empty list restores the default."""
        chosen = tuple(tasks)
        self.require(chosen)
        self.journal.assign(self, "_reference", chosen or None)

    def replace_reference_tasks(self, mapping: Mapping[Task, Task | None]) -> None:
        """Replace the chosen reference tasks that are keys of `mapping`. None drops one."""
        if self._reference is not None:
            found = (mapping.get(task, task) for task in self._reference)
            kept = tuple({task: None for task in found if task is not None})
            self.journal.assign(self, "_reference", kept or None)
