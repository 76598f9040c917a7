"""What views are told of times: when it changes, and not because time passes."""

from array import array

import pytest

from resnb.states import PENDING, RUNNING, SUCCESS
from resnb.view.live.live_fold import LiveFold
from resnb.view.live.run_times import PERIOD, TimesFeed
from resnb.view.sketch import sketch
from resnb.view.snapshot import Sampler
from resnb.view.timeline.record import ResourceUse, RunRecord


class Run:
    """A run of one scope with one task, as a test tells it."""

    def __init__(self, began=100.0):
        self.began, self.now, self.over = began, began + 10.0, None
        self.state = [SUCCESS, RUNNING, PENDING]
        self.started, self.ended = [began, began + 3.0, 0.0], [began + 2.0, 0.0, 0.0]
        self.lease, self.opened, self.closing = "open", began + 2.0, None
        self.looks = 0

    def seconds_of(self, task):
        return {"task": 7.0}.get(task.kind)

    def record_of(self, drawn):
        self.looks += 1
        tries = [int(bool(one)) for one in self.started]
        use = ResourceUse(
            "db", self.lease, 0, 2, frozenset({1}), self.opened, self.closing, self.closing
        )
        return RunRecord(
            "flow", RUNNING, self.began, self.now, self.over, bytes(self.state),
            array("d", self.started), array("d", self.ended), tries, [0] * 3, (),
            ("db.setup", "work", "db.cleanup"), ("setup", "task", "cleanup"), (0, -1, 0), (), (use,),
        )  # fmt: skip


@pytest.fixture
def flow(work, cluster):
    from resnb import Flow

    with Flow("flow") as flow, cluster.use((), {}, name="db") as db:
        work("work")(db)
    return flow


class Feed:
    def __init__(self, flow, run):
        self.time, self.run = 0.0, run
        self.drawn = sketch(flow)
        self.fold = LiveFold(self.drawn.outline)
        self.times = TimesFeed(run, lambda: self.time)
        self.sampler = Sampler(self.drawn)

    def scopes(self, progress, *, everything=False):
        seen = self.sampler.sample(progress)
        shown = self.fold.apply(seen)
        return self.times.of_scopes(self.drawn, seen, shown, everything=everything)


def test_tasks_have_a_time_once_and_again_when_their_state_changes(flow, progress):
    feed = Feed(flow, Run())
    now = feed.fold.apply(feed.sampler.sample(progress({"work": RUNNING}, flow=RUNNING)))
    assert feed.times.of_tasks(feed.drawn, feed.fold, None, now) == [(0, 7.0)]
    assert feed.times.of_tasks(feed.drawn, feed.fold, now, now) == []
    done = feed.fold.apply(feed.sampler.sample(progress({}, flow=RUNNING)))
    assert feed.times.of_tasks(feed.drawn, feed.fold, now, done) == [(0, 7.0)]


def test_a_resource_is_told_of_when_it_changes_and_at_a_bounded_rate(flow, progress):
    run = Run()
    feed = Feed(flow, run)
    running = progress(
        {"work": RUNNING, "db.cleanup": PENDING}, leases={"db": "open"}, flow=RUNNING
    )
    [(place, first)] = feed.scopes(running)
    assert (place, first["setup"], first["open"], first["used"]) == (0, 2.0, 8.0, 7.0)
    assert (first["opened"], first["busy"]) == (1, True)
    run.now += 5
    assert feed.scopes(running) == []
    assert run.looks == 1
    idle = progress({"db.cleanup": PENDING}, leases={"db": "open"}, flow=RUNNING)
    run.state[1], run.ended[1] = SUCCESS, run.began + 12.0
    feed.time += 0.5 * PERIOD
    [(_, soon)] = feed.scopes(idle)
    assert run.looks == 1  # too soon for another: it is counted on
    assert (soon["open"], soon["used"], soon["busy"]) == (8.125, 7.125, False)
    assert feed.times.is_due
    feed.time += 0.5 * PERIOD
    [(_, then)] = feed.scopes(idle)
    assert (then["open"], then["used"], then["busy"]) == (13.0, 9.0, False)
    assert not feed.times.is_due
    feed.time += 2
    [(_, again)] = feed.scopes(idle, everything=True)
    assert (again["open"], again["used"], run.looks) == (15.0, 9.0, 2)


class Slow(Run):
    """A run whose record takes 0.1 s to read."""

    def record_of(self, drawn):
        self.feed.time += 0.1
        return super().record_of(drawn)


@pytest.fixture
def slow(flow, progress):
    """A feed that has read the record of a slow run, 9.8 s ago."""
    run = Slow()
    run.feed = feed = Feed(flow, run)
    feed.scopes(progress({"work": RUNNING}, leases={"db": "open"}, flow=RUNNING))
    feed.time += 98 * 0.1
    return feed


def test_what_takes_long_to_read_is_read_less_often(slow, progress):
    idle = progress({}, leases={"db": "open"}, flow=RUNNING)
    slow.scopes(idle)
    assert slow.run.looks == 1
    slow.time += 0.2
    slow.scopes(idle)
    assert slow.run.looks == 2


def test_use_in_a_run_that_was_not_read_to_its_end_is_counted(slow, progress):
    run, leases = slow.run, {"db": "open"}
    slow.time = 2.1  # two seconds after it was read
    slow.scopes(progress({}, leases=leases, flow=RUNNING))
    slow.scopes(progress({}, leases=leases, flow=SUCCESS))
    run.began, run.now = 200.0, 202.0
    run.started, run.ended, run.state = [0.0, 201.0, 0.0], [0.0] * 3, [PENDING, RUNNING, SUCCESS]
    busy = progress({"work": RUNNING}, leases=leases, flow=RUNNING)
    slow.scopes(busy)
    assert run.looks == 1
    slow.time += 10
    slow.scopes(busy)
    assert run.looks == 2
    [(_, later)] = slow.scopes(busy, everything=True)
    assert later["used"] == 7.0 + 2.0 + 1.0  # before it was read, then, and in the second run


def test_the_end_of_a_run_is_read_unless_another_follows_at_once(slow, progress):
    over = progress({}, leases={"db": "open"}, flow=SUCCESS)
    slow.scopes(progress({}, leases={"db": "open"}, flow=RUNNING))
    slow.time = 1.0
    for code in (SUCCESS, RUNNING, SUCCESS):
        slow.scopes(progress({}, leases={"db": "open"}, flow=code))
        slow.time += 0.9 * PERIOD
    slow.scopes(over)
    assert (slow.run.looks, slow.times.is_due) == (1, True)
    slow.time += 0.2 * PERIOD
    slow.scopes(over)
    assert (slow.run.looks, slow.times.is_due) == (2, False)


def test_use_adds_up_over_runs_and_is_not_known_of_what_nobody_saw(flow, progress):
    run = Run()
    feed = Feed(flow, run)
    feed.scopes(progress({"work": RUNNING}, leases={"db": "open"}, flow=RUNNING))
    run.began, run.now = 200.0, 210.0
    run.started, run.ended = [0.0, 201.0, 0.0], [0.0, 204.0, 0.0]
    run.state = [PENDING, SUCCESS, PENDING]
    feed.time += 10
    [(_, later)] = feed.scopes(progress({}, leases={"db": "open"}, flow=SUCCESS))
    assert (later["open"], later["used"]) == (108.0, 10.0)
    unseen = Feed(flow, run)
    [(_, late)] = unseen.scopes(progress({}, leases={"db": "open"}, flow=SUCCESS))
    assert (late["open"], late["used"]) == (108.0, None)
