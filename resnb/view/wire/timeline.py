"""The frame of a run's timeline; times are in seconds since the run began."""

from typing import Literal, NamedTuple, TypedDict

from resnb.view.wire.kinds import Interval, LaneKind, LeaseState, NodeKind, StateCode


class BarInfo(NamedTuple):
    """One task, or several that are drawn as one."""

    start: float
    end: float
    code: StateCode
    place: int  # the task's in `names`; -1: several tasks
    item: int  # of a mapped task; -1: none or several
    many: int
    busy: float  # the durations of all of them together


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
    """One run, bounded, with each name once."""

    flow: StateCode
    seconds: float
    first: float
    last: float
    ticks: list[tuple[float, str]]
    names: list[str]
    kinds: list[NodeKind]
    lanes: list[LaneInfo]
    bands: list[BandInfo]
    more: int  # resources that are not shown


class Timeline(TypedDict):
    """The latest run; null if there is none."""

    frame: Literal["timeline"]
    timeline: TimelineInfo | None
