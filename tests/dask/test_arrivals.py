"""What the kernel makes of workers' reports."""

from itertools import pairwise
from math import inf
from types import SimpleNamespace

import pytest

from resnb.dask.arrivals import Arrivals
from resnb.dask.calls import Package
from resnb.run.scheduling.state_table import Table
from resnb.states import RUNNING, SUCCESS
from tests.run.parts import ManualClock


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def idle():
    """How long threads had nothing to do."""
    return []


@pytest.fixture
def arrivals(clock, idle):
    """What comes back of a cluster on which rows 0 to 3 have ended, as Dask says."""
    table = Table(4)
    table.state[:] = bytes([SUCCESS] * 4)  # what is reported then is about its times only
    execution = SimpleNamespace(table=table, clock=clock, output=None)
    engine = SimpleNamespace(
        execution=execution, runner=None, cancellation=SimpleNamespace(attempts={})
    )
    sent = SimpleNamespace(
        numbers=dict.fromkeys(range(4), 1),
        bundled=set(),
        futures={},
        learn=lambda *_, has_ended: None,
        idled=idle.append,
        calls=SimpleNamespace(value_of=lambda _: SimpleNamespace()),
    )
    return Arrivals(engine, sent, SimpleNamespace(taken=set(), begun=[]))


def report(row, began, ended=None, *, now):
    """What a worker says at `now`, by its own clock, of a row that began and ended at these."""
    return {
        "row": row, "try": 1, "seat": 0, "texts": [], "data": None, "size": 0,
        "began": began, "spent": (ended or now) - began, "ago": ended and now - ended,
        "end": "succeeded" if ended else "",
    }  # fmt: skip


def test_times_of_one_worker_do_not_overlap_if_one_message_is_slower_than_the_next(arrivals, clock):
    table = arrivals._table
    clock.advance(10.5)  # half a second on its way
    arrivals.report({"name": "w", "reports": [report(0, 1.0, 2.0, now=2.0)]})
    clock.advance(0.7)  # at once
    arrivals.report({"name": "w", "reports": [report(1, 2.0, 2.7, now=2.7), report(2, 2.7, now=3)]})
    clock.advance(1.0)
    arrivals.report({"name": "w", "reports": [report(2, 2.7, 4.0, now=4.0)]})
    times = [(table.started[row], table.ended[row]) for row in range(3)]
    assert all(began <= ended for began, ended in times)
    assert all(one[1] <= other[0] for one, other in pairwise(times))
    assert times[2][1] <= clock.now()


def test_a_report_that_comes_after_dask_was_done_tells_when_that_was(arrivals, clock):
    """The driver has taken its success, but the scheduler may not have heard of it."""
    table = arrivals._table
    table.state[0] = RUNNING
    clock.advance(10)
    table.ended[0] = clock.now()
    arrivals.report({"name": "w", "reports": [report(0, 1.0, 2.0, now=5.0)]})
    assert (table.started[0], table.ended[0]) == (6, 7)


def test_a_worker_that_is_started_anew_has_another_clock(arrivals, clock):
    clock.advance(20)
    arrivals.report({"name": "w", "reports": [report(0, 5_000.0, 5_001.0, now=5_001.0)]})
    clock.advance(20)
    arrivals.report({"name": "w", "reports": [report(1, 1.0, 2.0, now=2.0)]})
    assert (arrivals._table.started[1], arrivals._table.ended[1]) == (39, 40)


def test_what_a_thread_waited_between_two_rows_is_told(arrivals, idle):
    rows = [report(0, 1.0, 2.0, now=5), report(1, 2.5, 3.0, now=5), report(2, 3.0, now=5)]
    arrivals.report({"name": "w", "reports": rows})
    arrivals.report({"name": "other", "reports": [report(3, 4.0, 5.0, now=6)]})
    arrivals.report({"name": "w", "reports": [report(2, 3.0, 6.0, now=6)]})
    assert [seconds for seconds in idle if seconds > -inf] == [0.5, 0.0]


class Driver:
    """What is told to a run about row 0, whose first try is in a bundle."""

    def __init__(self):
        self.client, self.taken, self.begun = None, {0}, []
        self.told = []
        self.given_up = False

    def is_given_up(self, one):
        assert one == (0, 1)
        return self.given_up

    def failed(self, row, number, failure):
        self.told.append(("failed", row, number, failure.error))

    def fail(self, row, error):
        self.told.append(("fail", row, error))


class Sent:
    """What a cluster was given: row 0, in a bundle; it is not there once the test says so."""

    def __init__(self):
        self.numbers, self.bundled, self.futures = {0: 1}, {0}, {0: None}
        self.calls = SimpleNamespace(lost=lambda _: None)
        self.again = []

    def is_open(self, row, number):
        return self.numbers[row] == number and row in self.futures

    def send_again(self, row, *, is_suspect):
        assert is_suspect
        self.again.append(row)

    def ended(self, package):
        assert package.rows == (0,)


@pytest.fixture
def bundled(clock):
    """Arrivals of a cluster that has row 0 in a bundle, what it was given, and who is told."""
    execution = SimpleNamespace(table=Table(1), clock=clock, output=None)
    cancellation = SimpleNamespace(attempts={})
    engine = SimpleNamespace(execution=execution, runner=None, cancellation=cancellation)
    sent, driver = Sent(), Driver()
    return Arrivals(engine, sent, driver), sent, driver


@pytest.mark.parametrize("given_up", [False, True])
def test_what_was_in_a_bundle_that_dask_gives_up_is_sent_again_unless_it_is_to_stop(
    bundled, given_up
):
    arrivals, sent, driver = bundled
    driver.given_up = given_up
    package = Package("key", None, (0,), 0, is_bundle=True)
    arrivals.done(package, (1,), SimpleNamespace(status="error", key="key"))
    assert driver.told == ([("failed", 0, 1, None)] if given_up else [])
    assert sent.again == ([] if given_up else [0])


def test_a_bundle_that_cannot_be_fetched_is_no_failure_of_what_has_left_it(bundled):
    arrivals, sent, driver = bundled
    del sent.futures[0]
    arrivals._unpacked([(0, 0, 1)], RuntimeError("lost"))
    assert driver.told == []
    sent.futures[0] = None
    arrivals._unpacked([(0, 0, 1)], fault := RuntimeError("lost"))
    assert driver.told == [("fail", 0, fault)]
