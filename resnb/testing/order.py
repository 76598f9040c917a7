"""What is checked, as it goes to the processes that hold leases of it and are killed."""

import copy
import inspect
from collections.abc import Callable
from types import CodeType
from typing import Any, NamedTuple

from resnb.errors import OptionError
from resnb.graph.resources.resource import ResourceManager
from resnb.ledger.recipes.pickling import pickled
from resnb.run.held.resource import HeldResource

FIND_FOR = 1.0
"""For how long the reaper looks for what is half made, in seconds: nothing comes late here."""


class Order(NamedTuple):
    """A resource and its arguments."""

    resource: ResourceManager
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    use: Callable[[Any], object] | None
    steps: int | None

    def held(self) -> HeldResource:
        """A new use of it."""
        return HeldResource(self.resource, self.args, self.kwargs)

    def used(self, resource: Any) -> None:
        """Use the resource as the caller says."""
        if self.use is not None:
            self.use(resource)

    def manager(self) -> Any:
        """A new manager."""
        return self.resource.resource_class(*self.args, **self.kwargs)


def order_of(
    manager: Any, use: Callable[[Any], object] | None = None, steps: int | None = None
) -> Order:
    """The order for whatever a caller calls a manager.

    Args:
        manager: a resource with its arguments, one that needs none, or a manager itself.
        use: see `check_resource`.
        steps: likewise.
    """
    if isinstance(manager, HeldResource):
        resource, args, kwargs = manager.manager, manager.args, manager.kwargs
    elif isinstance(manager, ResourceManager):
        resource, args, kwargs = manager, (), {}
    elif callable(getattr(manager, "cleanup", None)) and not isinstance(manager, type):
        resource, args, kwargs = ResourceManager(type(manager)), (), {}
        resource.resource_class = _Copies(manager)  # type: ignore[assignment]
    else:
        resource, args, kwargs = ResourceManager(manager), (), {}
    quick = resource.options(find_for=FIND_FOR)
    return Order(quick, args, kwargs, use, steps)


class _Copies:
    """Makes managers like one that the caller has made."""

    def __init__(self, manager: Any) -> None:
        self._manager = manager

    def __call__(self) -> Any:
        return copy.deepcopy(self._manager)


def written(order: Order) -> bytes:
    """The order as another process reads it.

    Raises:
        OptionError: it does not pickle.
    """
    found = pickled(tuple(order))
    if found.data is None:
        message = f"check_resource: the manager has to go to another process: {found.fault}"
        raise OptionError(message)
    return found.data


def code_of(manager: Any, step: str) -> CodeType | None:
    """The code of a manager's ``setup`` or ``cleanup``, as its author wrote it."""
    named = getattr(type(manager), "__resnb_function__", None)
    function = named() if named is not None else getattr(type(manager), step, None)
    function = inspect.unwrap(function) if function is not None else None
    return getattr(function, "__code__", None)
