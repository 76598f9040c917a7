"""Scopes: one use of a resource manager in one flow, and the edges that follow from it.

A scope keeps its members; the edges from set-up and to clean-up are *derived* from them each
time they are asked for, so that cells can join a scope later on without bookkeeping:

    setup -> every member without an upstream task among the members
    every member without a downstream task among the members -> cleanup

A nested scope's init, set-up and clean-up tasks are members of the scope around it.

A scope is *mapped* if its init task is: then so are set-up and clean-up, and there is a resource
for each item. What is mapped over these works with one of them, what is not with all.
"""

from collections.abc import Iterator
from types import TracebackType
from typing import Any, NamedTuple, Self

from resnb.errors import GraphError
from resnb.graph.base.building import BUILDING, enter, leave
from resnb.graph.base.options import checked_value, refuse_unknown
from resnb.graph.base.roles import Graph, Manager, Node
from resnb.graph.tasks.edge import Edge
from resnb.graph.tasks.task import Task

WHOLE = -1
"""Stands for an item's number where there is one resource for the whole scope."""


class ScopeOptions(NamedTuple):
    """How a scope's lease is kept (durations in seconds).

    Attributes:
        cleanup_timeout: how long one try of the clean-up may take.
        cleanup_retries: how many more tries follow a failed one.
        ttl: age after which the resource is cleaned up whatever happens; None for no limit.
        idle_timeout: time without use after which it is cleaned up; None for no limit.
        keep: how long it survives the kernel, to be adopted; None if it does not.
        on: ``"always"``, or the outcome (``"success"``, ``"failure"``) upon which it is cleaned
            up when its scope ends; in the other case it stays until the kernel's end.
        lifetime: ``"block"``, ``"flow"`` or ``"kernel"``.
    """

    cleanup_timeout: float = 60.0
    cleanup_retries: int = 0
    ttl: float | None = None
    idle_timeout: float | None = None
    keep: float | None = None
    on: str = "always"
    lifetime: str = "block"

    def replaced(self, owner: str, options: dict[str, Any]) -> "ScopeOptions":
        """These options with `options` in place of the old ones, checked.

        Raises:
            OptionError: an option is unknown or of the wrong kind.
        """
        refuse_unknown(owner, options, ScopeOptions._fields)
        found = {name: checked_value(owner, name, value) for name, value in options.items()}
        if found.get("cleanup_timeout", 0) is None:
            found["cleanup_timeout"] = ScopeOptions._field_defaults["cleanup_timeout"]
        return self._replace(**found)


