"""What holds for every test of runs: none is left running, and no lease is left open."""

import pytest

from resnb.ledger.kernel.keeper import KEEPER
from resnb.run.lifecycle import active_run
from tests.run.parts import ManualClock, Things


@pytest.fixture(autouse=True)
def nothing_left_open():
    yield
    left = KEEPER.alive()
    KEEPER.close(left, budget=5.0)
    assert [lease.name for lease in left] == []
    assert active_run() is None
    assert KEEPER.before_closing == []


@pytest.fixture
def things():
    return Things()


@pytest.fixture
def clock():
    return ManualClock()
