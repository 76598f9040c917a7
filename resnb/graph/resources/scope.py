"""Scopes: one use of a resource manager in one flow, and the edges that follow from it.

A scope keeps its members. The edges from set-up and to clean-up are *derived* from them whenever
they are needed, so that cells can join a scope later without bookkeeping:

    setup -> every member without an upstream task among the members
    every member without a downstream task among the members -> cleanup

A nested scope's init, set-up and clean-up tasks are members of the scope around it.

A scope is *mapped* if its init task is. Then set-up and clean-up are mapped, too, and there is a
resource for each item. Tasks that are mapped over these use one each, other tasks use all.
"""

from collections.abc import Iterator
from types import TracebackType
from typing import Any, NamedTuple, Self

from resnb.errors import GraphError
from resnb.graph.base.building import BUILDING, enter, leave
from resnb.graph.base.option_values import checked_value
from resnb.graph.base.options import refuse_unknown
from resnb.graph.base.roles import Graph, Manager, Node
from resnb.graph.tasks.edge import Edge
from resnb.graph.tasks.task import Task

WHOLE = -1
"""The item's number where one resource serves the whole scope."""


class ScopeOptions(NamedTuple):
    """The options of a scope's lease, durations in seconds.

    Attributes:
        cleanup_timeout: how long one try of the clean-up may take.
        cleanup_retries: the number of tries after a failed one.
        ttl: the age at which the resource is cleaned up in any case; None for no limit.
        idle_timeout: the time without use after which it is cleaned up; None for no limit.
        keep: how long it survives the kernel, to be adopted; None if it does not.
        on: ``"always"``, or the outcome (``"success"``, ``"failure"``) after which it is cleaned
            up when its scope ends; after the other it stays until the kernel ends.
        lifetime: ``"block"``, ``"flow"`` or ``"kernel"``.
        cost_per_hour: what an hour of the resource costs, in whatever currency; views say what it
            has cost so far. None if it is not known.
        setup: ``"eager"``, or ``"lazy"``: in a flow, not before the first task that could run but
            for it, and not at all if there is none.
        find_for: for how long nothing must be found before what a set-up that did not return may
            have made counts as gone; None for the manager's ``find_for``, or else 15 minutes.
    """

    cleanup_timeout: float = 60.0
    cleanup_retries: int = 0
    ttl: float | None = None
    idle_timeout: float | None = None
    keep: float | None = None
    on: str = "always"
    lifetime: str = "block"
    cost_per_hour: float | None = None
    setup: str = "eager"
    find_for: float | None = None

    def replaced(self, owner: str, options: dict[str, Any]) -> "ScopeOptions":
        """A copy with some options changed, after a check.

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

    Tasks that are added while it is entered become its members. It can be entered several times.

    Attributes:
        manager: the definition.
        flow: the flow it belongs to.
        name: the scope's name in the graph: its variable, or else the manager's name.
        options: the options of its lease.
        parent: the scope around it.
        init_task: creates the manager object.
        setup_task: sets the resource up, and is its handle.
        cleanup_task: cleans the resource up.
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
        enter(self, flow=self.flow, scope=self)
        return self.setup_task

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        leave(self)

    def as_executor(self) -> Self:
        """Run the tasks inside on the resource: a Dask client, cluster or address.

        Returns:
            The scope, to be entered: ``with DaskCluster(n_workers=4).as_executor() as client:``.

        Raises:
            GraphError: the scope is mapped, so there are several resources.
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
        """A copy with the same tasks, as part of another flow."""
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
        """Whether it has a resource for each item, as in ``Database.map(urls)``."""
        node = self.flow.nodes.get(self.init_task)
        return node is not None and node.is_mapped

    def in_step(self) -> set[Task]:
        """The tasks of a mapped scope whose children use one resource each, its own tasks included.

        Child `i` of such a task uses the resource of item `i`, because the task is mapped over the
        resources, or over a task that is. Any other task inside may use all of them.
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
        """The clause of a ``%%flow`` line that puts its cell into this scope."""
        manager = self.manager.name
        return f"--with {manager}" if self.name == manager else f"--with {manager} as {self.name}"

    def derived_edges(self) -> Iterator[Edge]:
        """The edges from set-up and to clean-up; see the module's docstring."""
        members, nodes = self.members, self.flow.nodes
        setup, cleanup = self.setup_task, self.cleanup_task
        for task in members:
            node = nodes[task]
            if setup not in node.upstream and members.keys().isdisjoint(node.upstream):
                yield Edge._make((setup, task, None, False, False))
            if cleanup not in node.downstream and members.keys().isdisjoint(node.downstream):
                yield Edge._make((task, cleanup, None, False, False))

    def __repr__(self) -> str:
        """A stable text, without times or addresses."""
        return f"<Scope: {self.name}>"


class ScopeUse(NamedTuple):
    """What a lease is held for: a scope, or one item of a mapped scope."""

    scope: Scope  # the scope
    item: int = WHOLE  # the item's number, from 0; `WHOLE` if the scope is not mapped

    def named(self, name: str) -> str:
        """`name`, or ``name[item]`` if the scope is mapped."""
        return name if self.item == WHOLE else f"{name}[{self.item}]"


def _is_in_step(node: Node, leading: set[Task], setup: Task) -> bool:
    """Whether each child of `node` depends on one child of a task in `leading`, not on all."""
    edges = list(node.edges())
    over = [one.upstream_task for one in edges if one.mapped and not one.flattened]
    whole = any(one.upstream_task is setup and not one.mapped for one in edges)
    return not whole and not leading.isdisjoint(over)


def no_executor(scope: Scope) -> str:
    """The message that a mapped scope cannot run the tasks inside it."""
    return (
        f"scope {scope.name!r} is mapped, so no single resource of it could run the tasks inside: "
        f"use {scope.manager.name}(...).as_executor() for one"
    )
