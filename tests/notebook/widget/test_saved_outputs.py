"""Which outputs of a flow are replaced, and when: after what no cell has done."""

import re

import pytest

from resnb import Flow, task
from resnb.events import LeaseChanged, RunBegan, RunEnded
from resnb.notebook.widget.saved_outputs import MOST, SHARE, SOON, SavedOutputs
from resnb.run.output.writer import WITHOUT_CELL


class World:
    """A flow and its outputs; the clock stands still."""

    def __init__(self):
        with Flow("shown") as self.flow:
            task(lambda: 1, name="one")()
        self.now, self.is_busy, self.sent = 100.0, False, []
        self.outputs = SavedOutputs(
            self.flow,
            lambda: {"view": 1},
            is_busy=lambda: self.is_busy,
            publish=lambda *one: self.sent.append(one),
            clock=lambda: self.now,
            wall=lambda: 1.7e9 + 60 * self.now,
        )

    def run(self, *, by_cell=False, by_button=False):
        self.is_busy = by_cell
        token = WITHOUT_CELL.set(by_button)
        self.outputs.happened(RunBegan("shown"))
        WITHOUT_CELL.reset(token)
        self.flow.run()
        self.now += 3.25
        self.outputs.happened(RunEnded("shown", "Success"))
        self.is_busy = False

    def settle(self, seconds=SOON):
        self.now += seconds
        return self.outputs.settle(is_moving=False)


@pytest.fixture
def world():
    return World()


def test_a_run_by_a_button_replaces_all_outputs_with_its_time(world):
    world.outputs.shown("a")
    world.outputs.shown("b")
    world.run(by_button=True)
    assert world.settle(SOON / 2)
    assert world.sent == []
    assert not world.settle()
    assert [place for _, _, place in world.sent] == ["a", "b"]
    data, metadata, _ = world.sent[0]
    assert set(data) == {"text/plain", "image/png", "view"}
    head, *_, last = data["text/plain"].splitlines()
    assert head == "shown · success"
    assert re.fullmatch(r"run 2023-11-1[45] \d\d:\d\d, 3.25 s", last)
    assert metadata == {"image/png": {"alt": "Graph of shown · success"}}
    assert not world.settle()
    assert len(world.sent) == 2


def test_what_a_cell_runs_it_shows_itself(world):
    world.run(by_cell=True)
    assert not world.settle()
    assert world.sent == []


def test_a_button_while_another_cell_runs(world):
    world.is_busy = True
    world.run(by_cell=True, by_button=True)
    assert not world.settle()
    assert len(world.sent) == 1  # for whoever knows outputs by the flow that they show


@pytest.mark.parametrize(
    ("name", "is_busy", "asked", "number"),
    [
        ("shown/db", False, False, 1),
        ("shown/db", True, False, 0),
        ("shown/db", True, True, 1),
        ("shown too/db", False, True, 0),
    ],
)
def test_a_lease_that_changes_while_no_cell_runs(world, name, is_busy, asked, number):
    world.is_busy = is_busy
    if asked:
        world.outputs.asked()
    world.outputs.happened(LeaseChanged("id", name, "closed"))
    world.settle()
    assert len(world.sent) == number
    if number:
        assert "run " not in world.sent[0][0]["text/plain"].replace("not run yet", "")


def test_nothing_is_replaced_twice_by_the_same_or_during_a_run(world):
    world.run(by_button=True)
    world.now += SOON
    assert not world.outputs.settle(is_moving=True)
    assert not world.settle()
    world.outputs.happened(LeaseChanged("id", "shown/db", "closed"))
    world.settle(1e6)
    assert len(world.sent) == 1


def test_drawing_takes_a_small_share_of_the_time(world):
    def slow(*one):
        world.sent.append(one)
        world.now += 1.0

    world.outputs._publish = slow
    world.run(by_button=True)
    world.settle()
    world.run(by_button=True)
    assert world.settle(SHARE - 4.0)
    assert not world.settle(1.0)
    assert len(world.sent) == 2


def test_only_the_latest_outputs_are_remembered(world):
    for number in range(MOST + 5):
        world.outputs.shown(str(number))
    assert world.outputs.places == [str(number) for number in range(5, MOST + 5)]
