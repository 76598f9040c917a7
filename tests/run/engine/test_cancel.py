"""Cancel at every moment.

What has not begun is given up, what runs is told to stop, and every scope is cleaned up; what
comes back too late changes nothing, and takes back what it made.
"""

import threading
from contextlib import suppress

import pytest

from resnb import Flow, LocalExecutor, ThreadExecutor, resource_manager, task
from resnb.errors import TaskCancelled
from resnb.run.engine.cancellation import GRACE
from tests.run.parts import PATIENCE, Stubborn, ended, names, run_in_circles, started, use


def cancelled_after_grace(run, clock):
    run.cancel()
    clock.await_timer(GRACE)
    clock.advance(GRACE)


def test_what_has_not_begun_is_given_up_and_what_runs_is_told_to_stop(things):
    began, reached = threading.Event(), []

    @task
    def waits():
        began.set()
        run_in_circles()

    with Flow("f") as flow, things.manager()("x") as x:
        first = waits.bind(upstream_tasks=[x])
        task(reached.append, name="later")(first)
    run = started(flow)
    began.wait(PATIENCE)
    run.cancel()
    state = ended(run)
    assert state.is_cancelled()
    assert reached == []
    assert names(state)["waits"] == names(state)["later"] == "Cancelled"
    assert things.story == ["init x", "setup x", "cleanup x"]


@pytest.mark.parametrize("raises", [False, True])
def test_code_that_was_given_up_may_come_back_while_the_scope_is_cleaned_up(clock, raises):
    stubborn, cleaning = Stubborn(), Stubborn()

    @resource_manager
    class Slow:
        def cleanup(self, resource):
            cleaning()

    @task
    def hangs():
        stubborn()
        if raises:
            raise ValueError

    with Flow("f") as flow, Slow():
        hangs()
    run = started(flow, clock)
    stubborn.await_beginning()
    cancelled_after_grace(run, clock)
    cleaning.await_beginning()
    stubborn.let_go.set()  # and reports to a run that goes on
    stubborn.done.wait(PATIENCE)
    cleaning.let_go.set()
    state = ended(run)
    assert names(state) == {
        "Slow": "Success",
        "Slow.setup": "Success",
        "hangs": "Cancelled",
        "Slow.cleanup": "Success",
    }


def test_code_with_a_time_limit_that_was_given_up_may_come_back(clock, things):
    stubborn, cleaning = Stubborn(), Stubborn()

    @resource_manager
    class Slow:
        def cleanup(self, resource):
            cleaning()

    with Flow("f") as flow, Slow():
        task(stubborn, name="hangs", timeout=1000)()
    run = started(flow, clock)
    stubborn.await_beginning()
    cancelled_after_grace(run, clock)
    cleaning.await_beginning()
    stubborn.let_go.set()
    stubborn.done.wait(PATIENCE)
    cleaning.let_go.set()
    assert names(ended(run))["hangs"] == "Cancelled"


def test_a_set_up_that_was_given_up_takes_back_what_it_makes(clock):
    stubborn, cleaned = Stubborn(), threading.Event()

    @resource_manager
    class Slow:
        def setup(self):
            with suppress(TaskCancelled):
                stubborn()
            return "thing"

        def cleanup(self, resource):
            assert resource == "thing"
            cleaned.set()

    with Flow("f") as flow, Slow() as slow:
        use(slow)
    run = started(flow, clock)
    stubborn.await_beginning()
    cancelled_after_grace(run, clock)
    state = ended(run)
    assert names(state)["Slow.setup"] == "Cancelled"
    assert names(state)["Slow.cleanup"] == "Skipped"
    assert not cleaned.is_set()
    stubborn.let_go.set()
    assert cleaned.wait(PATIENCE)


def test_a_set_up_is_given_the_grace_to_return_what_it_makes(things):
    began, go_on = threading.Event(), threading.Event()

    @resource_manager
    class Slow:
        def setup(self):
            began.set()
            go_on.wait()
            return "thing"

        def cleanup(self, resource):
            things.note("cleanup", resource)

    with Flow("f") as flow, Slow() as slow:
        use(slow)
    run = started(flow)
    began.wait(PATIENCE)
    run.cancel()
    go_on.set()
    state = ended(run)
    assert names(state)["Slow.setup"] == "Success"
    assert names(state)["use"] == "Cancelled"
    assert things.story == ["cleanup thing"]


def test_rows_that_wait_for_their_lease_thread_are_cancelled(things):
    began, go_on, reached = threading.Event(), threading.Event(), []

    @task(thread="setup")
    def first():
        began.set()
        go_on.wait()

    @task(thread="setup")
    def other(number):
        reached.append(number)

    with Flow("f") as flow, things.manager()("x"):
        first()
        for number in range(5):
            other(number)
    run = started(flow)
    began.wait(PATIENCE)
    run.cancel()
    go_on.set()
    state = ended(run)
    assert reached == []
    assert set(names(state).values()) == {"Success", "Cancelled"}
    assert things.story == ["init x", "setup x", "cleanup x"]


