"""State handlers and hooks of tasks that end without a run, and the steps that they are told of."""

import threading

import pytest

from resnb import Flow, LocalExecutor, ThreadExecutor, resource_manager, signals, states, task
from tests.run.parts import PATIENCE, Stubborn, ended, started


class Told:
    """What handlers and hooks were told, in order."""

    def __init__(self):
        self.moves = []
        self.hooks = []

    def handler(self, task, old, new):
        self.moves.append((old.name, new.name))

    def hook(self, kind):
        return lambda task, run, state: self.hooks.append((kind, state.name))

    @property
    def options(self):
        kinds = ("on_failure", "on_completion", "on_cancellation")
        return {"state_handlers": [self.handler], **{kind: self.hook(kind) for kind in kinds}}


@pytest.fixture
def told():
    return Told()


@task
def broken():
    raise ValueError("no")


@task
def skipped():
    raise signals.SKIP("not today")


def cancelled(told, times):
    """The state of a run that its first task cancels so many times, before the next begins."""
    runs, is_on = [], threading.Event()

    def cancels():
        assert is_on.wait(PATIENCE)
        for _ in range(times):
            runs[0].cancel()

    with Flow("f") as flow:
        first = task(cancels)()
        task(lambda x: x, name="t", **told.options)(first)
    runs.append(started(flow, executor=ThreadExecutor(2)))
    is_on.set()
    return ended(runs[0])


def test_a_task_that_its_trigger_refuses_is_a_failure(told):
    with Flow("f") as flow:
        task(lambda x: x, name="t", **told.options)(broken())
    flow.run(executor=LocalExecutor())
    assert told.moves == [("Pending", "TriggerFailed")]
    assert told.hooks == [("on_failure", "TriggerFailed")]


def test_a_task_that_is_skipped_tells_its_handlers_only(told):
    with Flow("f") as flow:
        task(lambda x: x, name="t", **told.options)(skipped())
    flow.run(executor=LocalExecutor())
    assert told.moves == [("Pending", "Skipped")]
    assert told.hooks == []


def test_a_task_that_a_cancel_keeps_from_beginning(told):
    assert cancelled(told, 1).name == "Cancelled"
    assert told.moves == [("Pending", "Cancelled")]
    assert told.hooks == [("on_cancellation", "Cancelled")]


def test_a_task_whose_handler_cancels_the_run_does_not_begin():
    runs, is_on, ran = [], threading.Event(), []

    def handler(_task, _old, new):
        if new.is_running():
            assert is_on.wait(PATIENCE)
            runs[0].cancel()

    with Flow("f") as flow:
        one = task(lambda: ran.append(1), name="t", state_handlers=[handler])()
    runs.append(started(flow))
    is_on.set()
    assert ended(runs[0]).result[one].name == "Cancelled"
    assert ran == []


def test_hooks_are_called_although_every_worker_hangs(told, clock):
    code = Stubborn()
    with Flow("f") as flow:
        task(lambda x: x, name="t", **told.options)(task(code, name="stubborn")())
    run = started(flow, clock, ThreadExecutor(1))
    code.await_beginning()
    run.cancel()
    clock.await_timer(30.0)
    clock.advance(30.0)
    try:
        assert ended(run).name == "Cancelled"
        assert told.hooks == [("on_cancellation", "Cancelled")]
    finally:
        code.let_go.set()
        assert code.done.wait(PATIENCE)


def test_a_second_cancel_calls_hooks_no_second_time(told):
    cancelled(told, 2)
    assert told.hooks == [("on_cancellation", "Cancelled")]


def test_each_child_tells_and_the_mapped_task_itself_once(told):
    def one_over(x):
        return 1 / x

    with Flow("f") as flow:
        parts = task(one_over).map([1, 0])
        task(lambda x: x, name="t", **told.options).map(parts)
    flow.run(executor=LocalExecutor())
    assert told.moves[0] == ("Pending", "Mapped")
    assert sorted(told.moves[1:]) == [
        ("Pending", "Running"),
        ("Pending", "TriggerFailed"),
        ("Running", "Success"),
    ]
    assert sorted(told.hooks) == [("on_completion", "Success"), ("on_failure", "TriggerFailed")]


