"""Which flow, scope, condition and tags apply to a task that is added right now.

This is a context variable, so that two threads or two async cells can build flows side by side.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from resnb.graph.base.roles import Condition, Flow, Scope


class Building(NamedTuple):
    """The surroundings of the line that adds a task."""

    flow: Flow | None = None  # the flow that is being built
    scope: Scope | None = None  # the innermost scope around the line
    case: Condition | None = None  # the innermost ``case`` block around the line
    tags: frozenset[str] = frozenset()  # the tags that the task gets
    made: list[Any] | None = None  # the tasks that were made in the flow's block, added or not
    block: object = None  # the innermost block that was entered
    outer: "Building | None" = None  # the surroundings of that block


_NOTHING = Building()
BUILDING: ContextVar[Building] = ContextVar("resnb_building", default=_NOTHING)


def enter(block: object, **changes: Any) -> None:
    """Enter `block`, which changes these parts of the surroundings."""
    now = BUILDING.get()
    BUILDING.set(now._replace(block=block, outer=now, **changes))


def leave(block: object) -> None:
    """Leave `block`, and what was entered inside it and, interrupted, never left."""
    now = BUILDING.get()
    while now.block is not block and now.outer is not None:
        now = now.outer
    BUILDING.set(now.outer or _NOTHING)


def flow_being_built() -> Flow | None:
    """The flow whose block or cell this is, if any."""
    return BUILDING.get().flow


@contextmanager
def building(
    *, flow: Flow | None = None, scope: Scope | None = None, tags: Iterable[str] = ()
) -> Iterator[None]:
    """Replace the given parts of the surroundings for the length of a block."""
    now = BUILDING.get()
    token = BUILDING.set(
        now._replace(flow=flow or now.flow, scope=scope or now.scope, tags=now.tags.union(tags))
    )
    try:
        yield
    finally:
        BUILDING.reset(token)


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
    """Tag every task that is added inside the block with `names`.

    Example:
        >>> with Flow("tagged") as flow:
        ...     with tags("slow"):
        ...         count = task(len)("abc")
        >>> flow.get_tasks(tags=["slow"]) == [count]
        True
    """
    with building(tags=names):
        yield
