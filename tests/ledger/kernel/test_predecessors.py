"""Which earlier leases a set-up waits for, and which it only names."""

from types import SimpleNamespace

import pytest

from resnb.errors import LedgerError
from resnb.ledger.kernel.predecessors import LONGEST_WAIT, Predecessors
from resnb.ledger.kernel.request import LeaseRequest
from resnb.ledger.owner import ALIVE, DEAD, UNKNOWN
from tests.ledger.records import KERNEL, REAPER, record

ME = KERNEL._replace(pid=1)
HELD = "there is already: flow/a (a, {state}, process 4000); it may hold what this set-up needs"


class World:
    """A ledger in which the predecessors of a lease change while it waits."""

    def __init__(self, *looks, status=ALIVE):
        self.looks = list(looks)
        self.said = []
        self.time = 0.0
        self.owner = ME
        self.store = SimpleNamespace(with_key=self.with_key)
        self.liveness = SimpleNamespace(status=lambda _: status)
        self.predecessors = Predecessors(self, lambda: self, self.said.append)

    def with_key(self, key):
        assert key == "key"
        found = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(found, Exception):
            raise found
        return found

    def now(self):
        return self.time

    def pause(self, seconds):
        self.time += seconds

    def wait(self, key="key"):
        return self.predecessors.wait(LeaseRequest("flow/a", None, None, key=key))


CLOSING = record(state="closing", claimant=REAPER)


def test_it_waits_while_one_is_being_cleaned_up():
    world = World([CLOSING], [CLOSING], [])
    assert world.wait() == ""
    assert world.said == [
        "flow/a: the one before is being cleaned up; set-up waits for that, up to 60 s"
    ]


def test_it_waits_no_longer_than_the_clean_up_may_take():
    world = World([CLOSING._replace(cleanup_timeout=3.0)])
    assert world.wait().startswith(HELD.format(state="closing"))
    assert 3.0 <= world.time < 3.2
    world = World([CLOSING._replace(cleanup_timeout=1e6)])
    world.wait()
    assert LONGEST_WAIT <= world.time < LONGEST_WAIT + 1.0


@pytest.mark.parametrize(
    ("one", "status", "waits"),
    [
        (record(), DEAD, True),  # its reaper is about to
        (record(), ALIVE, False),
        (record(), UNKNOWN, False),
        (record(state="failed"), DEAD, True),  # it was just handed over
        (record(state="failed", tries=1), DEAD, False),
        (record(state="failed", handle=None), DEAD, False),
        (CLOSING, UNKNOWN, True),
        (record(state="kept", request="cleanup"), DEAD, True),  # somebody has asked for its end
    ],
)
def test_what_nobody_is_cleaning_up_is_named_instead(one, status, waits):
    world = World([one], status=status)
    assert world.wait().startswith(HELD.format(state=one.state))
    assert bool(world.said) == waits


@pytest.mark.parametrize(
    "one",
    [
        record(owner=ME),
        record(state="kept"),
        CLOSING._replace(handle=None, nothing_since=5.0),  # it is only looked for
    ],
)
def test_what_stands_in_nobodys_way_is_not_named(one):
    world = World([one], status=DEAD)
    assert (world.wait(), world.said) == ("", [])


def test_without_a_key_or_a_ledger_there_is_nothing_to_wait_for():
    assert World([CLOSING]).wait(key="") == ""
    assert World(LedgerError("it cannot be read")).wait() == ""
