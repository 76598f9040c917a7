"""Timeline -> the frame for live views: bounded, with each name once."""

from typing import Final

from resnb.view.names import shown
from resnb.view.timeline.bands import Band, Interval, band_text
from resnb.view.timeline.bars import Bar
from resnb.view.timeline.chart import Timeline
from resnb.view.wire import timeline as wire

MOST_BARS: Final = 1_200
"""The most bars in a frame."""
_DIGITS: Final = 6


def timeline_frame(timeline: Timeline | None) -> wire.Timeline:
    """The frame for a timeline; None where there is no run to show."""
    return {"frame": "timeline", "timeline": None if timeline is None else _content(timeline)}


def _content(timeline: Timeline) -> wire.TimelineInfo:
    rows = sorted({bar.row for lane in timeline.lanes for bar in lane.bars if bar.row >= 0})
    places = {row: place for place, row in enumerate(rows)}
    return {
        "flow": timeline.code,
        "seconds": round(timeline.seconds, _DIGITS),
        "first": round(timeline.first, _DIGITS),
        "last": round(timeline.last, _DIGITS),
        "ticks": [(round(tick.at, _DIGITS), tick.label) for tick in timeline.ticks],
        "names": [timeline.labels[row] for row in rows],
        "kinds": [timeline.kinds[row] for row in rows],
        "lanes": [
            {
                "label": shown(lane.label),
                "kind": lane.kind,
                "bars": [_bar(bar, places.get(bar.row, -1)) for bar in lane.bars],
            }
            for lane in timeline.lanes
        ],
        "bands": [_band(band) for band in timeline.bands],
        "more": timeline.more_bands,
    }


def _bar(bar: Bar, place: int) -> wire.BarInfo:
    start, end, busy = (round(one, _DIGITS) for one in (bar.start, bar.end, bar.busy))
    return wire.BarInfo(start, end, bar.code, place, bar.item, bar.number, busy)


def _band(band: Band) -> wire.BandInfo:
    return {
        "id": band.label,
        "lease": band.lease,
        "words": band_text(band),
        "setup": _interval(band.setup),
        "open": _interval(band.open),
        "cleanup": _interval(band.cleanup),
        "used": [_rounded(one) for one in band.used],
    }


def _interval(interval: Interval | None) -> Interval | None:
    return None if interval is None else _rounded(interval)


def _rounded(interval: Interval) -> Interval:
    return round(interval[0], _DIGITS), round(interval[1], _DIGITS)
