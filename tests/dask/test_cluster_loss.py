"""When a cluster counts as lost: once it has been without workers for long enough; all runs hear."""

import asyncio
from collections import deque
from types import SimpleNamespace

import pytest

from resnb.dask import cluster_loss
from resnb.dask.cluster_loss import WorkerWatch
from tests.run.parts import ManualClock


class Loop:
    """A client's loop, whose timers go off when the test's clock says so."""

    def __init__(self):
        self._clock = ManualClock()
        self._timers = []
        self._callbacks = deque()

    def call_later(self, delay, function):
        timer = self._clock.now() + delay, function
        self._timers.append(timer)
        return timer

    def remove_timeout(self, timer):
        self._timers.remove(timer)

    def add_callback(self, function):
        self._callbacks.append(function)

    def settle(self):
        while self._callbacks:
            if (found := self._callbacks.popleft()()) is not None:
                asyncio.run(found)

    def advance(self, seconds):
        self._clock.advance(seconds)
        for timer in [*self._timers]:
            if timer[0] <= self._clock.now():
                self._timers.remove(timer)
                timer[1]()
        self.settle()


class Cluster:
    """A client whose workers come and go as the test says."""

    status = "running"

    def __init__(self):
        self.loop, self.workers, self.handlers = Loop(), {}, {}
        self.answers = True
        self.log, self.scheduler = [(0.0, "a user's")], self

    def subscribe_topic(self, topic, handler):
        self.handlers[topic] = handler

    def unsubscribe_topic(self, topic):
        del self.handlers[topic]

    async def nthreads(self):
        if not self.answers:
            raise TimeoutError
        return self.workers

    def add(self, name):
        self.workers[name] = 1
        self._tell("add-worker")

    def remove(self, name, **event):
        del self.workers[name]
        self._tell("remove-worker", **event)

    def _tell(self, action, **event):
        self.log.append((0.0, {"action": action, **event}))
        if "all" in self.handlers:
            asyncio.run(self.handlers["all"](self.log[-1]))
        self.loop.settle()

    async def events(self, topic):
        assert topic == "all"
        return self.log


def watching(case, *, had_workers=False):
    """The watch of one more run with the same client, which notes what it is told."""
    watch = WorkerWatch(
        case.cluster, case.lost.append, case.counted.append, had_workers=had_workers
    )
    case.cluster.loop.settle()
    return watch


@pytest.fixture
def case(monkeypatch):
    monkeypatch.setattr(cluster_loss, "PATIENCE", 30.0)
    case = SimpleNamespace(cluster=Cluster(), lost=[], counted=[])
    case.watches = [watching(case)]
    case.cluster.add("a")
    case.cluster.add("b")
    return case


def test_the_time_without_workers_begins_when_the_last_one_goes(case):
    cluster = case.cluster
    cluster.remove("a")
    cluster.loop.advance(29)
    cluster.remove("b")
    cluster.loop.advance(29)
    assert case.lost == []
    cluster.loop.advance(1)
    assert case.lost == ["no Dask worker is left, and none has come for 30 s"]
    assert case.counted == [0, 1, 2, 1, 0]


def test_workers_that_went_before_anybody_watched_are_missed(case):
    cluster = case.cluster
    cluster.workers.clear()
    case.watches.append(watching(case))
    cluster.loop.advance(60)
    assert case.lost == []  # none has come yet
    case.watches.append(watching(case, had_workers=True))
    cluster.loop.advance(29)
    assert case.lost == []
    cluster.loop.advance(1)
    assert len(case.lost) == 1


def test_a_cluster_that_has_sent_its_workers_away_has_longer_to_start_others(case):
    cluster = case.cluster
    cluster.remove("a", expected=False)
    cluster.remove("b", expected=True)
    cluster.loop.advance(599)
    assert case.lost == []
    cluster.add("c")
    cluster.loop.advance(600)
    assert case.lost == []
    cluster.remove("c", expected=True)
    cluster.loop.advance(30)
    cluster.loop.advance(569)
    assert case.lost == []
    cluster.loop.advance(1)
    assert case.lost == ["no Dask worker is left, and none has come for 600 s"]


def test_workers_that_were_sent_away_before_anybody_watched_are_not_missed(case):
    cluster = case.cluster
    cluster.remove("a", expected=True)
    cluster.remove("b", expected=True)
    case.watches.append(watching(case, had_workers=True))
    cluster.loop.advance(30)
    assert case.lost == []


def test_a_new_worker_or_one_that_is_left_is_enough(case):
    cluster = case.cluster
    cluster.remove("a")
    cluster.loop.advance(60)
    cluster.remove("b")
    cluster.loop.advance(29)
    cluster.add("c")
    cluster.loop.advance(60)
    assert case.lost == []


def test_a_scheduler_that_does_not_answer_is_asked_again(case):
    cluster = case.cluster
    cluster.remove("a")
    cluster.remove("b")
    cluster.answers = False
    cluster.loop.advance(30)
    assert case.lost == []
    cluster.answers = True
    cluster.loop.advance(30)
    assert len(case.lost) == 1


def test_each_run_is_told(case):
    cluster = case.cluster
    case.watches += [watching(case), watching(case)]
    case.watches.pop().close()
    cluster.remove("a")
    cluster.remove("b")
    cluster.loop.advance(30)
    assert len(case.lost) == 2
    assert case.counted[-2:] == [0, 0]
    for one in case.watches:
        one.close()
    cluster.loop.settle()
    assert cluster.handlers == {}


def test_a_worker_that_comes_in_time_is_enough_for_all(case):
    cluster = case.cluster
    case.watches.append(watching(case))
    cluster.remove("a")
    cluster.remove("b")
    cluster.add("c")
    cluster.loop.advance(30)
    assert case.lost == []


def test_the_next_run_listens_anew(case):
    cluster = case.cluster
    case.watches.pop().close()
    case.watches.append(watching(case))
    cluster.remove("a")
    cluster.remove("b")
    cluster.loop.advance(30)
    assert len(case.lost) == 1
