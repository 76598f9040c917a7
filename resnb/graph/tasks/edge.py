"""Edges: dependencies between two tasks."""

from typing import Any, NamedTuple, Self

from resnb.errors import GraphError
from resnb.graph.base.inputs import unwrapped
from resnb.graph.tasks.task import Task


class _Fields(NamedTuple):
    upstream_task: Task  # the task that runs first
    downstream_task: Task  # the task that runs after it
    key: str | None = None  # the parameter that receives the value; None if only the order matters
    mapped: bool = False  # whether each child depends on one item of the upstream value
    flattened: bool = False  # whether one level of nesting is taken out before mapping


class Edge(_Fields):
    """A dependency between two tasks of a flow.

    ``mapped(...)``, ``unmapped(...)`` and ``flatten(...)`` around `upstream_task` take precedence.

    Raises:
        GraphError: both tasks are the same, or `key` can be no parameter's name.

    Example:
        >>> a, b = Task("a"), Task("b")
        >>> flow = Flow("pair", edges=[Edge(a, b)])
        >>> flow.upstream_tasks(b) == {a}
        True
    """

    __slots__ = ()

    def __new__(
        cls,
        upstream_task: Any,
        downstream_task: Task,
        key: str | None = None,
        mapped: bool = False,
        flattened: bool = False,
    ) -> Self:
        """An edge that was checked; ``Edge._make`` leaves that out."""
        upstream_task, mapped, flattened = unwrapped(upstream_task, mapped, flattened)
        if upstream_task is downstream_task:
            name = getattr(downstream_task, "name", downstream_task)
            message = f"an edge from task {name!r} to itself would be a cycle"
            raise GraphError(message)
        if key is not None and not (isinstance(key, str) and key.isidentifier()):
            message = f"an edge's key is the name of a parameter, which {key!r} cannot be"
            raise GraphError(message)
        return super().__new__(cls, upstream_task, downstream_task, key, mapped, flattened)

    @property
    def tasks(self) -> set[Task]:
        """Both tasks."""
        return {self.upstream_task, self.downstream_task}
