"""How an argument is passed to a task: whole, item by item, or flattened first."""

from collections.abc import Iterable, Mapping
from typing import Any

from resnb.graph.base.stand_in import StandIn


class Wrapper:
    """Base of `unmapped`, `mapped` and `flatten`.

    Repeating one changes nothing; of `mapped` and `unmapped`, the outer one counts.
    """

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value: Any = value.value if type(self) is type(value) else value

    def pipe(self, task: Any, /, **kwargs: Any) -> Any:
        """Call `task` with this as its first argument, as `Task.pipe` does."""
        return task(self, **kwargs)


class unmapped(Wrapper):  # noqa: N801 - Prefect's name, used like a function
    """In ``task.map(xs, unmapped(y))``: pass `y` whole to each child.

    Example:
        >>> with Flow("powers") as flow:
        ...     powers = task(pow).map([1, 2, 3], unmapped(2))
        >>> state = flow.run()
        >>> powers.value
        [1, 4, 9]
    """

    __slots__ = ()


class mapped(Wrapper):  # noqa: N801 - Prefect's name, used like a function
    """In ``task(mapped(xs), y)``: run once for each item of `xs`, as `Task.map` does.

    Example:
        >>> with Flow("powers") as flow:
        ...     powers = task(pow)(mapped([1, 2, 3]), 2)
        >>> state = flow.run()
        >>> powers.value
        [1, 4, 9]
    """

    __slots__ = ()


class flatten(Wrapper):  # noqa: N801 - Prefect's name, used like a function
    """In ``task.map(flatten(xs))`` or ``task(flatten(xs))``: flatten one level first.

    Example:
        >>> with Flow("letters") as flow:
        ...     upper = task(str.upper).map(flatten([["a", "b"], ["c"]]))
        >>> state = flow.run()
        >>> upper.value
        ['A', 'B', 'C']
    """

    __slots__ = ()


class allow_failure:  # noqa: N801 - Prefect's name, used like a function
    """In a ``@flow`` function, ``f(allow_failure(future))``: run `f` even if that task failed.

    It gets the exception in place of the value. In other flows, give the task a trigger such as
    ``triggers.all_finished`` instead.

    Example:
        >>> @task
        ... def kind(value):
        ...     return type(value).__name__
        >>> @flow
        ... def careful():
        ...     broken = task(int).submit("one")
        ...     return kind.submit(allow_failure(broken)).result()
        >>> careful()
        'ValueError'
    """

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def unwrapped(value: Any, mapped: bool, flattened: bool = False) -> tuple[Any, bool, bool]:
    """`value` without its wrappers, and whether it is mapped over and flattened.

    `mapped` counts where no wrapper says anything.
    """
    decided = False
    while isinstance(value, Wrapper):
        kind = type(value)
        if kind is flatten:
            flattened = True
        elif not decided:
            mapped, decided = kind is not unmapped, True
        value = value.value
    return value, mapped, flattened


def is_sequence(value: Any) -> bool:
    """Whether a task can be mapped over `value`, which needs an order and a length."""
    kind = type(value)
    return (
        hasattr(kind, "__getitem__")
        and hasattr(kind, "__len__")
        and not isinstance(value, str | bytes | Mapping | StandIn)
    )


def flat(value: Any) -> Any:
    """`value` flattened by one level; unchanged if its items are not iterable."""
    try:
        return [item for part in value for item in part]
    except TypeError:
        return value


def joined(values: Iterable[Any]) -> tuple[list[Any], list[int]]:
    """The values of a mapped task's children, flattened by one level, and the length of each.

    A value that is no collection counts as one item, as does the error of a child that failed.
    """
    items: list[Any] = []
    counts: list[int] = []
    for value in values:
        found = list(value) if hasattr(type(value), "__iter__") else [value]
        items += found
        counts.append(len(found))
    return items, counts


def items_of(name: str, key: str, value: Any) -> list[Any]:
    """The items that task `name` is mapped over by argument `key`.

    Raises:
        TypeError: `value` has none.
    """
    if not is_sequence(value):
        message = (
            f"task {name!r} cannot be mapped over {key}, which is no sequence but "
            f"{type(value).__name__}: wrap it in unmapped(...)"
        )
        raise TypeError(message)
    return list(value)
