"""What a flow remembers of its runs, as its handles tell."""

import pytest

from resnb import Flow, LocalExecutor, signals, task, triggers
from resnb.errors import NoValueError
from resnb.run.memory import memory_of
from resnb.run.runner import RUNNER
from resnb.states import FAILED, MAPPED, SUCCESS, TRIGGER_FAILED


@task
def one(x=0):
    return x + 1


@task
def broken():
    message = "no"
    raise ValueError(message)


@task
def skipped():
    message = "not today"
    raise signals.SKIP(message)


def ran(flow):
    flow.run(executor=LocalExecutor())
    return memory_of(flow)


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (broken, r"task 'broken' has no value: it failed \(ValueError: no\)"),
        (skipped, "task 'skipped' was skipped, so it has no value: not today"),
    ],
    ids=["failed", "skipped"],
)
def test_why_there_is_no_value(what, message):
    with Flow("f") as flow:
        handle = what()
    with pytest.raises(NoValueError, match=r"flow 'f' has not run \(%flow run f"):
        _ = handle.value
    ran(flow)
    with pytest.raises(NoValueError, match=message):
        _ = handle.value


def test_a_later_run_replaces_what_is_remembered():
    with Flow("f") as flow:
        handle = one()
    ran(flow)
    assert (handle.value, handle.state.name) == (1, "Success")
    flow.run(executor=LocalExecutor(), task_states={handle: type(handle.state)(result=9)})
    assert handle.value == 9


def test_what_is_forgotten_has_no_value_and_the_rest_keeps_its_own():
    with Flow("f") as flow:
        a = one()
        b = one(a)
    ran(flow).forget([b])
    assert a.value == 1
    assert b.state.name == "Pending"
    with pytest.raises(NoValueError, match="task 'one-2' has no value yet: run the flow"):
        _ = b.value


def test_what_views_ask():
    with Flow("f") as flow:
        a, parts = broken(), one.map([1, 2])
        refused = one(a)
    memory = ran(flow)
    assert memory.code_of(refused) == TRIGGER_FAILED
    assert memory.code_of(parts) == MAPPED
    assert memory.child_counts(parts) == {SUCCESS: 2}
    assert memory.tries_of(a) == 1
    assert memory.tries_of(refused) == 0
    assert memory.duration_of(refused) is None
    assert memory.duration_of(a) >= 0
    assert memory.state_of(a).message == "ValueError: no"
    assert memory.log_of(a) == ""


def test_children_are_counted_also_when_they_are_only_remembered():
    with Flow("f") as flow:
        parts = one.map([1, 2])
        other = one()
    memory = ran(flow)
    memory.forget([other])
    assert memory.child_counts(parts) == {SUCCESS: 2}
    assert memory.tries_of(parts) == 0


def test_a_flow_has_one_memory():
    flow = Flow("f")
    assert memory_of(flow) is memory_of(flow) is flow.memory


def test_a_flow_has_failed_as_long_as_a_task_has_that_later_runs_leave_out():
    with Flow("f") as flow:
        a, b = one(), broken()
    memory = ran(flow)
    for _ in range(2):
        RUNNER.run_part(flow, [a], parameters={}, executor=LocalExecutor())
        assert (memory.code, memory.flow_code()) == (SUCCESS, FAILED)
    memory.forget([b])
    assert memory.flow_code() == SUCCESS


def test_a_failure_that_the_flow_was_made_for_is_none_of_a_later_part():
    with Flow("f") as flow:
        b = broken()
        mended = one.copy(name="mended", trigger=triggers.any_failed)(upstream_tasks=[b])
        other = one(mended)
    memory = ran(flow)
    assert memory.code == SUCCESS
    RUNNER.run_part(flow, [other], parameters={}, executor=LocalExecutor())
    assert memory.flow_code() == SUCCESS