class Scope:
    """One use of a resource manager: a block of tasks between set-up and clean-up.

    Entering it (again) makes the tasks that are added inside its members.

    Attributes:
        manager: the definition.
        flow: the flow it belongs to.
        name: how the scope is called in the graph: its variable, else the manager's name.
        options: how its lease is kept.
        parent: the scope around it.
        init_task: makes the manager object.
        setup_task: makes the resource, and is the handle of it.
        cleanup_task: cleans it up.
        members: the tasks inside, in the order in which they were added.
        executes: whether its resource runs the tasks inside; see `as_executor`.
    """

    def __init__(self, manager: Manager, flow: Graph, options: ScopeOptions, name: str) -> None:
        self.manager = manager
        self.flow = flow
        self.options = options
        self.name = name
        self.parent: Scope | None = None
        self.executes = False
        self.members: dict[Task, None] = {}
        self.init_task: Task
        self.setup_task: Task
        self.cleanup_task: Task

    def __enter__(self) -> Task:
        now = BUILDING.get()
        if now.flow is not None and now.flow is not self.flow:
            message = (
                f"scope {self.name!r} belongs to flow {self.flow.name!r} and cannot be used in "
                f"flow {now.flow.name!r}: use {self.manager.name!r} again there"
            )
            raise GraphError(message)
        if now.scope is not None and not any(one is now.scope for one in self.around()):
            message = (
                f"scope {self.name!r} was made outside scope {now.scope.name!r} and cannot be "
                f"entered inside it: use {self.manager.name!r} in the `with` line itself"
            )
            raise GraphError(message)
        enter(flow=self.flow, scope=self)
        return self.setup_task

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        leave()

    def as_executor(self) -> Self:
        """Let the tasks inside run on the resource: a Dask client, cluster or address.

        Returns:
            The scope, to be entered: ``with DaskCluster(n_workers=4).as_executor() as client:``.

        Raises:
            GraphError: the scope is mapped, so that there is no one resource.
        """
        if self.is_mapped:
            raise GraphError(no_executor(self))
        self.executes = True
        return self

    def around(self) -> Iterator["Scope"]:
        """This scope and those around it, from the inside out."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    def copied(self, flow: Graph, parent: "Scope | None") -> "Scope":
        """The same use, with the same tasks, as part of another flow."""
        new = Scope(self.manager, flow, self.options, self.name)
        new.parent = parent
        new.executes = self.executes
        new.members = dict(self.members)
        new.init_task, new.setup_task, new.cleanup_task = self.own_tasks
        return new

    @property
    def own_tasks(self) -> tuple[Task, Task, Task]:
        """The init, set-up and clean-up tasks."""
        return self.init_task, self.setup_task, self.cleanup_task

    @property
    def is_mapped(self) -> bool:
        """Whether it has a resource for each item of something: ``Database.map(urls)``."""
        node = self.flow.nodes.get(self.init_task)
        return node is not None and node.is_mapped

    def in_step(self) -> set[Task]:
        """Of a mapped scope: its own tasks, and those of which each child has one item's resource.

        Child `i` of such a task works with the resource of item `i`, for the task is mapped over
        the resources, or over what was; every other task inside may work with all of them.
        """
        nodes, setup = self.flow.nodes, self.setup_task
        found = set(self.own_tasks)
        stack = [setup]
        while stack:
            for after in nodes[stack.pop()].downstream:
                node = nodes[after]
                inside = node.scope is not None and self in node.scope.around()
                if after not in found and inside and _is_in_step(node, found, setup):
                    found.add(after)
                    stack.append(after)
        return found

    @property
    def clause(self) -> str:
        """What a ``%%flow`` line says to put its cell into this scope."""
        manager = self.manager.name
        return f"--with {manager}" if self.name == manager else f"--with {manager} as {self.name}"

    def derived_edges(self) -> Iterator[Edge]:
        """The edges that set-up and clean-up have to members (see the module's text)."""
        members, nodes = self.members, self.flow.nodes
        setup, cleanup = self.setup_task, self.cleanup_task
        for task in members:
            node = nodes[task]
            if setup not in node.upstream and members.keys().isdisjoint(node.upstream):
                yield Edge(setup, task)
            if cleanup not in node.downstream and members.keys().isdisjoint(node.downstream):
                yield Edge(task, cleanup)

    def __repr__(self) -> str:
        """A stable text, without times or addresses."""
        return f"<Scope: {self.name}>"


class ScopeUse(NamedTuple):
    """What one lease is held for: a scope, or one item of a mapped scope.

    Attributes:
        scope: the scope.
        item: the item's number, from 0; `WHOLE` where the scope is not mapped.
    """

    scope: Scope
    item: int = WHOLE

    def named(self, name: str) -> str:
        """The scope's `name` as that of this use: ``name[item]`` where it is mapped."""
        return name if self.item == WHOLE else f"{name}[{self.item}]"


def _is_in_step(node: Node, leading: set[Task], setup: Task) -> bool:
    """Whether the children of `node` follow those of a task in `leading`, and see no others."""
    edges = list(node.edges())
    over = [one.upstream_task for one in edges if one.mapped and not one.flattened]
    whole = any(one.upstream_task is setup and not one.mapped for one in edges)
    return not whole and not leading.isdisjoint(over)


def no_executor(scope: Scope) -> str:
    """Why a mapped scope cannot run the tasks inside it."""
    return (
        f"scope {scope.name!r} is mapped, so no single resource of it could run the tasks inside: "
        f"use {scope.manager.name}(...).as_executor() for one"
    )


__all__ = ["WHOLE", "Scope", "ScopeOptions", "ScopeUse", "no_executor"]
