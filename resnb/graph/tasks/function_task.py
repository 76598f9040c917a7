"""Tasks whose code is a function, and the decorator `task` that makes them."""

from collections.abc import Callable
from typing import Any, overload

from resnb.errors import GraphError
from resnb.graph.base.signature import annotated_nout
from resnb.graph.tasks.task import Task


class _OfFunction:
    """An attribute that a task has of its function, so that not each call's copy has to keep it.

    Args:
        get: gives it.
        own: the attribute of the class itself; None if that has none.
    """

    def __init__(self, get: Callable[[Any], Any], own: str | None = None) -> None:
        self._get = get
        self._own = own

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is not None:
            return self._get(instance.run)
        if self._own is None:
            raise AttributeError
        return self._own


class FunctionTask(Task):  # noqa: D101 - it is `__doc__` below
    __doc__ = _OfFunction(
        lambda function: getattr(function, "__doc__", None),
        "A task whose code is a function, usually made by the decorator `task`.",
    )
    __wrapped__ = _OfFunction(lambda function: function)

    def __init__(
        self, function: Callable[..., Any], name: str | None = None, **options: Any
    ) -> None:
        _refuse_no_function(function)
        self.run = function  # type: ignore[method-assign]
        label = name or getattr(function, "__name__", type(function).__name__)
        if "nout" not in options:
            nout = annotated_nout(function)
            if nout is not None:
                options["nout"] = nout
        super().__init__(name=label, **options)

    @property
    def fn(self) -> Callable[..., Any]:
        """The function."""
        return self.run


def _refuse_no_function(value: object) -> None:
    if isinstance(value, Task):
        message = f"@task decorates a function, and {value.name!r} is a task already"
        raise GraphError(message)
    if not callable(value):
        message = f"@task decorates a function, not {value!r}"
        raise GraphError(message)


@overload
def task(**options: Any) -> Callable[[Callable[..., Any]], FunctionTask]: ...
@overload
def task(function: Callable[..., Any], /, **options: Any) -> FunctionTask: ...


def task(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make a task of a function: ``@task`` or ``@task(max_retries=2, retry_delay="10s")``.

    Args:
        function: the function, plain or ``async``.
        **options: see `Task`.

    Example:
        >>> @task
        ... def double(x):
        ...     return 2 * x
        >>> with Flow("numbers") as flow:
        ...     doubled = double.map([1, 2, 3])
        >>> state = flow.run()
        >>> doubled.value
        [2, 4, 6]
    """
    if function is None:
        return lambda decorated: FunctionTask(decorated, **options)
    return FunctionTask(function, **options)
