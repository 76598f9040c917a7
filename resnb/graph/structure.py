"""The structure of a flow: its nodes, edges and scopes, with the steps of change and the queries.

Invariants, which `resnb.graph.validation` checks: ``upstream`` and ``downstream`` of the nodes
mirror each other; the graph has no cycle, derived edges of scopes included. A change that raises
leaves no trace, because the journal can undo each step.
"""

import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

from resnb.errors import GraphError, GraphTypeError, as_word, nearest
from resnb.graph import order
from resnb.graph.arguments import Constant
from resnb.graph.base.building import BUILDING
from resnb.graph.base.journal import Journal, Transaction
from resnb.graph.base.kinds import SCOPE_KINDS
from resnb.graph.base.labels import shared_names
from resnb.graph.base.roles import Memory
from resnb.graph.node import Node, with_one, without_one
from resnb.graph.resources.scope import Scope
from resnb.graph.tasks.edge import Edge
from resnb.graph.tasks.handle import label_of
from resnb.graph.tasks.task import Task


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
        self._reference: tuple[Task, ...] | None = None
        self._home: weakref.ref[Any] = weakref.ref(self)
        self._counter = 0
        self._sorted: tuple[int, tuple[Task, ...]] | None = None
        self._edges: tuple[int, frozenset[Edge]] | None = None
        self._labels: tuple[int, Mapping[Task, str]] | None = None

    def transaction(self) -> AbstractContextManager[None]:
        """A block whose changes are all undone if it raises. Blocks can be nested."""
        return Transaction(self.journal)

    # ---- tasks and edges

    def add_task(self, task: Task) -> Task:
        """Add `task` itself, not a copy, without arguments. It joins the blocks around this line.

        Raises:
            GraphError: the task belongs to another flow, or a parameter's name is taken.
        """
        with self.transaction():
            if task in self.nodes and task.kind == "parameter":
                self.journal.assign(task, "is_wanted", value=True)
            self.node(task)
        return task

    def node(self, task: Any) -> Node:
        """The node of `task`, which is added if it is not in the flow yet."""
        if not isinstance(task, Task):
            message = f"flow {self.name!r}: {task!r} is no task; decorate the function with @task"
            raise GraphTypeError(message)
        return self.nodes.get(task) or self.add(task)

    def add(self, task: Task) -> Node:
        """Add a new task without arguments, as a step of a transaction."""
        home, before = task.flow, task.home
        if home is not None and not self.owns(task) and (task.is_call or task.kind in SCOPE_KINDS):
            raise GraphError(_of_another_flow(task, home.name, self.name))
        now = BUILDING.get()
        scope: Any = None
        case = None
        if task.kind == "parameter":
            self._add_parameter(task)
        else:
            scope, case = now.scope, now.case
        if scope is not None and scope.flow is not self:
            message = (
                f"scope {scope.name!r} belongs to flow {scope.flow.name!r}, so task "
                f"{task.name!r} of flow {self.name!r} cannot be added inside it"
            )
            raise GraphError(message)
        self.take_home(task, scope, before)
        if scope is not None:
            scope.members[task] = None
        if now.tags:
            self.journal.assign(task, "tags", task.tags | now.tags)
        node = self.nodes[task] = Node(task, scope, self.next_position())
        self.journal.version += 1
        if case is not None:
            case.add_task(task, self)
        return node

    def next_position(self) -> int:
        """The position of the next new node."""
        self._counter += 1
        return self._counter

    def take_home(
        self, task: Task, scope: Scope | None, before: Callable[[], Any] | None = None
    ) -> None:
        """`task`, which is to have a node inside `scope` and whose home was `before`, comes here.

        This is called first, so that whatever interrupts what follows can be undone; see
        `Journal.changes`.
        """
        journal = self.journal
        if journal.is_open:
            journal.undo.append(partial(self._forget, task, scope, before))
        task.home = self._home

    def owns(self, task: Task) -> bool:
        """Whether this is the flow that `task` was added to last."""
        return task.home is self._home

    def adopt(self, task: Task, scope: Scope | None) -> None:
        """Add another flow's task, which both then share, without arguments."""
        if task.kind == "parameter":
            self._add_parameter(task)
        self.journal.changes(partial(self.nodes.pop, task, None))
        self.nodes[task] = Node(task, scope, self.next_position())
        self.journal.version += 1

    def _add_parameter(self, task: Task) -> None:
        names, name = self.parameter_names, task.name
        other = names.get(name)
        if other is not None and other is not task and other in self.nodes:
            message = f"flow {self.name!r} already has a parameter {name!r}: use that handle"
            raise GraphError(message)
        pop = partial(names.pop, name, None)
        self.journal.changes(pop if other is None else partial(names.update, {name: other}))
        names[name] = task

    def _forget(self, task: Task, scope: Scope | None, home: Callable[[], Any] | None) -> None:
        """Undo `take_home` and what came after it, as far as that came."""
        node = self.nodes.pop(task, None)
        for upstream in () if node is None else node.upstream:
            self._unlink(upstream, task)
        task.home = home
        if scope is not None:
            scope.members.pop(task, None)

    def link(self, upstream: Task, node: Node) -> None:
        """Add the edge from `upstream` to `node`."""
        source = self.node(upstream)
        task = node.task
        if upstream.kind == "setup" and task.kind != "cleanup":
            self._check_inside(upstream, node)
        if task in source.downstream:
            return
        self.journal.changes(partial(self._unlink, upstream, task))
        source.downstream = with_one(source.downstream, task)
        node.upstream = with_one(node.upstream, upstream)
        self.journal.version += 1

    def unlink(self, upstream: Task, task: Task) -> None:
        """Remove the edge between two tasks; the node's inputs and control stay."""
        self.journal.keep_attribute(self.nodes[upstream], "downstream")
        self.journal.keep_attribute(self.nodes[task], "upstream")
        self._unlink(upstream, task)

    def _unlink(self, upstream: Task, task: Task) -> None:
        if (source := self.nodes.get(upstream)) is not None:
            source.downstream = without_one(source.downstream, task)
        if (node := self.nodes.get(task)) is not None:
            node.upstream = without_one(node.upstream, upstream)

    def scope_of(self, task: Task) -> Scope:
        """The scope that `task` is the init, set-up or clean-up task of."""
        scope: Scope = task.scope
        if scope in self.scopes:
            return scope
        return next(one for one in self.scopes if task in one.own_tasks)

    def find_scope(self, name: str) -> Scope | None:
        """The scope called `name`, if there is one."""
        return next((scope for scope in self.scopes if scope.name == name), None)

    def _check_inside(self, setup: Task, node: Node) -> None:
        """Refuse to pass a resource to a task outside its scope."""
        scope = self.scope_of(setup)
        around = node.scope.around() if node.scope is not None else ()
        if scope not in around and node.task is not scope.cleanup_task:
            message = (
                f"task {node.task.name!r} uses resource {scope.name!r} outside its scope, where it "
                f"may be cleaned up already: move the task into the `with` block, or give its cell "
                f"{scope.clause}"
            )
            raise GraphError(message)

    def check_cycle(self, sources: Iterable[Task], node: Node) -> None:
        """Check that the edges from `sources` to `node`, which were just added, close no cycle."""
        nodes = self.nodes
        if self.forward and all(
            nodes[one].position < node.position and one.kind != "cleanup" for one in sources
        ):
            return
        self.journal.assign(self, "forward", value=False)
        if node.downstream or node.scope is not None:  # otherwise no edge leaves it
            self.refuse_cycle(node.task, "this edge closes one")

    def refuse_upstream(self, task: Task) -> None:
        """Raise `GraphError` if `task` is a parameter, which waits for nothing."""
        if task.kind == "parameter":
            message = f"parameter {task.name!r} can have no upstream tasks: a run gives its value"
            raise GraphError(message)

    def refuse_cycle(self, task: Task, reason: str) -> None:
        """Raise `GraphError` if there is a cycle through `task`."""
        if cycle := order.cycle(self, task):
            path = " -> ".join(repr(one.name) for one in cycle)
            message = f"flow {self.name!r} must have no cycle, but {reason}: {path}"
            raise GraphError(message)

    # ---- queries, named as in Prefect 1.x

    @property
    def tasks(self) -> set[Task]:
        """All tasks."""
        return set(self.nodes)

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
        version = self.journal.version
        if self._edges is None or self._edges[0] != version:
            explicit = [edge for node in self.nodes.values() for edge in node.edges()]
            derived = [edge for scope in self.scopes for edge in scope.derived_edges()]
            self._edges = (version, frozenset(explicit).union(derived))
        return self._edges[1]

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
        found: dict[Task, set[Edge]] = {task: set() for task in self.nodes}
        for edge in self.edges:
            found[edge.downstream_task].add(edge)
        return found

    def all_downstream_edges(self) -> dict[Task, set[Edge]]:
        """The edges that begin at each task."""
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

    def sorted_tasks(self, root_tasks: Iterable[Task] | None = None) -> tuple[Task, ...]:
        """The tasks in topological order, clean-ups right after the last task of their scope.

        Args:
            root_tasks: include only these and the tasks downstream of them.
        """
        version = self.journal.version
        if self._sorted is None or self._sorted[0] != version:
            self._sorted = (version, tuple(order.topological(self)))
        tasks = self._sorted[1]
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
            version = self.journal.version
            if self._labels is None or self._labels[0] != version:
                self._labels = (version, shared_names(self.sorted_tasks(), self.scopes))
            return self._labels[1].get(task, task.name)

    def require(self, tasks: Iterable[Any]) -> None:
        """Raise `GraphError` for the first of `tasks` that is not in the flow."""
        for task in tasks:
            if task not in self.nodes:
                message = f"flow {self.name!r} has no task {getattr(task, 'name', task)!r}"
                raise GraphError(message)

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


def _of_another_flow(task: Task, home: str, name: str) -> str:
    """The message that `task` belongs to the flow called `home`, and not to `name`."""
    again = f"call the task again inside {name!r}"
    if task.kind == "setup":
        again = f"use {task.scope.manager.name!r} again inside {name!r}"
    if task.kind == "parameter":
        again = f"give {name!r} a parameter of that name"
    if nearest(name, [home]):
        again = f"did you mean %%flow {as_word(home)}?"
    return f"{label_of(task)} belongs to flow {home!r} and cannot be used in flow {name!r}: {again}"
