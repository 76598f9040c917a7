"""When what is kept of a flow at rest is made again; by a clock of the test's own."""

import pytest

from resnb.notebook.widget.kept_frames import SHARE, KeptFrames

COST = 2.0


class Kept:
    """Frames that take `COST` seconds to make."""

    def __init__(self):
        self.made, self.now = 0, 1000.0
        self.frames = KeptFrames(self.make, lambda: self.now)

    def make(self):
        self.made += 1
        self.now += COST

    def sent(self, kind, *, is_moving=False):
        self.frames.sent({"frame": kind}, is_moving=is_moving)


@pytest.fixture
def kept():
    return Kept()


@pytest.mark.parametrize("kind", ["structure", "states", "delta", "failures"])
def test_they_are_made_at_once_after_a_pause(kept, kind):
    kept.sent(kind)
    assert kept.made == 1
    assert not kept.frames.settle()


@pytest.mark.parametrize("kind", ["logs", "taken", "said"])
def test_what_does_not_draw_a_flow_is_not_kept(kept, kind):
    kept.sent(kind)
    assert kept.made == 0


def test_states_wait_for_the_end_of_a_run_and_a_structure_does_not(kept):
    kept.sent("delta", is_moving=True)
    assert kept.made == 0
    kept.sent("structure", is_moving=True)
    assert kept.made == 1


def test_runs_that_follow_at_once_are_kept_seldom_and_the_last_one_for_certain(kept):
    kept.sent("delta")
    for _ in range(3):
        kept.sent("delta")
        assert kept.frames.settle()
    assert kept.made == 1
    kept.now += SHARE * COST - 0.1
    assert kept.frames.settle()
    assert kept.made == 1
    kept.now += 0.1
    assert not kept.frames.settle()
    assert kept.made == 2
    kept.now += SHARE * COST
    assert not kept.frames.settle()
    assert kept.made == 2
