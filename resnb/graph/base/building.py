"""Which flow, scope, condition and tags apply to a task that is being added right now.

A context variable, so that two threads (or two async cells) can build flows side by side.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from resnb.graph.flow import Flow
    from resnb.graph.resources.scope import Scope
    from resnb.graph.tasks.control import case


class Building(NamedTuple):
    """The surroundings of the line that adds a task."""

    flow: "Flow | None" = None
    scope: "Scope | None" = None
    case: "case | None" = None
    tags: frozenset[str] = frozenset()


BUILDING: ContextVar[Building] = ContextVar("resnb_building", default=Building())  # noqa: B039 - frozen


def flow_being_built() -> "Flow | None":
    """The flow whose block or cell we are in, if any."""
    now = BUILDING.get()
    if now.flow is None and now.scope is not None:
        return now.scope.flow
    return now.flow


@contextmanager
def building(
    *,
    flow: "Flow | None" = None,
    scope: "Scope | None" = None,
    case: "case | None" = None,
    tags: Iterator[str] | tuple[str, ...] = (),
) -> Iterator[None]:
    """Replace those parts of the surroundings that are given, for the length of a block."""
    now = BUILDING.get()
    token = BUILDING.set(
        Building(
            now.flow if flow is None else flow,
            now.scope if scope is None else scope,
            now.case if case is None else case,
            now.tags.union(tags),
        )
    )
    try:
        yield
    finally:
        BUILDING.reset(token)


@contextmanager
def building_nothing() -> Iterator[None]:
    """Leave all surroundings for the length of a block."""
    token = BUILDING.set(Building())
    try:
        yield
    finally:
        BUILDING.reset(token)


@contextmanager
def tags(*names: str) -> Iterator[None]:
    """Give `names` as tags to every task that is added inside the block."""
    with building(tags=names):
        yield


__all__ = ["BUILDING", "Building", "building", "building_nothing", "flow_being_built", "tags"]
