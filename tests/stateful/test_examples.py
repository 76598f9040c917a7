"""Single cases that random flows led to, or that they reach too seldom."""

import threading

import pytest

from resnb import (
    Flow,
    LocalExecutor,
    ThreadExecutor,
    resource_manager,
    signals,
    task,
    triggers,
)
from tests.stateful.worlds import KEEPER, PATIENCE, ended

EXECUTORS = {"local": LocalExecutor, "threads": lambda: ThreadExecutor(max_workers=3)}


@pytest.fixture(params=EXECUTORS)
def executor(request):
    return EXECUTORS[request.param]()


@task
def odd_only(number):
    if number % 2 == 0:
        raise ValueError(number)
    return number


@task
def echo(*values):
    return values


# ---- mapped over mapped: each child has its own upstream states

OF_EACH = {
    "any_failed": ["Success", "TriggerFailed", "Success"],
    "all_failed": ["Success", "TriggerFailed", "Success"],
    "any_successful": ["TriggerFailed", "Success", "TriggerFailed"],
    "all_successful": ["TriggerFailed", "Success", "TriggerFailed"],
    "all_finished": ["Success", "Success", "Success"],
}


@pytest.mark.parametrize("name", OF_EACH)
@pytest.mark.parametrize("own", [False, True], ids=["named", "own function"])
def test_the_trigger_of_a_mapped_task_is_asked_for_each_item(executor, name, own):
    trigger = getattr(triggers, name)
    chosen = (lambda upstream: trigger(upstream)) if own else trigger
    with Flow("f") as flow:
        numbers = odd_only.map([0, 1, 2])
        after = echo.map(numbers, task_args={"trigger": chosen})
    state = ended(flow.start(executor=executor)).result[after]
    assert state.name == "Mapped"
    assert [child.name for child in state.map_states] == OF_EACH[name]


def test_each_child_is_refused_where_what_is_not_mapped_over_failed(executor):
    with Flow("f") as flow:
        numbers = odd_only.map([1, 3])
        after = echo.map(numbers, upstream_tasks=[odd_only(0, task_args={"name": "fails"})])
    flow.set_reference_tasks([after])
    result = ended(flow.start(executor=executor))
    assert [one.name for one in result.result[after].map_states] == ["TriggerFailed"] * 2
    assert result.name == "Failed"


# ---- what a set-up made is cleaned up


@pytest.mark.parametrize("signal", [signals.SUCCESS, signals.SKIP, signals.FAIL])
def test_a_set_up_that_signals_leaves_nothing_behind(executor, signal):
    held = []

    @resource_manager
    class Thing:
        def setup(self):
            held.append("thing")
            self.lease.record("thing")
            raise signal(result="thing")

        def cleanup(self, thing):
            held.remove(thing)

    with Flow("f") as flow, Thing() as thing:
        echo(thing)
    ended(flow.start(executor=executor))
    assert held == []
    assert KEEPER.alive() == ()


def test_what_a_success_signal_of_set_up_gives_out_is_cleaned_up_at_the_end(executor):
    held = []

    @resource_manager
    class Thing:
        def setup(self):
            held.append("thing")
            raise signals.SUCCESS(result="thing")

        def cleanup(self, thing):
            held.remove(thing)

    with Flow("f") as flow, Thing() as thing:
        seen = task(lambda _: list(held), name="look")(thing)
    state = ended(flow.start(executor=executor))
    assert state.result[seen].result == ["thing"]
    assert held == []


# ---- time limits


def test_code_that_returns_while_its_time_out_is_being_reported(executor):
    returned, reported = threading.Event(), threading.Event()

    def report(_task, _old, new):
        if new.is_failed():
            returned.set()
            reported.wait(0.1)  # gives the code time to return

    @task(timeout="20ms", state_handlers=report)
    def slow():
        returned.wait(PATIENCE)

    with Flow("f") as flow:
        late = slow()
    assert ended(flow.start(executor=executor)).result[late].name == "TimedOut"


# ---- cancel


def test_a_task_may_cancel_its_own_run(executor):
    runs, started = [], threading.Event()

    @task
    def stop():
        assert started.wait(PATIENCE)
        runs[0].cancel()

    with Flow("f") as flow:
        stopping = stop()
        after = echo(stopping)
    runs.append(flow.start(executor=executor))
    started.set()
    state = ended(runs[0])
    assert state.name == "Cancelled"
    assert state.result[stopping].name in ("Success", "Cancelled")
    assert state.result[after].name == "Cancelled"


def test_cleanups_wait_for_code_that_a_cancel_cannot_stop(executor):
    # outer.setup -> inner.setup -> first -> second -> inner.cleanup -> outer.cleanup
    began, cleaned, log = threading.Event(), threading.Event(), []

    def resource(name):
        class Resource:
            def cleanup(self, _):
                log.append(name)
                cleaned.set()

        return resource_manager(Resource)

    @task
    def first():
        began.set()
        try:
            cleaned.wait(0.2)  # which no interrupt reaches
        finally:
            log.append("code ended")

    with Flow("f") as flow, resource("outer")(), resource("inner")():
        echo(first())
    run = flow.start(executor=executor)
    assert began.wait(PATIENCE)
    run.cancel()
    ended(run)
    assert log == ["code ended", "inner", "outer"]
