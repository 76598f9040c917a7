"""What is passed for a task's argument: another task's value, a constant, or a collection of both.

An input is immutable. A plain reference is the upstream task itself, so that the common case needs
no wrapper.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from resnb.errors import GraphError
from resnb.graph.tasks.task import Task


class Constant(NamedTuple):
    """A value that is known while the flow is built."""

    value: Any


class Collection(NamedTuple):
    """A list, tuple, set, dict or slice that contains tasks."""

    kind: type  # the collection's type
    items: tuple["Input", ...]  # an input for each element; a dict's keys and values in turn


Input: TypeAlias = Task | Constant | Collection


def as_input(value: Any) -> Input:
    """`value` as an input. Collections are searched for tasks; everything else is a constant.

    Raises:
        GraphError: there are tasks in a collection that contains itself, or is nested too deeply.
    """
    try:
        return _as_input(value)
    except RecursionError:
        task = _first_task(value)
        if task is None:
            return Constant(value)
        raise GraphError(
            f"task {task.name!r} is in a collection that contains itself or is nested too deeply, "
            "so that its value cannot be put there: pass it as an argument of its own"
        ) from None


def _as_input(value: Any) -> Input:
    if isinstance(value, Task):
        return value
    kind = type(value)
    if kind in (list, tuple, set):
        parts = tuple([_as_input(item) for item in value])
    elif kind is dict:
        parts = tuple([_as_input(x) for pair in value.items() for x in pair])
    elif kind is slice:
        parts = tuple([_as_input(x) for x in (value.start, value.stop, value.step)])
    else:
        return Constant(value)
    if all(type(part) is Constant for part in parts):
        return Constant(value)
    return Collection(kind, parts)


def _first_task(value: Any) -> Task | None:
    """Some task in a collection of any depth."""
    seen: dict[int, Any] = {}
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, Task):
            return one
        if id(one) in seen:
            continue
        seen[id(one)] = one
        if type(one) in (list, tuple, set):
            stack += one
        elif type(one) is dict:
            stack += (*one, *one.values())
        elif type(one) is slice:
            stack += (one.start, one.stop, one.step)
    return None


def tasks_in(value: Input) -> Iterator[Task]:
    """The tasks that `value` refers to, in order, repeated ones included."""
    if isinstance(value, Collection):
        for item in value.items:
            yield from tasks_in(item)
    elif not isinstance(value, Constant):
        yield value


def substituted(value: Input, mapping: Mapping[Task, Task]) -> Input:
    """`value` with the tasks that are keys of `mapping` replaced."""
    if isinstance(value, Constant):
        return value
    if isinstance(value, Collection):
        return Collection(value.kind, tuple(substituted(item, mapping) for item in value.items))
    return mapping.get(value, value)
