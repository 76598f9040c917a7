"""Edges: dependencies between two tasks."""

from typing import NamedTuple

from resnb.graph.tasks.task import Task


class Edge(NamedTuple):
    """A dependency between two tasks of a flow."""

    upstream_task: Task  # the task that runs first
    downstream_task: Task  # the task that runs after it
    key: str | None = None  # the parameter that receives the value; None if only the order matters
    mapped: bool = False  # whether each child depends on one item of the upstream value
    flattened: bool = False  # whether one level of nesting is taken out before mapping
