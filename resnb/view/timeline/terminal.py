"""A timeline as lines for a terminal, with times on its axis.

timeline of etl · success · 3.21 s
client.setup  ████                                       380 ms
client            ────────────────────────────────────   2.60 s
load              ████████████████                       1.20 s
client.cleanup                                        ██ 120 ms
0 s            1 s            2 s          3 s
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from resnb.states import FIRST_UNSUCCESSFUL
from resnb.view import wording
from resnb.view.names import counted, shown
from resnb.view.timeline.chart import Timeline
from resnb.view.timeline.scale import duration_text

LINES: Final = 40
_PLOT: Final = 48
_LABEL: Final = 24


class _Row(NamedTuple):
    start: float
    end: float
    label: str
    sign: str
    seconds: float


def timeline_lines(timeline: Timeline) -> str:
    """The tasks and resources of a run, each as a bar with its duration, above an axis."""
    rows = sorted(_rows(timeline))
    width = max((len(row.label) for row in rows[:LINES]), default=0)
    head = (timeline.name, wording.of_code(timeline.code), duration_text(timeline.seconds))
    lines = [f"timeline of {wording.SEPARATOR.join(head)}"]
    for row in rows[:LINES]:
        first, last = _column(timeline, row.start), _column(timeline, row.end)
        bar = row.sign * max(1, last - first)
        plot = f"{' ' * min(first, _PLOT - 1)}{bar}".ljust(_PLOT)
        lines.append(f"{row.label:<{width}}  {plot} {duration_text(row.seconds)}")
    more = len(rows) - LINES
    lines += [f"… {counted(more, 'more bar')}"] if more > 0 else []
    return "\n".join([*lines, f"{'':<{width}}  {_axis(timeline)}"])


def _rows(timeline: Timeline) -> Iterator[_Row]:
    for lane in timeline.lanes:
        for bar in lane.bars:
            label = shown(timeline.label_of(bar), _LABEL)
            sign = "█" if bar.code < FIRST_UNSUCCESSFUL else "✗"
            yield _Row(bar.start, bar.end, label, sign, bar.end - bar.start)
    for band in timeline.bands:
        if band.open is not None:
            start, end = max(band.open[0], timeline.first), min(band.open[1], timeline.last)
            yield _Row(start, end, shown(band.label, _LABEL), "─", band.open[1] - band.open[0])


def _column(timeline: Timeline, seconds: float) -> int:
    part = (seconds - timeline.first) / (timeline.last - timeline.first)
    return round(_PLOT * min(max(part, 0.0), 1.0))


def _axis(timeline: Timeline) -> str:
    """The labels of the ticks, as many as fit."""
    text = ""
    for tick in timeline.ticks:
        column = _column(timeline, tick.at)
        if column >= len(text) + bool(text):
            text = f"{text.ljust(column)}{tick.label}"
    return text
