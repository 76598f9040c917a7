"""The ``@flow`` function that is running around a line: a task that is called there runs at once.

A flow that is being built takes precedence, since one can be built inside such a function.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Protocol

from resnb.graph.base.building import flow_being_built
from resnb.graph.base.roles import Function


class ActiveFunction(Protocol):
    """A run of a ``@flow`` function, as the lines of the function see it."""

    @property
    def flow(self) -> Function:
        """The function."""

    def call(self, task: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], /) -> Any:
        """Run `task` now and return its value."""

    def submit(self, task: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], /) -> Any:
        """Run `task` on a worker and return a future."""

    def map(self, task: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], /) -> Any:
        """Run `task` on workers, once for each item, and return a list of futures."""

    def use(self, manager: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], /) -> Any:
        """A block that holds a resource."""


ACTIVE_FUNCTION: ContextVar[ActiveFunction | None] = ContextVar(
    "resnb_active_function", default=None
)


def active_function() -> ActiveFunction | None:
    """The run that this line belongs to; None outside of one, or while a flow is being built."""
    found = ACTIVE_FUNCTION.get()
    return found if found is not None and flow_being_built() is None else None
