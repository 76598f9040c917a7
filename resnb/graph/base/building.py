"""Which flow, scope, condition and tags apply to a task that is added right now.

This is a context variable, so that two threads or two async cells can build flows side by side.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from resnb.graph.base.roles import Condition, Flow, Scope


class Building(NamedTuple):
    """The surroundings of the line that adds a task.

    Attributes:
        flow: the flow that is being built.
        scope: the innermost scope around the line.
        case: the innermost ``case`` block around the line.
        tags: the tags that the task gets.
        outer: the surroundings of the innermost block that was entered.
    """

    flow: Flow | None = None
    scope: Scope | None = None
    case: Condition | None = None
    tags: frozenset[str] = frozenset()
    outer: "Building | None" = None


_NOTHING = Building()
BUILDING: ContextVar[Building] = ContextVar("resnb_building", default=_NOTHING)


def enter(**changes: Any) -> None:
    """Enter a block that changes these parts of the surroundings."""
    now = BUILDING.get()
    BUILDING.set(now._replace(outer=now, **changes))


def leave() -> None:
    """Leave the block that was entered last."""
    BUILDING.set(BUILDING.get().outer or _NOTHING)


def flow_being_built() -> Flow | None:
    """The flow whose block or cell this is, if any."""
    return BUILDING.get().flow


@contextmanager
def building(
    *, flow: Flow | None = None, scope: Scope | None = None, tags: Iterable[str] = ()
) -> Iterator[None]:
    """Replace the given parts of the surroundings for the length of a block."""
    now = BUILDING.get()
    enter(flow=flow or now.flow, scope=scope or now.scope, tags=now.tags.union(tags))
    try:
        yield
    finally:
        leave()


@contextmanager
def building_nothing() -> Iterator[None]:
    """Clear the surroundings for the length of a block."""
    token = BUILDING.set(_NOTHING)
    try:
        yield
    finally:
        BUILDING.reset(token)


@contextmanager
def tags(*names: str) -> Iterator[None]:
    """Tag every task that is added inside the block with `names`."""
    with building(tags=names):
        yield


__all__ = [
    "BUILDING",
    "Building",
    "building",
    "building_nothing",
    "enter",
    "flow_being_built",
    "leave",
    "tags",
]
