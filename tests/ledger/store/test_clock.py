"""Durations go by the boot clock: the wall clock may jump, and the machine may be booted again."""

import pytest

from resnb.ledger.clock import Clock, begun_anew
from resnb.ledger.store.sqlite_file import SqliteFile
from resnb.ledger.store.store import Store
from tests.ledger.records import record

DAY = 86400.0


class World:
    """A machine with its two clocks."""

    def __init__(self, home):
        self.home = home
        self.wall, self.boot_clock, self.boot = 1_000_000.0, 500.0, "first"

    def passed(self, seconds):
        self.wall += seconds
        self.boot_clock += seconds

    def booted(self, after=60.0):
        self.wall += after
        self.boot_clock, self.boot = 1.0, self.boot + "*"

    def process(self, *stalls):
        """The store of a process that begins now, and its clock.

        After its first looks at the boot clock it stands still for so many seconds each.
        """
        left = iter(stalls)

        def boot_clock():
            seen = self.boot_clock
            self.passed(next(left, 0.0))
            return seen

        clock = Clock(lambda: self.wall, boot_clock, self.boot)
        return Store(self.home, SqliteFile(self.home, clock=clock)), clock


@pytest.fixture
def world(tmp_path):
    return World(tmp_path / "ledger")


def left(world, store, clock):
    """How many seconds are left until the lease may be tried again, or ends."""
    one = store.get("a")
    return {one.next_try - clock.now(), one.created + one.ttl - clock.now()}.pop()


def begun(world):
    store, clock = world.process()
    store.add(
        record(created=clock.now(), used=clock.now(), ttl=600.0, next_try=clock.now() + 600.0)
    )
    return store, clock


@pytest.mark.parametrize("jump", [-DAY, DAY])
def test_a_wall_clock_that_jumps_makes_nothing_late_or_early(world, jump):
    store, clock = begun(world)
    world.passed(100)
    world.wall += jump
    assert left(world, store, clock) == pytest.approx(500, abs=3)
    assert left(world, *world.process()) == pytest.approx(500, abs=3)
    world.passed(100)
    assert left(world, *world.process()) == pytest.approx(400, abs=3)


@pytest.mark.parametrize("jump", [-DAY, 0.0, DAY])
@pytest.mark.parametrize("is_mended", [True, False])
def test_the_next_boot_goes_on_from_there(world, jump, is_mended):
    begun(world)
    world.passed(100)
    world.wall += jump
    world.process()[0].get("a")
    world.booted()
    if is_mended:
        world.wall -= jump
    assert left(world, *world.process()) == pytest.approx(440, abs=3)


@pytest.mark.parametrize("looks", range(12))
def test_a_process_that_stands_still_between_two_looks_takes_that_for_no_jump(world, looks):
    store, clock = world.process(*[0.0] * looks, 30.0)
    store.add(record(created=1000.25))
    assert store.get("a").created == 1000.25
    assert world.process()[0].get("a").created == 1000.25
    assert clock.base == world.wall - world.boot_clock


def test_clocks_that_agree_leave_times_as_they_are(world):
    store, _ = world.process()
    store.add(record(created=1000.25))
    world.passed(1e6)
    assert world.process()[0].get("a").created == 1000.25


def test_what_the_wall_clock_says_counts_unless_it_was_before():
    assert begun_anew(1000.0, 900.0, 0.0) == 1000.0
    assert begun_anew(1000.0, 900.0, DAY) == 1000.0
    assert begun_anew(1000.0 + DAY, 900.0, -DAY) == 1000.0
    assert begun_anew(100.0, 900.0, 0.0) == 900.0


def test_where_no_boot_has_an_id_the_wall_clock_counts(tmp_path):
    world = World(tmp_path / "ledger")
    world.boot = ""
    begun(world)
    world.passed(100)
    assert left(world, *world.process()) == pytest.approx(500)
