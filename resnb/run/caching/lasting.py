"""Which tasks' values are kept, and for how long."""

from itertools import compress
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resnb.graph.flow import Flow
    from resnb.graph.tasks.task import Task

_OPTIONS = attrgetter("cache_for", "target", "cache_validator", "kept_result")
_NONE = (None, None, None, None)


def is_kept(task: "Task") -> bool:
    """Whether a task's own options keep its value."""
    return _OPTIONS(task) != _NONE


def keeps_all(flow: "Flow") -> bool:
    """Whether the flow keeps the values of all tasks that do not say otherwise."""
    return flow.cache_for is not None or flow.result is not None


def kept_tasks(flow: "Flow") -> "list[Task]":
    """The tasks of `flow` whose values may be kept; every run asks for them."""
    if keeps_all(flow):
        return list(flow.nodes)
    return list(compress(flow.nodes, map(_NONE.__ne__, map(_OPTIONS, flow.nodes))))


def lasting(flow: "Flow", task: "Task") -> float | None:
    """For how many seconds a task's value lasts; None if it does not."""
    if task.kind != "task":
        return None
    return flow.cache_for if task.cache_for is None else task.cache_for


def result_of(flow: "Flow", task: "Task") -> Any:
    """Where a task's value is kept as a file; None if it is not."""
    return flow.result if task.kept_result is None else task.kept_result
