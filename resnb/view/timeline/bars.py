"""Turns spans of work into the bars of lanes: side by side where they overlap, merged where tiny.

Pure. Neighbours that are narrower than a pixel become one bar that counts them; nothing is left
out, and the bars of a lane never overlap.
"""

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from typing import Final, NamedTuple

from resnb.states import RUNNING
from resnb.view.aggregate import overall

ONE: Final = -1
"""Stands for the item of a task that is not mapped."""


class Span(NamedTuple):
    """One try of one row."""

    start: float  # when it began, in seconds
    end: float  # when it ended
    code: int  # the row's state
    row: int  # the planned row
    item: int = ONE  # which child of a mapped row it is, else ONE
    is_sure: bool = True  # whether the end is known; if not, it is the latest possible


class Bar(NamedTuple):
    """A span as it is drawn, or several."""

    start: float  # when it begins, in seconds
    end: float  # when it ends
    code: int  # the state; the most urgent one of several
    row: int  # the planned row of all its spans; -1 if there are several rows
    item: int  # which child it is, if it is one, else ONE
    number: int  # how many spans it stands for
    busy: float  # their durations together, in seconds


def ends_found(spans: Sequence[Span]) -> list[Span]:
    """The spans of one worker, in order, with the ends that follow from its doing one at a time.

    An end that is not known (the row waits for its next try, or its code was abandoned) is no later
    than the start of the worker's next row.
    """
    found = []
    for place, span in enumerate(spans):
        if not span.is_sure and span.code != RUNNING and place + 1 < len(spans):
            following = spans[place + 1].start
            found.append(span._replace(end=max(span.start, min(span.end, following))))
        else:
            found.append(span)
    return found


def side_by_side(spans: Iterable[Span]) -> list[list[Span]]:
    """`spans`, sorted by their start, in as few rows as possible without overlaps."""
    lanes: list[list[Span]] = []
    free: list[int] = []
    taken: list[tuple[float, int]] = []  # when a row is free again, and which
    for span in spans:
        while taken and taken[0][0] <= span.start:
            heappush(free, heappop(taken)[1])
        if free:
            place = heappop(free)
        else:
            place = len(lanes)
            lanes.append([])
        lanes[place].append(span)
        heappush(taken, (span.end, place))
    return lanes


def merged(spans: Iterable[Span], pixel: float) -> list[Bar]:
    """The bars of a lane.

    Args:
        spans: its spans, sorted by their start; overlapping ones are merged.
        pixel: the seconds in a pixel.
    """
    found: list[Bar] = []
    block: list[Span] = []
    start = end = 0.0
    for span in spans:
        fits = bool(block) and (
            span.start < end
            or (
                max(span.end - span.start, span.start - end) < pixel
                and (end - start < pixel or span.code == block[-1].code)
                and block[-1].end - block[-1].start < pixel
            )
        )
        if not fits:
            if block:
                found.append(_bar(block, end))
            block, start, end = [], span.start, span.end
        block.append(span)
        end = max(end, span.end)
    return [*found, _bar(block, end)] if block else found


def _bar(spans: Sequence[Span], end: float) -> Bar:
    first = spans[0]
    if len(spans) == 1:
        return Bar(first.start, end, first.code, first.row, first.item, 1, end - first.start)
    codes = {span.code for span in spans}
    rows = {span.row for span in spans}
    return Bar(
        first.start,
        end,
        first.code if len(codes) == 1 else overall(codes),
        first.row if len(rows) == 1 else -1,
        ONE,
        len(spans),
        sum(span.end - span.start for span in spans),
    )
