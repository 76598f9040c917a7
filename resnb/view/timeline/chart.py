"""A run's record -> its timeline: a bar per task in its worker's lane, a band per resource.

Pure. Every row whose code was begun is in exactly one bar, and the bars of a lane do not overlap.
However many tasks there are, there are few bars: those narrower than a pixel are merged, and
workers beyond the first ones share a lane.
"""

from collections import defaultdict
from typing import Final, NamedTuple

from resnb.view.names import counted
from resnb.view.timeline.bands import Band, band_of, coarser
from resnb.view.timeline.bars import ONE, Bar, Span, merged
from resnb.view.timeline.lanes import MOST_SCOPES, rows_of, spans_of
from resnb.view.timeline.record import RunRecord
from resnb.view.timeline.scale import Tick, ticks

COLUMNS: Final = 900
"""The width in pixels that is assumed for merging."""
MOST_BARS: Final = 2_400
_BEYOND: Final = 1.25
"""The band of a resource that was open for longer than so many runs is cut off."""
_STUB: Final = 0.06
"""The part of the width that shows that a band goes on."""
_INSTANT: Final = 1e-3


class Lane(NamedTuple):
    """A row of bars."""

    label: str  # the worker, or the scope
    kind: str  # that of `resnb.view.timeline.lanes.Row`
    bars: tuple[Bar, ...]  # its bars in order


class Timeline(NamedTuple):
    """A run, ready to be drawn; times are in seconds since it began."""

    name: str  # the flow
    code: int  # the run's state
    seconds: float  # how long it took, or has taken so far
    is_on: bool  # whether it is still on
    first: float  # the start of the picture: below 0 if a resource was open before the run
    last: float  # the end of the picture
    ticks: tuple[Tick, ...]  # the marks on its axis
    lanes: tuple[Lane, ...]  # the rows of bars
    bands: tuple[Band, ...]  # the resources, up to a limit, in graph order
    more_bands: int  # how many more there are
    labels: tuple[str, ...]  # the label of each planned row
    kinds: tuple[str, ...]  # its kind, such as ``setup``

    def label_of(self, bar: Bar) -> str:
        """The bar's label."""
        return bar_label(self.labels[bar.row] if bar.row >= 0 else "", bar.item, bar.number)

    def kind_of(self, bar: Bar) -> str:
        """``setup``, ``cleanup``, ``task`` and so on; ``task`` for several tasks."""
        return self.kinds[bar.row] if bar.row >= 0 else "task"


def bar_label(task: str, item: int, number: int) -> str:
    """``load``, ``square[17]``, ``square × 118``, or of several tasks ``118 tasks``."""  # noqa: RUF002 - a multiplication sign
    if not task:
        return counted(number, "task")
    if number > 1:
        return f"{task} × {number:,}"  # noqa: RUF001 - a multiplication sign
    return task if item == ONE else f"{task}[{item}]"


def timeline(record: RunRecord, columns: int = COLUMNS, most_bars: int = MOST_BARS) -> Timeline:
    """The timeline of one run.

    Args:
        record: the run.
        columns: the width in pixels.
        most_bars: the most bars; more are merged until there are so few.
    """
    until = max((record.now if record.over is None else record.over) - record.began, 0.0)
    spans = spans_of(record, until)
    uses = [use for use in record.uses if use.is_part]
    by_row: defaultdict[int, list[Span]] = defaultdict(list)
    for span in spans:
        by_row[span.row].append(span)
    bands = [band_of(record, use, by_row, until) for use in uses[:MOST_SCOPES]]
    first, last = _view(bands, until)
    pixel = (last - first) / columns
    rows = list(rows_of(record, spans))
    while True:
        lanes = tuple(Lane(label, kind, tuple(merged(one, pixel))) for label, kind, one in rows)
        if sum(len(lane.bars) for lane in lanes) <= max(most_bars, len(lanes)):
            break
        pixel *= 2
    return Timeline(
        record.name,
        record.code,
        until,
        record.over is None,
        first,
        last,
        ticks(last),
        lanes,
        tuple(band._replace(used=coarser(band.used, pixel)) for band in bands),
        len(uses[MOST_SCOPES:]),
        record.labels,
        record.kinds,
    )


def _view(bands: list[Band], until: float) -> tuple[float, float]:
    """The start and end of the picture."""
    last = max([until, *(band.end for band in bands)])
    if last > _BEYOND * until > 0:
        last = until * (1 + _STUB)
    last = max(last, _INSTANT)
    before = any(band.open is not None and band.open[0] < 0 for band in bands)
    return (-_STUB * last if before else 0.0), last
