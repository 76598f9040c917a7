"""`CallArguments`: what the code of a row that a ``@flow`` function has added is called with."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from resnb.run.functions.futures import TaskFuture, resolved


class CallArguments(NamedTuple):
    """The arguments of one call; futures among them stand for their values."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    has_futures: bool = False

    def actual(self, values: Any) -> tuple[list[Any], dict[str, Any]]:
        """The arguments with the values of futures; `values` has the value of each row."""
        args, kwargs = list(self.args), dict(self.kwargs)
        if not self.has_futures:
            return args, kwargs

        def value_of(future: TaskFuture) -> Any:
            return values[future.row]

        return resolved(args, value_of), resolved(kwargs, value_of)


NO_ARGUMENTS = CallArguments((), {})

__all__ = ["NO_ARGUMENTS", "CallArguments"]
