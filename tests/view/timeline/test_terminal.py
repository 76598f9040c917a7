"""The timeline as a terminal shows it: bars as lines, times on the axis."""

from resnb.states import FAILED, SUCCESS
from resnb.view.timeline.bands import Band
from resnb.view.timeline.bars import Bar
from resnb.view.timeline.chart import Lane, Timeline
from resnb.view.timeline.scale import ticks
from resnb.view.timeline.terminal import LINES, timeline_lines


def chart(lanes, bands=(), *, first=0.0, last=4.0, labels=("load", "bad")):
    kinds = ("task",) * len(labels)
    is_on = False
    return Timeline(
        "etl", FAILED, 4.0, is_on, first, last, ticks(last), lanes, bands, 0, labels, kinds
    )


def test_each_bar_has_its_place_and_its_duration():
    bars = (Bar(0.0, 2.0, SUCCESS, 0, -1, 1, 2.0), Bar(2.0, 4.0, FAILED, 1, -1, 1, 2.0))
    band = Band("client", "closed", (0.0, 1.0), (1.0, 3.0), (3.0, 3.5))
    assert timeline_lines(chart((Lane("worker", "worker", bars),), (band,))) == "\n".join(
        [
            "timeline of etl · failed · 4.00 s",
            f"load    {'█' * 24:<48} 2.00 s",
            f"client  {' ' * 12}{'─' * 24:<36} 2.00 s",
            f"bad     {' ' * 24}{'✗' * 24} 2.00 s",
            "        0 s         1 s         2 s         3 s         4 s",
        ]
    )


def test_what_was_open_before_the_run_and_what_takes_no_time_is_seen():
    bars = (Bar(4.0, 4.0, SUCCESS, 0, 3, 1, 0.0),)
    band = Band("client", "open", None, (-90.0, 200.0))
    found = timeline_lines(chart((Lane("w", "worker", bars),), (band,), first=-1.0)).splitlines()
    assert found[1] == f"client   {'─' * 48} 4 min 50 s"
    assert found[2] == f"load[3]  {' ' * 47}█ under 1 ms"


def test_many_bars_are_counted_and_names_cannot_steer_the_terminal():
    bars = tuple(Bar(n / 100, (n + 1) / 100, SUCCESS, 0, n, 1, 0.01) for n in range(LINES + 5))
    text = timeline_lines(chart((Lane("w", "worker", bars),), labels=("a\x1b[2Jb",)))
    assert "… 5 more bars" in text
    assert len(text.splitlines()) == LINES + 3
    assert text.replace("\n", "").isprintable()
