"""The lifetime of each resource in a run, and how long it stood idle. Pure.

A resource is idle while it is open and no task in its block is running, tasks of inner scopes
included. What happened before the run began is not known; idle time is counted from then on.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from resnb.states import FIRST_FINISHED, FIRST_UNSUCCESSFUL, SKIPPED
from resnb.view.timeline.bars import ONE, Span
from resnb.view.timeline.record import ResourceUse, RunRecord
from resnb.view.timeline.scale import duration_text

Interval: TypeAlias = tuple[float, float]
"""Start and end in seconds since the run began."""


class Band(NamedTuple):
    """A resource's lifetime.

    Attributes:
        label: the scope.
        lease: the state of its lease.
        setup: when it was set up in this run.
        open: when it was open; begins below 0 if an earlier run opened it, and ends after the run
            if it was left open.
        cleanup: when it was cleaned up.
        used: when tasks in its block were running; in order, with gaps between.
        busy: the length of that in seconds.
        is_open: whether it is still open.
    """

    label: str
    lease: str
    setup: Interval | None = None
    open: Interval | None = None
    cleanup: Interval | None = None
    used: tuple[Interval, ...] = ()
    busy: float = 0.0
    is_open: bool = False

    @property
    def seconds(self) -> float:
        """How long it was open after the run began."""
        return 0.0 if self.open is None else max(0.0, self.open[1] - max(0.0, self.open[0]))

    @property
    def idle(self) -> float:
        """How long of that it was idle, in seconds."""
        return max(0.0, self.seconds - self.busy)

    @property
    def share(self) -> float:
        """The idle part of the time that it was open, from 0 to 1."""
        return min(1.0, self.idle / self.seconds) if self.seconds > 0 else 0.0

    @property
    def end(self) -> float:
        """When it was gone; the present if it is not."""
        return max((one[1] for one in (self.setup, self.open, self.cleanup) if one), default=0.0)


def band_text(band: Band) -> str:
    """What a picture says about a band: ``open 12.4 s, idle 38 %``."""
    if band.open is None:
        if band.setup is None:
            return "not set up"
        return "being set up" if band.lease == "opening" else "not set up: its set-up failed"
    took, idle = duration_text(band.seconds), f"idle {100 * band.share:.0f} %"
    if band.open[0] >= 0:
        return f"still open after {took}, {idle}" if band.is_open else f"open {took}, {idle}"
    since = f"still open {took} after" if band.is_open else f"open {took} since"
    return f"opened by an earlier run, {since} this one began, {idle}"


def band_of(
    record: RunRecord, use: ResourceUse, spans: Mapping[int, Sequence[Span]], until: float
) -> Band:
    """The lifetime of one resource.

    Args:
        record: the run.
        use: the resource.
        spans: everything that ran, by planned row.
        until: when the run ended, or the present, in seconds since it began.
    """
    setup, cleanup = (_only(_with(use, row, spans)) for row in (use.setup, use.cleanup))
    now = max(record.now - record.began, until)
    if cleanup is not None and _state(record, use, use.cleanup) == SKIPPED:
        cleanup = None  # it was put off
    if cleanup is None and use.closing is not None:
        began = use.closing - record.began
        cleanup = began, max(began, now if use.closed is None else use.closed - record.began)
    start = _opened(record, use, setup)
    if start is None:
        return Band(use.label, use.lease, setup, None, cleanup)
    is_open = cleanup is None and use.lease in ("open", "kept")
    end = cleanup[0] if cleanup is not None else now if is_open else until
    opened = start, max(start, end)
    work = [(span.start, span.end) for row in use.inside for span in _with(use, row, spans)]
    used = united(work, (max(0.0, opened[0]), opened[1]))
    busy = sum(end - start for start, end in used)
    return Band(use.label, use.lease, setup, opened, cleanup, used, busy, is_open)


def _with(use: ResourceUse, row: int, spans: Mapping[int, Sequence[Span]]) -> list[Span]:
    """The spans of `row` that may have worked with this resource."""
    is_one = row in use.in_step and use.item != ONE
    return [span for span in spans.get(row, ()) if not is_one or span.item == use.item]


def _state(record: RunRecord, use: ResourceUse, row: int) -> int:
    """The state of the resource's set-up or clean-up, or of its child for the item."""
    block = next((one for one in record.blocks if one.of == row and use.item != ONE), None)
    if block is None or block.first + use.item >= block.last:
        return record.states[row]
    return record.states[block.first + use.item]


def _only(spans: Sequence[Span]) -> Interval | None:
    """When a row ran that has at most one child."""
    return (spans[0].start, spans[0].end) if spans else None


def _opened(record: RunRecord, use: ResourceUse, setup: Interval | None) -> float | None:
    """When the resource was opened; None if it was not."""
    opened = None if use.opened is None else use.opened - record.began
    if opened is not None and opened < 0:
        return opened  # an earlier run did it
    if setup is None:
        return opened
    return setup[1] if _has_opened(_state(record, use, use.setup)) else None


def _has_opened(code: int) -> bool:
    """Whether a set-up in this state has created something."""
    return FIRST_FINISHED <= code < FIRST_UNSUCCESSFUL and code != SKIPPED


def united(intervals: Iterable[Interval], within: Interval) -> tuple[Interval, ...]:
    """The times within `within` that are covered by any of `intervals`, in order."""
    found: list[Interval] = []
    for start, end in sorted(intervals):
        low, high = max(start, within[0]), min(end, within[1])
        if low >= high:
            continue
        if found and low <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return tuple(found)


def coarser(intervals: Sequence[Interval], pixel: float) -> tuple[Interval, ...]:
    """`intervals` for drawing: those less than a pixel apart are joined."""
    found: list[Interval] = []
    for start, end in intervals:
        if found and start - found[-1][1] < pixel:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return tuple(found)
