"""An exception at any moment of a lease's steps: nothing stays open that nobody knows of.

It comes from the handler of a real signal, which is sent at each point in turn at which Python
runs handlers. Whatever it cuts short, the resource is cleaned up, or its lease is still listed and can be closed.
"""

import itertools
import signal
import sys
from pathlib import Path

import pytest

from resnb.errors import LedgerError
from resnb.ledger import states
from resnb.ledger.kernel import keeper
from resnb.ledger.kernel.book import LeaseBook
from resnb.ledger.kernel.keeper import Keeper
from resnb.ledger.kernel.reaper_client import ReaperClient
from resnb.ledger.kernel.request import LeaseRequest
from resnb.ledger.kernel.thread import LeaseThread
from resnb.ledger.owner import nobody, this_process
from resnb.ledger.store import store

FILES = (str(Path(keeper.__file__).parent), store.__file__)
SIGNAL = signal.SIGUSR1


class Alarm(Exception):  # noqa: N818 - it stands for any exception
    """What the handler raises."""


class Files:
    """A resource that is a file with the lease's name."""

    def __init__(self, folder):
        self.folder = str(folder)

    def setup(self):
        self.lease.record(self.lease.id)
        Path(self.folder, self.lease.id).touch()
        return self.lease.id

    def find(self, lease_id):
        return lease_id if Path(self.folder, lease_id).exists() else None

    def cleanup(self, name):
        Path(self.folder, name).unlink(missing_ok=True)


@pytest.fixture
def _alarm():
    def ring(*_):
        raise Alarm

    before = signal.signal(SIGNAL, ring)
    yield
    signal.signal(SIGNAL, before)


def interrupted(point, function):
    """Call `function`, and send the signal at one of the points at which Python runs handlers.

    These are the beginnings of functions, and the moments after a call: in the kernel's files and the store's.

    Returns:
        Whether there was such a point.
    """
    points = itertools.count()

    def profile(frame, event, _):
        is_ours = frame.f_code.co_filename.startswith(FILES)
        if is_ours and event in ("call", "c_return") and next(points) == point:
            signal.raise_signal(SIGNAL)

    sys.setprofile(profile)
    try:
        function()
    except (Alarm, LedgerError):
        assert next(points) > point
        return True
    finally:
        sys.setprofile(None)
    return next(points) > point


class World:
    """A ledger without a reaper, whose keepers' leases are closed on the main thread."""

    def __init__(self, home, things):
        self.home, self.things = home, things
        self.keeper = Keeper(lambda on_message: LeaseBook(on_message, home))
        self.store = self.keeper.book.store

    def prepare(self):
        thread = LeaseThread()
        try:
            request = LeaseRequest("f/x", Files(self.things), thread, key="key")
            return self.keeper.prepare_alone(request)
        finally:
            thread.close()

    def check(self):
        """All that is listed can be closed, and then nothing is left."""
        for lease in self.keeper.alive():
            lease.close()
        self.keeper.close_all()  # writes what could not be written before
        for record in self.store.alive():  # as the reaper does with what it was given
            assert record.state in (states.CLOSING, states.FAILED)
            assert record.claimant is None
            Path(self.things, record.id).unlink(missing_ok=True)
            self.store.close(record.id, 5.0)
        assert [one.name for one in self.things.iterdir()] == []
        assert self.keeper.alive() == ()


@pytest.fixture
def world(_alarm, tmp_path, monkeypatch):
    monkeypatch.setattr("resnb.ledger.kernel.process_exit.watch", lambda close_all: None)
    for name in ("ensure", "look"):
        monkeypatch.setattr(ReaperClient, name, lambda self: None)
    things = tmp_path / "things"
    things.mkdir()
    world = World(tmp_path / "ledger", things)
    yield world
    world.keeper.book.presence.release()


def at_every_point(step):
    """Call `step` with one point after the other until it comes to its end."""
    for point in itertools.count():
        if not step(point):
            assert point > 10
            return


def test_while_a_lease_is_prepared(world):
    def step(point):
        is_hit = interrupted(point, world.prepare)
        world.check()
        return is_hit

    at_every_point(step)


def test_while_a_resource_is_set_up(world):
    def step(point):
        lease = world.prepare()
        is_hit = interrupted(point, lease.set_up)
        world.check()
        return is_hit

    at_every_point(step)


def test_while_a_resource_is_cleaned_up(world):
    def step(point):
        lease = world.prepare()
        lease.set_up()
        is_hit = interrupted(point, lease.close)
        world.check()
        return is_hit

    at_every_point(step)


def test_while_a_lease_is_adopted(world):
    def step(point):
        lease = world.prepare()
        lease.set_up()
        lease.forget("its kernel has ended")
        world.store.adopt(lease.id, nobody(this_process()), world.keeper.book.owner)
        is_hit = interrupted(point, lambda: world.keeper.adopt("f/x"))
        for one in world.store.alive():
            if one.owner == world.keeper.book.owner:
                listed = [other.id for other in world.keeper.alive()]
                assert one.state == states.FAILED or one.id in listed
            else:  # as it was
                world.store.close(one.id, 5.0)
                Path(world.things, one.id).unlink()
        world.check()
        return is_hit

    at_every_point(step)
