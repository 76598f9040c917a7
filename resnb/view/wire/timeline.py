"""The frame of a run's timeline; times are in seconds since the run began."""

from typing import Literal, NamedTuple, TypedDict

from resnb.view.wire.kinds import Interval, LaneKind, LeaseState, NodeKind, StateCode


class BarInfo(NamedTuple):
    """One task, or several that are drawn as one.

    `place` is the task's in `names` (-1: several), `item` of a mapped one (-1: none or several),
    `busy` the seconds of all of them together.
    """

    start: float
    end: float
    code: StateCode
    place: int
    item: int
    many: int
    busy: float


class LaneInfo(TypedDict):
    """A row of bars: a scope, a worker, coroutines, or the rest."""

    label: str
    kind: LaneKind
    bars: list[BarInfo]


class BandInfo(TypedDict):
    """The lifetime of a resource."""

    id: str
    lease: LeaseState
    words: str
    setup: Interval | None
    open: Interval | None
    cleanup: Interval | None
    used: list[Interval]


class TimelineInfo(TypedDict):
    """One run, bounded, with each name once; `more` resources are not shown."""

    flow: StateCode
    seconds: float
    first: float
    last: float
    ticks: list[tuple[float, str]]
    names: list[str]
    kinds: list[NodeKind]
    lanes: list[LaneInfo]
    bands: list[BandInfo]
    more: int


class Timeline(TypedDict):
    """The latest run; null if there is none."""

    frame: Literal["timeline"]
    timeline: TimelineInfo | None
