"""States of many tasks at once: what a run covers, and what is remembered of the rest."""

from hypothesis import given
from hypothesis import strategies as st

from resnb import Flow, task
from resnb.run.flow_run import FlowRun
from resnb.run.memory import memory_of
from resnb.states import NAMES, PENDING, SUCCESS, census


def run_only(flow, tasks, given=()):
    states = {task: flow.memory.state_of(task) for task in given}
    FlowRun(flow, {}, only=set(tasks), task_states=states).run()


@task
def one(x=0):
    return x + 1


def test_states_are_read_as_asked_for_one_by_one():
    with Flow("f") as flow:
        first = one()
        second = one(first)
        one(second)
    memory, tasks = memory_of(flow), tuple(flow.sorted_tasks())
    assert memory.codes_of(tasks) == bytes([PENDING] * 3)
    run_only(flow, tasks[:2])
    assert memory.codes_of(tasks) == bytes([SUCCESS, SUCCESS, PENDING])
    assert memory.codes_of(tasks[1:]) == bytes([SUCCESS, PENDING])
    run_only(flow, tasks[2:], given=tasks[:2])
    assert memory.codes_of(tasks) == bytes([SUCCESS] * 3)
    assert memory.codes_of(tasks[::-1][:1]) == bytes([SUCCESS])
    memory.forget(tasks[1:])
    assert memory.codes_of(tasks) == bytes([SUCCESS, PENDING, PENDING])
    assert memory.codes_of(()) == b""


@given(st.lists(st.integers(0, len(NAMES) - 1)))
def test_a_census_counts_each_code(codes):
    assert census(bytes(codes)) == {code: codes.count(code) for code in sorted(set(codes))}
