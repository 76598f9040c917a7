"""A lease by itself: its states, its claim, and interrupts."""

import signal
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnb.errors import IllegalTransition
from resnb.ledger import states
from resnb.ledger.kernel.held_signals import interrupts_kept_out
from resnb.ledger.kernel.keeper import Keeper
from resnb.ledger.kernel.request import LeaseRequest
from resnb.ledger.kernel.thread import LeaseThread
from tests.ledger.no_book import NoBook

ALL = (states.OPENING, states.OPEN, states.CLOSING, states.CLOSED, states.FAILED)
LEGAL = {
    (states.OPENING, states.OPEN),
    (states.OPENING, states.CLOSING),
    (states.OPENING, states.CLOSED),
    (states.OPENING, states.FAILED),
    (states.OPEN, states.CLOSING),
    (states.CLOSING, states.CLOSED),
    (states.CLOSING, states.FAILED),
    (states.FAILED, states.CLOSING),
}


@pytest.fixture
def keeper(monkeypatch):
    monkeypatch.setattr("resnb.ledger.kernel.process_exit.watch", lambda close_all: None)
    return Keeper(NoBook)


def lease_of(keeper, manager):
    return keeper.prepare(LeaseRequest("a", manager, LeaseThread()))


class Plain:
    def cleanup(self, resource):
        pass


@pytest.mark.parametrize("source", ALL)
@pytest.mark.parametrize("target", ALL)
def test_every_pair_of_states(keeper, source, target):
    lease = lease_of(keeper, Plain())
    lease.state = source
    assert states.is_legal(source, target) == ((source, target) in LEGAL)
    if (source, target) in LEGAL:
        lease._move(target)
        assert lease.state == target
    else:
        with pytest.raises(IllegalTransition, match=f"from {source} to {target}"):
            lease._move(target)
        assert lease.state == source


@given(st.lists(st.booleans(), min_size=1, max_size=6), st.booleans())
def test_a_clean_up_completes_once_however_often_it_is_tried(fails, sets_up):
    keeper, outcomes, completed = Keeper(NoBook), list(fails), []
    keeper.watch_ends = lambda: None

    class Fragile:
        def setup(self):
            self.lease.record("thing")
            if not sets_up:
                raise ValueError

        def cleanup(self, resource):
            if outcomes and outcomes.pop(0):
                raise OSError
            completed.append(resource)

    lease = lease_of(keeper, Fragile())
    for attempt in [lease.set_up, *[lease.close] * (len(fails) + 3)]:
        try:
            attempt()
        except (ValueError, OSError):
            continue
    assert lease.state == states.CLOSED
    assert completed == [None if sets_up else "thing"]


def test_a_clean_up_that_failed_while_it_was_interrupted_is_done_again(keeper):
    tries = []

    class Fragile:
        def cleanup(self, resource):
            tries.append(1)
            if len(tries) == 1:
                keeper.interrupts += 1
                raise OSError("cut short")

    lease = lease_of(keeper, Fragile())
    lease.set_up()
    lease.close()
    assert len(tries) == 2


def test_one_that_cannot_be_begun_again_says_why_it_failed(keeper):
    class Once:
        tries = 0

        def cleanup(self, resource):
            self.tries += 1
            if self.tries == 1:
                keeper.interrupts += 1
                raise OSError("cut short")
            raise RuntimeError("cannot be begun again")

    lease = lease_of(keeper, Once())
    lease.set_up()
    with pytest.raises(RuntimeError) as caught:
        lease.close()
    assert str(caught.value.__cause__) == "cut short"


def test_a_lease_that_is_closed_before_its_set_up_is_half_made(keeper):
    cleaned = []

    class Found:
        def find(self, lease_id):
            return "thing"

        def cleanup(self, resource):
            cleaned.append(resource)

    lease = lease_of(keeper, Found())
    lease.close()
    assert (lease.state, cleaned) == (states.CLOSED, ["thing"])


def test_a_clean_up_that_was_left_behind_changes_nothing_any_more(keeper):
    began, go_on, tries = threading.Event(), threading.Event(), []

    class Slow:
        def cleanup(self, resource):
            tries.append(1)
            if len(tries) == 1:
                began.set()
                go_on.wait()
                raise OSError("late")

    lease = lease_of(keeper, Slow())
    lease.set_up()

    def close_late():
        with pytest.raises(OSError, match="late"):
            lease.close()

    late = threading.Thread(target=close_late)
    late.start()
    began.wait()
    lease.cut_short("it hangs")
    assert (lease.state, lease.reason) == (states.FAILED, "it hangs")
    lease.close()
    go_on.set()
    late.join()
    assert lease.state == states.CLOSED


def test_interrupts_are_kept_out_of_the_thread_and_its_children():
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with interrupts_kept_out():
        assert signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


def test_texts_are_stable(keeper):
    assert repr(lease_of(keeper, Plain())) == "<Lease: a (opening)>"
