"""When a worker reports: with Dask's word that a task is done, and before it."""

from math import inf
from types import SimpleNamespace

import pytest

from resnb.dask.serialization import RemoteCall
from resnb.dask.workers import tries
from resnb.dask.workers.registry import AT_ONCE, RUNS, TryRegistry
from resnb.dask.workers.tries import BundleRun, Report
from tests.run.parts import ManualClock


class Worker:
    """What a registry uses of a worker; its timers run when the test says so."""

    def __init__(self):
        self.name, self.loop = "fake", self
        self.plugins, self.heard, self.timers = {}, [], []

    def add_callback(self, function, *args):
        function(*args)

    def call_later(self, _, function):
        self.timers.append(function)

    def log_event(self, topic, message):
        rows = [(one["row"], one["end"]) for one in message["reports"]]
        self.heard.append((topic, rows))

    def tell(self, key):
        """Dask's task of that key is done."""
        for plugin in self.plugins.values():
            plugin.transition(key, "executing", "memory")

    def tick(self):
        timers, self.timers = self.timers, []
        for one in timers:
            one()


@pytest.fixture
def worker():
    return Worker()


@pytest.fixture
def registry(worker):
    return TryRegistry(worker)


def call(row, topic="run", **more):
    given = {"is_new": False, **more}
    return RemoteCall(topic, row, 1, "t", b"", None, (), 0, (), **given)


def bundle_of(registry, *rows):
    """A bundle of which all rows have run."""
    bundle = BundleRun([call(row) for row in rows], inf)
    registry.opens(bundle)
    for at, one in enumerate(bundle.calls):
        bundle.at = at
        report = registry.begins(one, bundle)
        report.end = "succeeded"
        registry.ends(report, bundle)
    return bundle


def alone(registry, row, key, text=""):
    report = registry.begins(call(row))
    report.end = "succeeded"
    if text:
        report.write(row, "stdout", text)
    registry.ends_alone(report, key)


def test_the_reports_of_a_bundle_go_with_word_that_it_is_done(registry, worker):
    registry.closes(bundle_of(registry, 0, 1), "key")
    worker.tell("another")
    assert worker.heard == []
    worker.tell("key")
    assert worker.heard == [("run", [(0, "succeeded"), (1, "succeeded")])]
    worker.tell("key")
    worker.tick()
    assert len(worker.heard) == 1


def test_they_come_with_the_next_message_if_dask_says_nothing(registry, worker):
    registry.closes(bundle_of(registry, 0, 1), None)
    worker.tick()
    assert worker.heard == [("run", [(0, "succeeded"), (1, "succeeded")])]


def test_the_end_of_a_lone_task_is_reported_at_once_unless_there_are_many(registry, worker):
    for row in range(AT_ONCE + 2):
        alone(registry, row, row)
        worker.tell(row)
    assert worker.heard == [("run", [(row, "succeeded")]) for row in range(AT_ONCE)]
    worker.tick()
    assert worker.heard[AT_ONCE:] == [("run", [(AT_ONCE + one, "succeeded") for one in range(2)])]
    alone(registry, 99, 99)
    worker.tell(99)
    assert worker.heard[-1] == ("run", [(99, "succeeded")])


def test_what_a_lone_task_has_printed_comes_at_once_whatever_there_is(registry, worker):
    for row in range(AT_ONCE):
        alone(registry, row, row)
    alone(registry, 50, 50, text="a line")
    worker.tell(50)
    assert worker.heard[-1][1][-1] == (50, "succeeded")


def test_nothing_is_said_of_a_run_that_is_over(registry, worker):
    alone(registry, 0, "key")
    _, reports, said = registry.leave("run")
    assert [one["row"] for one in reports] == [0]
    assert said == 0
    worker.tell("key")
    worker.tick()
    assert worker.heard == []


def test_a_worker_forgets_the_runs_of_kernels_that_have_left_without_a_word(registry):
    begun = [registry.begins(call(0, topic=f"run-{number}")) for number in range(RUNS + 2)]
    assert all(begun)
    assert registry.stop([("run-0", 0, 1)]) == []
    assert registry.stop([(f"run-{RUNS + 1}", 0, 1)]) == [(0, 1)]


def test_a_try_that_has_ended_is_not_interrupted(registry):
    report = registry.begins(call(0))
    report.slot = SimpleNamespace(interrupt=pytest.fail)
    registry.ends_alone(report, "key")
    assert registry.stop([("run", 0, 1)]) == [(0, 1)]


@pytest.mark.parametrize(("seconds", "limit"), [(0.01, 0.15), (0.2, 0.3), (0.6, 0.9), (inf, 1.0)])
def test_a_bundle_is_broken_up_once_it_takes_longer_than_it_was_to(monkeypatch, seconds, limit):
    clock = ManualClock()
    monkeypatch.setattr(tries, "time", SimpleNamespace(perf_counter=clock.now))
    bundle = BundleRun([call(0), call(1)], seconds)
    clock.advance(limit - 0.001)
    bundle.report = Report(bundle.calls[0])
    assert not bundle.takes_long()
    clock.advance(0.002)
    assert bundle.takes_long()
    bundle.report = None
    assert not bundle.takes_long()
