"""`defaults_from_attrs`: arguments of ``run`` that default to the task's attributes."""

from collections.abc import Callable
from functools import wraps
from typing import Any


def defaults_from_attrs(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Use the task's attributes for arguments of ``run`` that are left out.

    Args:
        *names: arguments, each with an attribute of the same name.

    Example:
        >>> class Add(Task):
        ...     amount = 10
        ...     @defaults_from_attrs("amount")
        ...     def run(self, x, amount=None):
        ...         return x + amount
        >>> Add().run(1), Add().run(1, amount=2)
        (11, 3)
    """

    def decorate(run: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(run)
        def with_defaults(self: Any, *args: Any, **kwargs: Any) -> Any:
            from inspect import signature

            bound = signature(run).bind_partial(self, *args, **kwargs)
            for name in names:
                if name not in bound.arguments:
                    kwargs[name] = getattr(self, name)
            return run(self, *args, **kwargs)

        return with_defaults

    return decorate
