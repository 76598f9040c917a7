"""Which tasks' values last, and for how long."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resnb.graph.flow import Flow
    from resnb.graph.tasks.task import Task


def may_last(flow: "Flow") -> bool:
    """Whether the value of any task of `flow` lasts."""
    return flow.cache_for is not None or any(task.cache_for is not None for task in flow.nodes)


def lasting(flow: "Flow", task: "Task") -> float | None:
    """For how many seconds a task's value lasts; None if it does not."""
    if task.kind != "task":
        return None
    return flow.cache_for if task.cache_for is None else task.cache_for