def test_jobs_behind_one_that_hangs_on_the_lease_thread_go_on(clock, things):
    stubborn, reached = Stubborn(), []
    hangs = task(stubborn, name="hangs", thread="setup", timeout=5)
    other = task(reached.append, name="other", thread="setup")
    with Flow("f") as flow, things.manager()("x"):
        hangs()
        other(1)
    run = started(flow, clock)
    stubborn.await_beginning()
    clock.advance(5)
    clock.await_timer(GRACE)
    clock.advance(GRACE)
    state = ended(run)
    assert reached == [1]
    assert names(state)["hangs"] == "TimedOut"
    assert things.story == ["init x", "setup x", "cleanup x"]
    stubborn.let_go.set()


def test_cancel_from_inside_a_task_a_trigger_and_a_state_handler(things):
    runs = []

    def cancels(*_):
        runs[0].cancel()
        return True

    reached = []
    with Flow("f") as flow, things.manager()("x") as x:
        first = task(lambda _: gate.wait(), name="first")(x)
        task(reached.append, name="trigger", trigger=cancels)(first)
        task(
            reached.append,
            name="handler",
            state_handlers=[lambda *_: cancels() and None],
        )(first)
        task(lambda _: cancels(), name="task")(first)
    gate = threading.Event()
    runs.append(started(flow))
    gate.set()
    state = ended(runs[0])
    assert state.is_cancelled()
    assert things.story == ["init x", "setup x", "cleanup x"]
    assert all(one.is_finished() for one in state.result.values())


def test_cancel_twice_and_when_it_is_over(things):
    began = threading.Event()

    @task
    def waits():
        began.set()
        run_in_circles()

    with Flow("f") as flow, things.manager()("x"):
        waits()
    run = started(flow)
    began.wait(PATIENCE)
    run.cancel()
    run.cancel()
    assert ended(run).is_cancelled()
    run.cancel()
    assert things.story == ["init x", "setup x", "cleanup x"]


def test_cancel_calls_off_the_pause_before_another_try(clock):
    tried = threading.Event()

    @task(max_retries=3, retry_delay=1000)
    def fails():
        tried.set()
        raise ValueError

    with Flow("f") as flow:
        fails()
    run = started(flow, clock)
    clock.await_timer(1000)
    run.cancel()
    assert names(ended(run)) == {"fails": "Cancelled"}
    assert clock.timers == []


def test_cancel_of_a_mapped_task_with_children_of_all_sorts():
    began, reached = threading.Semaphore(0), []

    @task
    def each(number):
        reached.append(number)
        if number:  # the worker of the first one has gone on when as many have begun as it has
            began.release()
            run_in_circles()

    with Flow("f") as flow:
        each.map(list(range(20)))
    run = started(flow, executor=ThreadExecutor(4))
    for _ in range(4):
        began.acquire(timeout=PATIENCE)
    run.cancel()
    state = ended(run)
    children = next(iter(state.result.values())).map_states
    assert len(children) == 20
    assert {child.name for child in children} == {"Success", "Cancelled"}
    assert len(reached) < 20


def test_cancel_of_an_async_task_lets_it_tidy_up():
    import asyncio

    began, story = threading.Event(), []

    @task
    async def waits():
        try:
            began.set()
            await asyncio.get_running_loop().create_future()
        finally:
            story.append("tidied")

    with Flow("f") as flow:
        waits()
    run = started(flow)
    began.wait(PATIENCE)
    run.cancel()
    assert names(ended(run)) == {"waits": "Cancelled"}
    assert story == ["tidied"]


def test_a_clean_up_waits_for_code_of_its_scope_to_return(clock, things):
    stubborn = Stubborn()
    with Flow("f") as flow, things.manager()("x"):
        task(stubborn, name="hangs")()
    run = started(flow, clock)
    stubborn.await_beginning()
    run.cancel()
    clock.await_timer(GRACE)
    assert things.story == ["init x", "setup x"]
    stubborn.let_go.set()
    assert ended(run).is_cancelled()
    assert things.story[-1] == "cleanup x"
    assert clock.timers == []


def test_a_hook_that_hangs_does_not_hold_a_cancelled_run(clock, things):
    stubborn = Stubborn()
    with Flow("f") as flow, things.manager()("x"):
        task(lambda: None, name="hooked", on_completion=lambda: stubborn())()
    run = started(flow, clock)
    stubborn.await_beginning()
    cancelled_after_grace(run, clock)
    assert names(ended(run))["hooked"] == "Cancelled"
    assert things.story[-1] == "cleanup x"
    stubborn.let_go.set()


def test_a_local_run_is_cancelled_from_another_thread(things):
    began = threading.Event()

    @task
    def waits():
        began.set()
        run_in_circles()

    with Flow("f") as flow, things.manager()("x"):
        use(waits())
    run = started(flow, executor=LocalExecutor())
    began.wait(PATIENCE)
    run.cancel()
    assert names(ended(run))["use"] == "Cancelled"
    assert things.story == ["init x", "setup x", "cleanup x"]
