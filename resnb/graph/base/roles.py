"""What tasks, scopes and conditions need of a flow, and flows of those, as protocols.

A flow is built of tasks and scopes, and both refer back to it. They name these protocols instead of
the classes, so that imports go one way only. A task appears as ``Any``: nothing in `base` knows
tasks.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from resnb.graph.base.signature import Signature
from resnb.states import State


class Memory(Protocol):
    """What a flow remembers of its runs."""

    def value_of(self, task: Any, /) -> Any:
        """The latest value of `task`, or `NoValueError`."""

    def state_of(self, task: Any, /) -> State:
        """The latest state of `task`."""

    def outlook(self, task: Any, /) -> tuple[str, bool]:
        """The latest state of `task` in a word, and whether it has a value."""


class Scope(Protocol):
    """A resource scope, as the tasks inside see it."""

    name: str
    members: dict[Any, None]

    @property
    def flow(self) -> "Graph":
        """The flow that it belongs to."""


class Node(Protocol):
    """The place of a task in a flow; see `resnb.graph.node`."""

    scope: Any

    @property
    def upstream(self) -> Collection[Any]:
        """The tasks with an edge to this one."""

    @property
    def downstream(self) -> Collection[Any]:
        """The tasks to which this one has an edge."""

    @property
    def is_mapped(self) -> bool:
        """Whether the task runs once for each item of something."""

    def edges(self) -> Iterator[Any]:
        """The explicit edges that end here."""


class Graph(Protocol):
    """A flow, as its scopes see it."""

    name: str

    @property
    def nodes(self) -> Mapping[Any, Node]:
        """A node for each task."""


class Flow(Graph, Protocol):
    """A flow, as its tasks see it."""

    built_by_cells: bool

    @property
    def memory(self) -> Memory | None:
        """What is known of its runs; None before the first one."""

    def label_of(self, task: Any, /) -> str:
        """The name of a task, as views show it."""

    def transaction(self) -> AbstractContextManager[None]:
        """A block whose changes are all taken back if it raises."""

    def add_task(self, task: Any, /) -> Any:
        """Add a task without arguments."""

    def bind_call(self, task: Any, names: tuple[str, ...], args: tuple[Any, ...], /) -> bool:
        """Add a task with its arguments, if these are tasks; false if that takes `bind_task`."""

    def bind_task(
        self,
        task: Any,
        inputs: Mapping[str, Any],
        positional: int,
        mapped: bool = False,
        upstream_tasks: Iterable[Any] = (),
        /,
    ) -> None:
        """Add a task with its arguments."""

    def add_edge(
        self,
        upstream_task: Any,
        downstream_task: Any,
        key: str | None = None,
        mapped: bool = False,
        flattened: bool = False,
    ) -> object:
        """Let one task run before another."""

    def add_scope(
        self, scope: Any, inputs: Mapping[str, Any], positional: int, mapped: bool = False, /
    ) -> None:
        """Add a scope with its three tasks."""


class Condition(Protocol):
    """A ``case`` block."""

    def add_task(self, task: Any, flow: Any, /) -> None:
        """Let `task`, which was added inside the block, depend on the condition."""


class Function(Protocol):
    """A ``@flow`` function."""

    name: str
    signature: Signature


class Manager(Protocol):
    """The definition of a resource."""

    name: str
    definition: Any
    resource_class: type
    shared: Any
