"""Which ``@flow`` function is running around a line, so that a task called there runs at once.

A context variable, like the one that says which flow is being built; that one comes first, for a
flow may be built inside such a function.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

from resnb.errors import OutsideFlowError
from resnb.graph.base.building import flow_being_built

if TYPE_CHECKING:
    from resnb.graph.function import FlowFunction
    from resnb.graph.resources.resource import ResourceManager
    from resnb.graph.resources.scope import Scope
    from resnb.graph.tasks.task import Task


class Unfolding(Protocol):
    """A run of a ``@flow`` function, as its body sees it."""

    flow: "FlowFunction"

    def call(self, task: "Task", args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Run `task` now; gives its value."""

    def submit(self, task: "Task", args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Run `task` on a worker; gives a future."""

    def map(self, task: "Task", args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Run `task` on workers, once for each item; gives a list of futures."""

    def use(
        self, manager: "ResourceManager", args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> "Scope":
        """A block that holds a resource."""


UNFOLDING: ContextVar[Unfolding | None] = ContextVar("resnb_unfolding", default=None)


def unfolding() -> Unfolding | None:
    """The run whose body we are in; None if we are in none, or in a flow that is being built."""
    found = UNFOLDING.get()
    return found if found is not None and flow_being_built() is None else None


def unfolding_for(what: str) -> Unfolding:
    """The run whose body we are in.

    Args:
        what: what needs it, for the error.

    Raises:
        OutsideFlowError: we are in none.
    """
    found = unfolding()
    if found is None:
        message = (
            f"{what} outside a @flow function: in `with Flow(...)` and %%flow cells call it, "
            "which runs it on workers, too"
        )
        raise OutsideFlowError(message)
    return found


def with_options(
    kwargs: dict[str, Any], task_args: Mapping[str, Any] | None, upstream_tasks: Any
) -> dict[str, Any]:
    """The keywords of a call in a ``@flow`` function, its options among them."""
    if task_args is not None:
        kwargs["task_args"] = task_args
    if upstream_tasks is not None:
        kwargs["upstream_tasks"] = upstream_tasks
    return kwargs


__all__ = ["UNFOLDING", "Unfolding", "unfolding", "unfolding_for", "with_options"]
