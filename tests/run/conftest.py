"""What holds for every test of runs: none is left running, and no lease is left open."""

import gc

import pytest

from resnb.ledger import states
from resnb.ledger.kernel.keeper import KEEPER
from resnb.run.lifecycle import active_run
from tests.ledger.things import until
from tests.run.frames import Frame
from tests.run.parts import PATIENCE, ManualClock, Things


@pytest.fixture(autouse=True)
def nothing_left_open():
    yield
    # a clean-up that a test has seen begin ends a moment later
    until(lambda: all(lease.state != states.CLOSING for lease in KEEPER.alive()))
    left = KEEPER.alive()
    KEEPER.close(left, budget=PATIENCE)
    assert [lease.name for lease in left] == []
    assert active_run() is None
    assert KEEPER.before_closing == []


@pytest.fixture
def things():
    return Things()


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def no_collection():
    """Only what nothing refers to goes: what is unreachable would still take its memory."""
    gc.collect()
    gc.disable()
    Frame.alive = Frame.most = 0
    yield
    gc.enable()
