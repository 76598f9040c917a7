"""When a cluster counts as lost: once it has been without workers for long enough."""

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
            asyncio.run(self._callbacks.popleft()())

    def advance(self, seconds):
        self._clock.advance(seconds)
        for timer in [*self._timers]:
            if timer[0] <= self._clock.now():
                self._timers.remove(timer)
                timer[1]()
        self.settle()


class Cluster:
    """A client whose workers come and go as the test says."""

    def __init__(self):
        self.loop, self.workers = Loop(), {}
        self.answers = True

    def subscribe_topic(self, topic, handler):
        assert topic == "all"
        self._handler = handler

    async def nthreads(self):
        if not self.answers:
            raise TimeoutError
        return self.workers

    def add(self, name):
        self.workers[name] = 1
        self._tell("add-worker")

    def remove(self, name):
        del self.workers[name]
        self._tell("remove-worker")

    def _tell(self, action):
        asyncio.run(self._handler(("", {"action": action})))
        self.loop.settle()


@pytest.fixture
def case(monkeypatch):
    monkeypatch.setattr(cluster_loss, "PATIENCE", 30.0)
    case = SimpleNamespace(cluster=Cluster(), lost=[], counted=[])
    case.watch = WorkerWatch(case.cluster, case.lost.append, case.counted.append)
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
    assert case.counted == [1, 2, 1, 0]


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
