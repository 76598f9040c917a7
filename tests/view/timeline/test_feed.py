"""When views are sent a timeline, and what is in it; on a clock of the test's own."""

import json

import pytest

from resnb.events import LeaseChanged, RunBegan, RunEnded, StructureChanged
from resnb.states import FAILED, MAPPED, PENDING, RUNNING, SUCCESS
from resnb.view.live.flow import LiveFlow
from resnb.view.live.layout import Box, Layout
from resnb.view.sketch import sketch
from resnb.view.timeline.chart import timeline
from resnb.view.timeline.feed import PERIOD, REST, TimelineFeed
from resnb.view.timeline.frame import MOST_BARS, timeline_frame
from resnb.view.timeline.record import EXECUTOR, Block, ResourceUse
from resnb.view.wire.timeline import Timeline
from resnb.wire import fault
from tests.view.timeline.test_timeline import CLOCK, NOT_BEGUN, record, scope_at, task_at


class Feed:
    """A feed of a made-up run, and how many timelines it has made."""

    def __init__(self, drawn):
        self.time = self.cost = 0.0
        self.made = 0
        self.record = record([task_at(0, 1)])
        self.drawn = drawn
        self.feed = TimelineFeed("etl", self._recorded, now=lambda: self.time)

    def _recorded(self, _):
        self.made += 1
        self.time += self.cost
        return self.record

    def sent(self, *, is_moving=False):
        return len(list(self.feed.frames(self.drawn, is_moving=is_moving)))


@pytest.fixture
def feed(seed):
    return Feed(sketch(seed))


def test_nothing_is_made_while_nobody_looks(feed):
    feed.feed.happened(RunBegan("etl"))
    assert feed.sent(is_moving=True) == feed.sent() == feed.made == 0


def test_who_opens_it_is_told_once_while_nothing_happens(feed):
    feed.feed.shown("a", is_shown=True)
    assert [feed.sent(), feed.sent()] == [1, 0]
    feed.feed.shown("b", is_shown=True)
    assert [feed.sent(), feed.sent()] == [1, 0]
    feed.feed.shown("a", is_shown=False)
    feed.feed.shown("b", is_shown=False)
    feed.feed.happened(RunEnded("etl", "Success"))
    assert feed.sent() == 0


def test_a_run_is_told_of_once_a_second_and_at_its_end(feed):
    feed.feed.shown("a", is_shown=True)
    sent = []
    for _ in range(100):  # five seconds of looks
        sent.append(feed.sent(is_moving=True))
        feed.time += 0.05
    assert sum(sent) == 5
    assert feed.sent() == 0
    feed.feed.happened(RunEnded("etl", "Success"))
    assert [feed.sent(), feed.sent()] == [1, 0]


def test_what_takes_long_is_made_less_often(feed):
    feed.feed.shown("a", is_shown=True)
    feed.cost = 0.3
    assert feed.sent(is_moving=True) == 1
    feed.time += PERIOD
    assert feed.sent(is_moving=True) == 0
    feed.time += REST * 0.3
    assert feed.sent(is_moving=True) == 1


@pytest.mark.parametrize(
    ("event", "count"),
    [
        (LeaseChanged("id", "etl/client", "closed"), 1),
        (LeaseChanged("id", "kernel/client", "closed"), 1),
        (LeaseChanged("id", "other/client", "closed"), 0),
        (StructureChanged("etl"), 1),
    ],
)
def test_leases_of_the_flow_change_its_timeline(feed, event, count):
    feed.feed.shown("a", is_shown=True)
    feed.sent()
    feed.feed.happened(event)
    assert feed.sent() == count


def test_a_view_is_told_in_the_order_of_what_happened(seed, progress):
    def lay_out(outline):
        box = Box(0, 0, 1, 1)
        return Layout(1, 1, (box,) * len(outline.nodes), (box,) * len(outline.clusters), ())

    feed = TimelineFeed(seed.name, lambda _: record([task_at(0, 1)]), now=lambda: 0.0)
    live = LiveFlow(seed, lambda: live.told, lay_out=lay_out, now=lambda: 0.0, timelines=feed)
    live.told = progress({}, flow=PENDING)
    live.opened("a")
    feed.shown("a", is_shown=True)
    kinds = [one["frame"] for one in live.refresh()]
    assert kinds == ["structure", "states", "failures", "form", "timeline"]
    live.told = progress({"load": RUNNING}, flow=SUCCESS)
    live.happened(RunEnded("another", "Success"))
    assert [one["frame"] for one in live.refresh()] == ["delta"]
    live.happened(RunEnded(seed.name, "Success"))
    assert [one["frame"] for one in live.refresh()] == ["timeline"]
    live.closed("a")
    assert feed.views == set()


# ---- the frame


def test_a_frame_has_each_name_once_and_places_for_the_rest():
    use = ResourceUse("client", "open", 0, 1, frozenset({2}), opened=CLOCK + 2)
    rows = [scope_at(0, 2), NOT_BEGUN, task_at(3, 5), task_at(5, None, MAPPED), NOT_BEGUN]
    rows += [task_at(6, 7, FAILED), task_at(6, 8, worker=2)]
    run = record(rows, uses=[use], blocks=[Block(5, 7, 3)], planned=5)
    frame = timeline_frame(timeline(run))
    assert fault(Timeline, frame) == ""
    content = json.loads(json.dumps(frame))["timeline"]
    assert content["names"] == ["client.setup", "task-2", "task-3"]
    assert content["kinds"] == ["setup", "task", "task"]
    lanes = {lane["label"]: lane["bars"] for lane in content["lanes"]}
    assert lanes["worker 1"] == [[3, 5, SUCCESS, 1, -1, 1, 2], [6, 7, FAILED, 2, 0, 1, 1]]
    assert lanes["worker 2"] == [[6, 8, SUCCESS, 2, 1, 1, 2]]
    [band] = content["bands"]
    assert (band["setup"], band["open"], band["cleanup"]) == ([0, 2], [2, 10], None)
    assert band["used"] == [[3, 5]]
    assert band["words"] == "still open after 8.00 s, idle 75 %"
    assert content["ticks"][0] == [0, "0 s"]


def test_no_run_is_no_timeline():
    assert timeline_frame(None) == {"frame": "timeline", "timeline": None}


def test_a_frame_is_bounded():
    rows = [task_at(0, None, MAPPED)]
    rows += [task_at(i, i + 0.5, SUCCESS, 1 + i % 40) for i in range(50_000)]
    rows[0] = (0, None, MAPPED, EXECUTOR, 1)
    run = record(rows, blocks=[Block(1, len(rows), 0)], planned=1, over=50_000.0, workers=40)
    frame = timeline_frame(timeline(run, most_bars=MOST_BARS))
    bars = [bar for lane in frame["timeline"]["lanes"] for bar in lane["bars"]]
    assert sum(bar[5] for bar in bars) == 50_000
    assert len(bars) <= MOST_BARS
    assert len(json.dumps(frame)) < 100_000
