"""Edges: dependencies between two tasks."""

from typing import NamedTuple

from resnb.graph.tasks.task import Task


class Edge(NamedTuple):
    """A dependency between two tasks of a flow.

    Attributes:
        upstream_task: the task that runs first.
        downstream_task: the task that runs after it.
        key: the parameter that receives the value; None if only the order matters.
        mapped: whether each child depends on one item of the upstream value.
        flattened: whether one level of nesting is taken out before mapping.
    """

    upstream_task: Task
    downstream_task: Task
    key: str | None = None
    mapped: bool = False
    flattened: bool = False
