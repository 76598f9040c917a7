"""What a task receives: another task's value, a constant, or a collection with tasks inside.

An input is immutable. A plain reference is the upstream task itself, which keeps the common
case free of wrappers.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from resnb.errors import OptionError

if TYPE_CHECKING:
    from resnb.graph.tasks.task import Task


class Constant(NamedTuple):
    """A value that is known when the flow is built."""

    value: Any


class Collection(NamedTuple):
    """A list, tuple, set, dict or slice that has tasks somewhere inside.

    Attributes:
        kind: the collection's type.
        items: an input for each element; for a dict keys and values in turn.
    """

    kind: type
    items: tuple["Input", ...]


Input: TypeAlias = "Task | Constant | Collection"


class unmapped:  # noqa: N801 - Prefect's name, used like a function
    """In ``task.map(xs, unmapped(y))``: pass `y` whole to each child."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        if isinstance(value, flatten | mapped):
            message = f"unmapped({type(value).__name__}(x)) has no meaning: use one of the two"
            raise OptionError(message)
        self.value: Any = value.value if isinstance(value, unmapped) else value


class mapped:  # noqa: N801 - Prefect's name, used like a function
    """In ``task(mapped(xs), y)``: run once for each item of `xs`, as `Task.map` does."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        if isinstance(value, unmapped):
            message = "mapped(unmapped(x)) has no meaning: use one of the two"
            raise OptionError(message)
        self.value: Any = value.value if isinstance(value, mapped) else value


class flatten:  # noqa: N801 - Prefect's name, used like a function
    """In ``task.map(flatten(xs))`` or ``task(flatten(xs))``: take a level of nesting out first."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        if isinstance(value, unmapped):
            message = "flatten(unmapped(x)) has no meaning: use one of the two"
            raise OptionError(message)
        self.value: Any = value.value if isinstance(value, flatten) else value


def is_sequence(value: Any) -> bool:
    """Whether a task can be mapped over `value`: it has an order and a length."""
    kind = type(value)
    return (
        hasattr(kind, "__getitem__")
        and hasattr(kind, "__len__")
        and not isinstance(value, str | bytes | Mapping)
    )


def flat(value: Any) -> Any:
    """`value` with one level of nesting taken out; unchanged if its items have none."""
    try:
        return [item for part in value for item in part]
    except TypeError:
        return value


def joined(values: Iterable[Any]) -> tuple[list[Any], list[int]]:
    """What the children of a mapped task gave, one level flatter, and how many items each gave.

    A child that failed, or gave no collection, gives one item.
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


def as_input(value: Any, is_task: Callable[[Any], bool]) -> "Input":
    """`value` as an input: collections are searched for tasks, everything else is constant."""
    if is_task(value):
        task: Task = value
        return task
    kind = type(value)
    if kind in (list, tuple, set):
        parts = tuple([as_input(item, is_task) for item in value])
    elif kind is dict:
        parts = tuple([as_input(x, is_task) for pair in value.items() for x in pair])
    elif kind is slice:
        parts = tuple(as_input(x, is_task) for x in (value.start, value.stop, value.step))
    else:
        return Constant(value)
    if all(type(part) is Constant for part in parts):
        return Constant(value)
    return Collection(kind, parts)


def tasks_in(value: "Input") -> Iterator["Task"]:
    """The tasks that `value` refers to, in order, repeated ones included."""
    kind = type(value)
    if kind is Constant:
        return
    if isinstance(value, Collection):
        for item in value.items:
            yield from tasks_in(item)
    elif not isinstance(value, Constant):
        yield value


def substituted(value: "Input", mapping: Mapping["Task", "Task"]) -> "Input":
    """`value` with every task that `mapping` names replaced."""
    if isinstance(value, Constant):
        return value
    if isinstance(value, Collection):
        return Collection(value.kind, tuple(substituted(item, mapping) for item in value.items))
    return mapping.get(value, value)


__all__ = [
    "Collection",
    "Constant",
    "Input",
    "as_input",
    "flat",
    "flatten",
    "is_sequence",
    "items_of",
    "joined",
    "mapped",
    "substituted",
    "tasks_in",
    "unmapped",
]