def test_a_clean_up_without_anything_to_clean_up_tells_its_handlers(told):
    @resource_manager(cleanup_task_kwargs={"state_handlers": [told.handler]})
    class Nothing:
        def setup(self):
            raise ValueError("no")

        def cleanup(self, resource):
            raise AssertionError

    with Flow("f") as flow, Nothing():
        broken()
    flow.run(executor=LocalExecutor())
    assert told.moves == [("Pending", "Skipped")]


def test_a_failure_that_leads_to_another_try_is_told_as_both(told):
    tries = []

    def second_time():
        tries.append(1)
        if len(tries) < 2:
            raise ValueError(tries)

    with Flow("f") as flow:
        task(second_time, max_retries=1, **told.options)()
    flow.run(executor=LocalExecutor())
    assert told.moves == [
        ("Pending", "Running"),
        ("Running", "Failed"),
        ("Failed", "Retrying"),
        ("Retrying", "Running"),
        ("Running", "Success"),
    ]
    assert told.hooks == [("on_completion", "Success")]


def test_a_retry_signal_is_one_step_and_needs_no_tries(told):
    tries = []

    def third_time():
        tries.append(1)
        if len(tries) < 3:
            raise signals.RETRY("not yet")
        return len(tries)

    with Flow("f") as flow:
        value = task(third_time, **told.options)()
    assert flow.run(executor=LocalExecutor()).result[value].result == 3
    assert told.moves[:3] == [
        ("Pending", "Running"),
        ("Running", "Retrying"),
        ("Retrying", "Running"),
    ]


@pytest.mark.parametrize(("chosen", "after"), [("Success", "Success"), ("Skipped", "Skipped")])
def test_a_handler_may_let_a_refused_task_end_well(chosen, after):
    def better(_task, _old, new):
        return getattr(states, chosen)("never mind", 7) if new.is_failed() else None

    with Flow("f") as flow:
        refused = task(lambda x: x, name="t", state_handlers=[better])(broken())
        value = task(lambda x: x)(refused)
    found = flow.run(executor=LocalExecutor()).result
    assert found[refused].name == chosen
    assert found[value].name == after
    if after == "Success":
        assert found[value].result == 7


def test_a_handler_may_let_a_failed_try_be_the_last(told):
    tries = []

    def fails():
        tries.append(1)
        raise ValueError

    def give_up(_task, _old, new):
        return states.Success("fine", 3) if new.is_failed() else None

    with Flow("f") as flow:
        value = task(fails, max_retries=5, state_handlers=[give_up])()
    assert flow.run(executor=LocalExecutor()).result[value].result == 3
    assert tries == [1]


def test_two_arguments_of_a_hook_are_the_task_and_its_state():
    got = []
    with Flow("f") as flow:
        one = task(lambda x: x, name="t", on_failure=lambda t, new: got.append((t, new.name)))
        handle = one(broken())
    flow.run(executor=LocalExecutor())
    assert got == [(handle, "TriggerFailed")]


# ---- of a flow


def test_a_flows_handlers_are_told_of_its_beginning_and_its_end(told):
    with Flow("f", state_handlers=[told.handler]) as flow:
        broken()
    flow.run(executor=LocalExecutor())
    assert told.moves == [("Pending", "Running"), ("Running", "Failed")]


@pytest.mark.parametrize("way", ["says so", "raises"])
def test_a_flows_handler_may_refuse_the_run(way, things):
    def handler(_flow, _old, new):
        if new.is_running() and way == "raises":
            message = "not now"
            raise ValueError(message)
        return states.Failed("not now") if new.is_running() else None

    with Flow("f", state_handlers=[handler]) as flow, things.manager()("x") as thing:
        value = task(lambda x: x)(thing)
    state = flow.run(executor=LocalExecutor())
    assert state.is_failed()
    assert "not now" in state.message
    assert state.result[value].name == "Cancelled"
    assert things.story == []
