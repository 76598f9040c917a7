"""The structure of a flow: nodes, edges and scopes, and how they are added.

Invariants: ``upstream`` and ``downstream`` of the nodes mirror each other; a task has one home
flow; the graph has no cycle, derived edges of scopes included; a change that raises leaves no
trace, for each step has an entry in the journal that takes it back.
"""

import weakref
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from resnb.errors import GraphError
from resnb.graph.base import order
from resnb.graph.base.building import BUILDING
from resnb.graph.base.inputs import (
    Collection,
    Constant,
    as_input,
    flatten,
    is_sequence,
    tasks_in,
    unmapped,
)
from resnb.graph.base.inputs import mapped as mapped_over
from resnb.graph.base.node import Edge, Node
from resnb.graph.base.transaction import Transaction
from resnb.graph.tasks.task import Task

if TYPE_CHECKING:
    from resnb.graph.resources.scope import Scope

_COLLECTIONS = frozenset({list, tuple, set, dict, slice})
_WRAPPERS = (unmapped, flatten, mapped_over)


def _is_task(value: Any) -> bool:
    return isinstance(value, Task)


class Structure:
    """Nodes, edges and scopes of one flow.

    Attributes:
        name: the flow's name.
        nodes: a node for each task, in the order in which they were added.
        scopes: the flow's scopes, outer ones first.
        version: changes with every change.
        forward: whether every edge points from an older task to a newer one and none begins at a
            clean-up, but for the edges that follow from a scope and end at a clean-up.
        changing: held by whoever changes it while others look on, and by those.
        journal: how to take back, step by step, what the transactions that are open changed;
            None if there is none.
    """

    changing: AbstractContextManager[Any] = nullcontext()

    def __init__(self, name: str) -> None:
        self.name = name
        self.nodes: dict[Task, Node] = {}
        self.scopes: dict[Scope, None] = {}
        self.version = 0
        self.forward = True
        self._reference: tuple[Task, ...] | None = None
        self._home: weakref.ref[Any] = weakref.ref(self)
        self.parameter_names: dict[str, Task] = {}
        self.journal: list[Callable[[], object]] | None = None
        self._counter = 0

    def transaction(self) -> "Transaction":
        """A block whose changes are all taken back if it raises; blocks can be nested."""
        return Transaction(self)

    def changed(self, undo: Callable[[], object]) -> None:
        """Count a change, and remember how to take it back."""
        self.version += 1
        if self.journal is not None:
            self.journal.append(undo)

    def keep_reference_tasks(self, mapping: Mapping[Task, Task | None]) -> None:
        """Let the chosen reference tasks follow `mapping`; one that gives None is given up."""
        before = self._reference
        if before is None:
            return
        followed = (mapping.get(task, task) for task in before)
        self.changed(partial(setattr, self, "_reference", before))
        self._reference = tuple({task: None for task in followed if task is not None}) or None

    # ---- adding

    def add_task(self, task: Task) -> Task:
        """Add `task` (no copy of it) without arguments; it takes part in the blocks around us.

        Raises:
            GraphError: the task is another flow's, or the flow has a parameter of that name.
        """
        with Transaction(self):
            self._node(task)
        return task

    def _node(self, task: Any) -> Node:
        """The node of `task`, which is added if it is new here."""
        if not isinstance(task, Task):
            message = f"flow {self.name!r}: {task!r} is no task; decorate the function with @task"
            raise GraphError(message)
        return self.nodes.get(task) or self._add(task)

    def _add(self, task: Task) -> Node:
        home = task.flow
        if home is not None and home is not self:
            message = (
                f"task {task.name!r} belongs to flow {home.name!r} and cannot be used in flow "
                f"{self.name!r}: call the task again inside {self.name!r}"
            )
            raise GraphError(message)
        now = BUILDING.get()
        scope = case = None
        if task.kind == "parameter":
            self._add_parameter(task)
        else:
            scope, case = now.scope, now.case
        if scope is not None:
            if scope.flow is not self:
                message = (
                    f"scope {scope.name!r} belongs to flow {scope.flow.name!r}, so task "
                    f"{task.name!r} of flow {self.name!r} cannot be added inside it"
                )
                raise GraphError(message)
            scope.members[task] = None
        if now.tags:
            self.changed(partial(setattr, task, "tags", task.tags))
            task.tags = task.tags | now.tags
        self._counter += 1
        node = self.nodes[task] = Node(task, scope, self._counter)
        task.home = self._home
        self.changed(partial(self._forget, task))
        if case is not None:
            case.add_task(task, self)
        return node

    def adopt(self, task: Task, scope: "Scope | None") -> Node:
        """Add a task that keeps its home, without arguments (for flows that share tasks)."""
        if task.kind == "parameter":
            self._add_parameter(task)
        self._counter += 1
        node = self.nodes[task] = Node(task, scope, self._counter)
        self.changed(partial(self.nodes.pop, task, None))
        return node

    def _add_parameter(self, task: Task) -> None:
        other = self.parameter_names.get(task.name)
        if other is not None and other is not task and other in self.nodes:
            message = f"flow {self.name!r} already has a parameter {task.name!r}: use that handle"
            raise GraphError(message)
        self.parameter_names[task.name] = task
        self.changed(partial(self._restore_parameter, task.name, other))

    def _restore_parameter(self, name: str, other: Task | None) -> None:
        if other is None:
            self.parameter_names.pop(name, None)
        else:
            self.parameter_names[name] = other

    def _forget(self, task: Task) -> None:
        node = self.nodes.pop(task)
        task.home = None
        if node.scope is not None:
            node.scope.members.pop(task, None)

    def bind_task(
        self,
        task: Task,
        inputs: Mapping[str, Any],
        positional: int,
        mapped: bool = False,
        upstream_tasks: Iterable[Any] = (),
    ) -> None:
        """Add `task` with its arguments; see `Task.bind`."""
        with Transaction(self):
            node = self.nodes.get(task)
            if node is None:
                # what the arguments bring in comes first, so that edges point from old to new
                for value in inputs.values():
                    self._bring_in(value)
                for value in upstream_tasks:
                    self._bring_in(value)
                node = self._add(task)
            elif node.inputs:
                message = f"task {task.name!r} has its arguments already: call it again instead"
                raise GraphError(message)
            else:
                self.changed(partial(node.restore, node.saved()))
            node.positional = positional
            for key, value in inputs.items():
                if mapped or type(value) in _WRAPPERS:
                    self._bind_mapped(node, key, value, mapped)
                else:
                    self._bind(node, key, value)
            for value in upstream_tasks:
                self.add_edge(value, task, mapped=mapped and type(value) is not unmapped)
            if mapped and not inputs and not node.control:
                message = (
                    f"task {task.name!r} is mapped over nothing: give it an argument, or call it "
                    "without map"
                )
                raise GraphError(message)
            self.check_cycle(node.upstream, node)

    def _bring_in(self, value: Any) -> None:
        while type(value) in _WRAPPERS:
            value = value.value
        kind = type(value)
        if isinstance(value, Task):
            if value not in self.nodes:
                self._add(value)
        elif kind in _COLLECTIONS:
            for task in tasks_in(as_input(value, _is_task)):
                if task not in self.nodes:
                    self._add(task)

    def _bind(self, node: Node, key: str, value: Any) -> None:
        if isinstance(value, Task):
            node.inputs[key] = value
            self.link(value, node)
        elif type(value) in _COLLECTIONS:
            found = node.inputs[key] = as_input(value, _is_task)
            if type(found) is Collection:
                for task in dict.fromkeys(tasks_in(found)):
                    self.link(task, node)
        else:
            node.inputs[key] = Constant(value)

    def _bind_mapped(
        self, node: Node, key: str, value: Any, mapped: bool, flattened: bool = False
    ) -> None:
        """Bind a `value` that is mapped over, or says itself how it is passed."""
        while type(value) in _WRAPPERS:
            flattened = flattened or type(value) is flatten
            mapped = type(value) is mapped_over or (mapped and type(value) is not unmapped)
            value = value.value
        if mapped and not isinstance(value, Task) and not is_sequence(value):
            message = (
                f"task {node.task.name!r} cannot be mapped over {key}={value!r}, which is no "
                "sequence: wrap it in unmapped(...) to pass it to every child"
            )
            raise GraphError(message)
        self._bind(node, key, value)
        if mapped:
            node.mapped = node.mapped | {key}
        if flattened:
            node.flattened = node.flattened | {key}

    def link(self, upstream: Task, node: Node) -> None:
        """Record that `node` comes after `upstream`."""
        source = self._node(upstream)
        task = node.task
        if upstream.kind == "setup" and task.kind != "cleanup":
            self._check_inside(upstream, node)
        if task in source.downstream:
            return
        source.downstream[task] = None
        node.upstream[upstream] = None
        self.changed(partial(self._unlink, upstream, task))

    def _unlink(self, upstream: Task, task: Task) -> None:
        if upstream in self.nodes:
            self.nodes[upstream].downstream.pop(task, None)
        if task in self.nodes:
            self.nodes[task].upstream.pop(upstream, None)

    def scope_of(self, task: Task) -> "Scope":
        """The scope whose init, set-up or clean-up task `task` is."""
        scope: Scope = task.scope  # type: ignore[attr-defined]
        if scope in self.scopes:
            return scope
        return next(one for one in self.scopes if task in one.own_tasks)

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

    def add_edge(  # noqa: PLR0917 - Prefect's places
        self,
        upstream_task: Any,
        downstream_task: Task,
        key: str | None = None,
        mapped: bool = False,
        flattened: bool = False,
        validate: bool | None = None,
    ) -> Edge:
        """Let one task run before another, and pass its value as argument `key` if one is named.

        `validate` is accepted for the sake of Prefect's flows; each edge is checked at once.

        Raises:
            GraphError: the edge closes a cycle, there is no task where one should be, a task is
                another flow's, or `key` is no parameter of the task or has a value already.
        """
        while type(upstream_task) in _WRAPPERS:
            flattened = flattened or type(upstream_task) is flatten
            mapped = mapped or type(upstream_task) is mapped_over
            upstream_task = upstream_task.value
        del validate
        with Transaction(self):
            self._bring_in(upstream_task)
            node = self._node(downstream_task)
            self.changed(partial(node.restore, node.saved()))
            sources = tuple(dict.fromkeys(tasks_in(as_input(upstream_task, _is_task))))
            if key is None:
                if not sources and type(upstream_task) not in _COLLECTIONS:
                    message = (
                        f"task {downstream_task.name!r} cannot wait for {upstream_task!r}, which "
                        "is no task: decorate the function with @task and call it"
                    )
                    raise GraphError(message)
                for task in sources:
                    node.control[task] = mapped
                    self.link(task, node)
            else:
                self._check_key(node, key)
                self._bind_mapped(node, key, upstream_task, mapped, flattened)
            self.check_cycle(sources, node)
        return Edge(upstream_task, downstream_task, key, mapped, flattened)

    def _check_key(self, node: Node, key: str) -> None:
        if not node.task.signature.accepts(key):
            message = f"task {node.task.name!r} has no parameter {key!r}"
            raise GraphError(message)
        if key in node.inputs and type(node.inputs[key]) is not Constant:
            message = f"task {node.task.name!r} has a value for argument {key!r} already"
            raise GraphError(message)

    def check_cycle(self, sources: Iterable[Task], node: Node) -> None:
        """Make sure that the edges which were just added from `sources` closed no cycle."""
        nodes = self.nodes
        if self.forward and all(
            nodes[one].position < node.position and one.kind != "cleanup" for one in sources
        ):
            return
        self.changed(partial(setattr, self, "forward", self.forward))
        self.forward = False
        if not node.downstream and node.scope is None:
            return  # nothing leads away from it
        circle = order.cycle(self, node.task)
        if circle:
            message = (
                f"flow {self.name!r} must have no cycle, but this edge closes one: "
                + " -> ".join(repr(one.name) for one in circle)
            )
            raise GraphError(message)

    def chain(self, *tasks: Task, validate: bool | None = None) -> list[Edge]:
        """Let each of `tasks` run after the one before it; for `validate` see `add_edge`."""
        del validate
        with Transaction(self):
            return [self.add_edge(first, second) for first, second in pairwise(tasks)]

    def add_scope(
        self, scope: "Scope", inputs: Mapping[str, Any], positional: int, mapped: bool = False
    ) -> None:
        """Add a scope and its three tasks; `inputs` are the arguments of the manager."""
        scope.parent = BUILDING.get().scope
        init, setup, cleanup = scope.own_tasks
        with Transaction(self):
            self.scopes[scope] = None
            self.changed(partial(self.scopes.pop, scope, None))
            self.bind_task(init, inputs, positional, mapped)
            mapped = scope.is_mapped  # it is also by an argument inside `mapped`
            self.bind_task(setup, {"manager": init}, 1, mapped)
            self.bind_task(cleanup, {"manager": init, "resource": setup}, 2, mapped)


__all__ = ["Structure"]
