"""Transactions: what a block has changed stays, or is taken back if the block raises."""

import pytest

from resnb import Flow, Parameter, resource_manager, tags, task
from tests.graph.shapes import dump, names, taken_back


@task
def step(*values, key=None):
    return values, key


@resource_manager
class Thing:
    def __init__(self, *values):
        self.values = values

    def cleanup(self, resource): ...


def called(name):
    return step.copy(name=name)


@pytest.fixture
def flow():
    with Flow("f") as flow:
        step()
    return flow


def test_a_transaction_that_ends_well_keeps_its_changes(flow):
    with flow.transaction(), flow:
        step()
    assert len(flow.tasks) == 2
    with pytest.raises(KeyError), flow.transaction():
        raise KeyError
    assert len(flow.tasks) == 2


def test_a_transaction_that_raises_takes_them_back(flow):
    before = dump(flow)
    fresh = step.copy()
    with taken_back(flow), flow, tags("t"):
        with Thing(fresh) as thing:
            step(thing)
        Parameter("p")
        flow.set_reference_tasks([fresh])
    assert dump(flow) == before
    assert (fresh.flow, fresh.tags) == (None, frozenset())
    with flow:
        assert Parameter("p").flow is flow


def test_the_inner_transaction_alone_is_taken_back(flow):
    with flow.transaction(), flow:
        called("kept")()
        middle = dump(flow)
        with taken_back(flow):
            called("gone")()
        assert dump(flow) | {"open transaction": 0} == middle | {"open transaction": 0}
        called("kept too")()
    assert names(list(flow.nodes)) == ["step", "kept", "kept too"]


def test_what_the_inner_transaction_kept_goes_with_the_outer_one(flow):
    before = dump(flow)
    with taken_back(flow), flow, flow.transaction():
        called("gone")()
    assert dump(flow) == before


def test_answers_are_right_after_changes_were_taken_back(flow):
    with taken_back(flow), flow:
        extra = step(*flow.nodes)
        assert flow.terminal_tasks() == {extra}
    assert names(flow.terminal_tasks()) == ["step"]
    assert flow.edges == frozenset()
