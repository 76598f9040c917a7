"""What follows from locks, ids and renewals, without processes: each answer is given by the test."""

import time

import pytest

from resnb.errors import LedgerError
from resnb.ledger import liveness
from resnb.ledger.liveness import ASK_AGAIN, SECOND_LOOK, Liveness
from resnb.ledger.owner import ALIVE, DEAD, UNKNOWN, Lock, this_process
from tests.ledger.records import HERE, record

LOCK = Lock("0" * 32, 5)
NEAR = this_process()._replace(lock=LOCK)
"""An owner of this boot, which is this process by its ids."""
FAR = NEAR._replace(machine="another", boot="another", pid=1, started=1)
GONE = NEAR._replace(pid=2**22 + 1)
"""One whose process is not there."""


class World:
    """A ledger whose locks, renewals and clock are set by hand."""

    def __init__(self, monkeypatch, home, *, is_shared=False, renews=False):
        self.locked = False
        self.now = 0.0
        self.asked = 0
        self.renewed = []
        self.paths = []
        monkeypatch.setattr(liveness, "is_locked", self._is_locked)
        self.look = Liveness(
            home,
            is_shared=is_shared,
            renewing=self._renewing if renews else None,
            clock=lambda: self.now,
        )

    def _is_locked(self, path, inode):
        self.paths.append((path, inode))
        if isinstance(self.locked, OSError):
            raise self.locked
        return self.locked

    def _renewing(self):
        self.asked += 1
        if self.renewed is None:
            raise LedgerError("away")
        return self.renewed


@pytest.fixture
def world(monkeypatch, tmp_path):
    return lambda **options: World(monkeypatch, tmp_path, **options)


@pytest.mark.parametrize(
    ("locked", "owner", "status"),
    [
        (True, NEAR, ALIVE),
        (True, FAR, ALIVE),
        (False, NEAR, DEAD),
        (False, FAR, DEAD),
        (None, NEAR, ALIVE),
        (None, GONE, DEAD),
        (None, FAR, DEAD),
        (OSError("stale"), NEAR, UNKNOWN),
        (True, NEAR._replace(lock=None), ALIVE),
        (True, GONE._replace(lock=None), DEAD),
    ],
)
def test_the_lock_decides_and_where_it_says_nothing_the_ids(world, tmp_path, locked, owner, status):
    it = world()
    it.locked = locked
    assert it.look.status(owner) == status
    assert it.look.is_dead(owner) is (status == DEAD)
    assert it.paths == [(tmp_path / "alive" / LOCK.name, 5)] * 2 * (owner.lock is not None)


@pytest.mark.parametrize(
    ("options", "locked", "owner", "status"),
    [
        ({"is_shared": True}, None, FAR, UNKNOWN),
        ({"is_shared": True}, False, NEAR, DEAD),
        ({"is_shared": True}, False, FAR, UNKNOWN),
        ({"is_shared": True}, True, FAR, ALIVE),
    ],
)
def test_what_may_be_on_another_machine_is_not_taken_for_dead(
    world, options, locked, owner, status
):
    it = world(**options)
    it.locked = locked
    assert it.look.status(owner) == status


def test_a_free_lock_of_another_machine_is_doubted_until_the_second_look(world):
    it = world(is_shared=True)
    assert not it.look.has_doubts
    assert it.look.status(NEAR) == DEAD
    assert not it.look.is_in_doubt(NEAR)
    it.now = 5.0
    assert it.look.status(FAR) == UNKNOWN
    assert it.look.has_doubts
    assert it.look.is_in_doubt(FAR)
    assert not it.look.is_in_doubt(FAR._replace(lock=Lock("1" * 32, 5)))
    it.now = 5.0 + SECOND_LOOK - 1.0
    assert it.look.status(FAR) == UNKNOWN
    assert it.look.has_doubts
    it.now = 5.0 + SECOND_LOOK
    assert not it.look.has_doubts
    assert it.look.status(FAR) == DEAD
    it.locked = True
    assert it.look.status(FAR) == ALIVE
    assert not it.look.is_in_doubt(FAR)
    it.locked = False
    assert it.look.status(FAR) == UNKNOWN


def test_whose_lock_says_nothing_is_alive_if_it_renews(world):
    it = world(renews=True)
    it.locked = None
    it.renewed = [FAR]
    assert it.look.status(FAR) == ALIVE
    it.renewed = []
    it.now = ASK_AGAIN / 2
    assert it.look.status(FAR) == ALIVE  # as it was told before
    it.now = ASK_AGAIN
    assert it.look.status(FAR) == DEAD
    assert it.asked == 2


def test_an_answer_from_here_needs_no_renewal(world):
    it = world(renews=True)
    it.locked = True
    assert it.look.status(FAR) == ALIVE
    it.locked = False
    assert it.look.status(FAR) == DEAD
    it.locked = None
    assert it.look.status(GONE) == DEAD
    assert it.asked == 0


def test_nobody_is_taken_for_dead_while_the_ledger_is_away(world):
    it = world(renews=True)
    it.locked = None
    it.renewed = None
    assert it.look.status(FAR) == UNKNOWN
    it.renewed = [FAR]
    assert it.look.status(FAR) == ALIVE  # asked again at once


ELSEWHERE = HERE._replace(python="/nowhere/python")


@pytest.mark.parametrize(
    ("owner", "values", "renewed", "status"),
    [
        (FAR, {}, [], DEAD),
        (FAR, {"environment": ELSEWHERE}, [], UNKNOWN),
        (FAR, {"environment": ELSEWHERE, "kind": "box"}, [], DEAD),
        (FAR, {"environment": ELSEWHERE}, [FAR], ALIVE),
        (GONE, {"environment": ELSEWHERE}, [], DEAD),
    ],
)
def test_what_was_on_another_machine_is_cleaned_up_where_its_interpreter_is(
    world, owner, values, renewed, status
):
    it = world(renews=True)
    it.locked = None
    it.renewed = renewed
    assert it.look.status_of(record(owner=owner, **values)) == status


@pytest.mark.parametrize("is_shared", [True, False])
def test_whether_a_folder_is_shared_is_found_out(monkeypatch, tmp_path, is_shared):
    monkeypatch.setattr(liveness, "is_on_network", {tmp_path: is_shared}.__getitem__)
    monkeypatch.setattr(liveness, "is_locked", lambda *_: False)
    assert Liveness(tmp_path).status(FAR) == (UNKNOWN if is_shared else DEAD)
    assert Liveness(tmp_path, is_shared=False).status(FAR) == DEAD
    assert Liveness(tmp_path)._clock is time.monotonic


def test_many_leases_are_asked_about_with_one_look_at_each_owner(world):
    it = world(renews=True)
    it.locked = None
    records = [
        record(owner=FAR),
        record(owner=FAR, environment=ELSEWHERE),
        record(owner=FAR, environment=ELSEWHERE, kind="box"),
        record(owner=GONE, environment=ELSEWHERE),
        record(owner=FAR),
    ]
    assert it.look.statuses_of(records) == [DEAD, UNKNOWN, DEAD, DEAD, DEAD]
    it.paths.clear()
    it.look.statuses_of(records[:1] * 100)
    assert len(it.paths) <= 2
