"""Timeline -> what a live view is sent of it: plain JSON, bounded, with each name once."""

from typing import Any, Final

from resnb.view.live.frames import Frame
from resnb.view.names import shown
from resnb.view.timeline.bands import Band, Interval, words
from resnb.view.timeline.bars import Bar
from resnb.view.timeline.chart import Timeline

MOST_BARS: Final = 1_200
"""How many bars a live view is sent."""
_DIGITS: Final = 6


def timeline_frame(timeline: Timeline | None) -> Frame:
    """The frame for a timeline; None where there is no run to tell of.

    A bar is a list: start, end, state, place of its task in ``names`` (-1: several tasks), which
    item of a mapped task (-1: none, or several), how many, and their seconds together.
    """
    return {"frame": "timeline", "timeline": None if timeline is None else _content(timeline)}


def _content(timeline: Timeline) -> dict[str, Any]:
    rows = sorted({bar.row for lane in timeline.lanes for bar in lane.bars if bar.row >= 0})
    places = {row: place for place, row in enumerate(rows)}
    return {
        "flow": timeline.code,
        "seconds": round(timeline.seconds, _DIGITS),
        "first": round(timeline.first, _DIGITS),
        "last": round(timeline.last, _DIGITS),
        "ticks": [[round(tick.at, _DIGITS), tick.label] for tick in timeline.ticks],
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


def _bar(bar: Bar, place: int) -> list[float]:
    start, end = round(bar.start, _DIGITS), round(bar.end, _DIGITS)
    return [start, end, bar.code, place, bar.item, bar.number, round(bar.busy, _DIGITS)]


def _band(band: Band) -> dict[str, Any]:
    return {
        "id": band.label,
        "lease": band.lease,
        "words": words(band),
        "setup": _interval(band.setup),
        "open": _interval(band.open),
        "cleanup": _interval(band.cleanup),
        "used": [_interval(one) for one in band.used],
    }


def _interval(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [round(one, _DIGITS) for one in interval]


__all__ = ["MOST_BARS", "timeline_frame"]
