"""The state table: every pair of states, and rows that are added later."""

import pytest

from resnb.errors import IllegalTransition
from resnb.run.scheduling.state_table import Table
from resnb.states import LEGAL, NAMES, PENDING, RUNNING, SUCCESS, TIMED_OUT

CODES = range(len(NAMES))


@pytest.mark.parametrize("source", CODES, ids=NAMES)
@pytest.mark.parametrize("target", CODES, ids=NAMES)
def test_every_pair_of_states(source, target):
    table = Table(2)
    table.state[1] = source
    if LEGAL[source][target]:
        table.move(1, target)
        assert table.state[1] == target
    else:
        message = f"row 1 cannot go from {NAMES[source]} to {NAMES[target]} .tries 0, started 0.0"
        with pytest.raises(IllegalTransition, match=message):
            table.move(1, target)
        assert table.state[1] == source
    assert table.state[0] == PENDING


def test_rows_that_are_added():
    table = Table(2)
    table.tries[1] = 70_000
    table.append()
    assert table.extend(2) == 3
    assert [len(one) for one in (table.state, table.started, table.ended, table.tries)] == [5] * 4
    table.move(3, RUNNING)
    table.move(3, SUCCESS)
    assert table.counts(2, 5) == {PENDING: 2, SUCCESS: 1}
    assert table.counts(5, 5) == {}
    assert table.tries[1] == 70_000


def test_a_state_from_before_the_run_is_taken_over():
    table = Table(1)
    table.take_over(0, TIMED_OUT)
    assert table.state[0] == TIMED_OUT
