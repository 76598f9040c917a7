"""Further tries and time limits, of tasks and of a scope's three steps, on a clock of our own."""

import asyncio
import threading
from contextlib import suppress

import pytest

from resnb import Flow, LocalExecutor, ThreadExecutor, resource, resource_manager, signals, task
from resnb.errors import TaskCancelled
from resnb.ledger.kernel.keeper import KEEPER
from resnb.run.engine.cancellation import GRACE
from tests.run.parts import PATIENCE, Stubborn, ended, names, run_in_circles, started, use


def test_a_task_is_tried_again_after_its_pause(clock):
    tries = []

    @task(max_retries=2, retry_delay=10)
    def flaky():
        tries.append(clock.now())
        if len(tries) < 3:
            raise ValueError(len(tries))
        return "done"

    with Flow("f") as flow:
        value = flaky()
    run = started(flow, clock)
    for _ in range(2):
        clock.await_timer(10)
        clock.advance(10)
    state = ended(run)
    assert state.result[value].result == "done"
    assert tries == [0, 10, 20]


@pytest.mark.parametrize(("retry_on", "expected"), [(ValueError, 3), (KeyError, 1)])
def test_only_what_retry_on_names_is_tried_again(retry_on, expected):
    tries = []

    @task(max_retries=2, retry_delay=0, retry_on=retry_on)
    def fails():
        tries.append(1)
        raise ValueError

    with Flow("f") as flow:
        fails()
    assert flow.run().is_failed()
    assert len(tries) == expected


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
def test_what_is_no_exception_is_not_tried_again_and_ends_no_thread(error):
    tries = []

    @task(max_retries=2, retry_delay=0)
    def leaves():
        tries.append(1)
        raise error

    with Flow("f") as flow:
        leaves()
        use(1)
    state = flow.run()
    assert names(state)["leaves"] in ("Failed", "Cancelled")
    assert names(state)["use"] == "Success"
    assert len(tries) == 1


def test_an_exception_that_has_no_text():
    class Broken(Exception):  # noqa: N818 - not an error of the tests
        def __str__(self):
            raise RuntimeError

    @task
    def fails():
        raise Broken

    with Flow("f") as flow:
        fails()
    state = flow.run()
    assert state.message == "flow 'f' failed: task 'fails': Broken"


def test_a_retry_signal_sets_its_own_pause(clock):
    tries = []

    @task(max_retries=1, retry_delay=10)
    def asks():
        tries.append(1)
        raise signals.RETRY("again", delay=3) if len(tries) == 1 else signals.SUCCESS("fine")

    with Flow("f") as flow:
        asks()
    run = started(flow, clock)
    clock.await_timer(3)
    clock.advance(3)
    assert ended(run).is_successful()


@pytest.mark.parametrize("executor", [LocalExecutor(), ThreadExecutor(1), ThreadExecutor(4)])
def test_a_run_goes_on_after_a_time_limit(clock, executor):
    stubborn = Stubborn()
    with Flow("f") as flow:
        late = task(stubborn, name="late", timeout=5)()
        use(late)
        for number in range(5):
            use(number)
    run = started(flow, clock, executor)
    stubborn.await_beginning()
    clock.advance(5)
    stubborn.let_go.set()
    state = ended(run)
    assert names(state)["late"] == "TimedOut"
    assert sum(one.is_successful() for one in state.result.values()) == 5


def test_with_one_worker_two_tasks_never_run_at_once_but_for_one_that_hangs(clock):
    stubborn, running, most = Stubborn(), [], []

    @task
    def counted(number):
        running.append(number)
        most.append(len(running))
        running.remove(number)

    with Flow("f") as flow:
        task(stubborn, name="late", timeout=5)()
        for number in range(50):
            counted(number)
    run = started(flow, clock, ThreadExecutor(1))
    stubborn.await_beginning()
    clock.advance(5)
    clock.await_timer(GRACE)
    stubborn.let_go.set()
    ended(run)
    assert most == [1] * 50


def test_a_try_that_is_late_ends_before_the_next_begins(clock):
    first, tries = Stubborn(), []

    @task(timeout=5, max_retries=1, retry_delay=1)
    def flaky():
        tries.append("begin")
        if len(tries) == 1:
            first()
        tries.append("end")
        return "value"

    with Flow("f") as flow:
        value = flaky()
    run = started(flow, clock)
    first.await_beginning()
    clock.advance(5)
    assert tries == ["begin"]
    first.let_go.set()
    clock.await_timer(1)
    clock.advance(1)
    state = ended(run)
    assert state.result[value].result == "value"
    assert tries in (["begin", "end", "begin", "end"], ["begin", "begin", "end"])


def test_a_try_that_stays_away_is_left_behind_after_the_grace(clock):
    first, tries = Stubborn(), []

    @task(timeout=5, max_retries=1, retry_delay=0)
    def flaky():
        tries.append(1)
        if len(tries) == 1:
            first()
        return "value"

    with Flow("f") as flow:
        value = flaky()
    run = started(flow, clock)
    first.await_beginning()
    clock.advance(5)
    clock.await_timer(GRACE)
    clock.advance(GRACE)
    assert ended(run).result[value].result == "value"
    first.let_go.set()


def test_the_limit_of_an_async_task_cancels_it(clock):
    began, story = threading.Event(), []

    @task(timeout=5)
    async def waits():
        began.set()
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            story.append("cancelled")
            raise

    with Flow("f") as flow:
        waits()
    run = started(flow, clock)
    began.wait(PATIENCE)
    clock.await_timer(5)
    clock.advance(5)
    assert names(ended(run)) == {"waits": "TimedOut"}
    assert story == ["cancelled"]


def test_each_try_of_a_set_up_is_cleaned_before_the_next_begins(things):
    @resource_manager(setup_task_kwargs={"max_retries": 2, "retry_delay": 0})
    class Flaky:
        def __init__(self):
            self.tries = 0
            things.note("init")

        def setup(self):
            self.tries += 1
            self.lease.record(self.tries)
            things.note("setup", self.tries)
            if self.tries < 3:
                raise ValueError
            return self.tries

        def cleanup(self, resource):
            things.note("cleanup", resource)

    with Flow("f") as flow, Flaky() as flaky:
        use(flaky)
    assert flow.run().is_successful()
    assert things.story == [
        "init",
        "setup 1",
        "cleanup 1",
        "setup 2",
        "cleanup 2",
        "setup 3",
        "cleanup 3",
    ]
    assert len(things.threads) == 1


def test_a_half_made_thing_that_will_not_go_stays_listed_and_the_next_try_has_its_own(things):
    failing = [True]

    @resource_manager(setup_task_kwargs={"max_retries": 1, "retry_delay": 0})
    class Flaky:
        tries = 0

        def setup(self):
            self.tries += 1
            self.lease.record(self.tries)
            if self.tries == 1:
                raise ValueError
            return self.tries

        def cleanup(self, resource):
            things.note("cleanup", resource)
            if resource == 1 and failing:
                raise OSError("stuck")

    with Flow("f") as flow, Flaky() as flaky:
        use(flaky)
    assert flow.run().is_successful()
    assert things.story == ["cleanup 1", "cleanup 2"]
    assert len(things.threads) == 1
    [left] = KEEPER.alive()
    assert left.state == "failed"
    assert left.reason == "half made, and not cleaned up: OSError: stuck"
    failing.clear()
    assert KEEPER.close([left]) == []


@pytest.mark.parametrize("form", ["class", "generator"])
def test_a_late_set_up_is_taken_back_by_itself_and_not_by_the_next_try(clock, things, form):
    first, tries = Stubborn(), []

    def make():
        tries.append(1)
        number = len(tries)
        if number == 1:
            with suppress(TaskCancelled):
                first()
        return number

    if form == "class":

        @resource_manager(setup_task_kwargs={"timeout": 5, "max_retries": 1, "retry_delay": 0})
        class Slow:
            def setup(self):
                return make()

            def cleanup(self, resource):
                things.note("cleanup", resource)
    else:

        @resource(setup_task_kwargs={"timeout": 5, "max_retries": 1, "retry_delay": 0})
        def Slow():  # noqa: N802 - stands for the class
            number = make()
            yield number
            things.note("cleanup", number)

    cleaned = threading.Event()
    with Flow("f") as flow, Slow() as slow:
        task(lambda value: things.note("use", value), name="use")(slow)
        task(lambda: cleaned.wait(PATIENCE), name="waits")()
    run = started(flow, clock)
    first.await_beginning()
    clock.advance(5)
    clock.await_timer(GRACE)
    clock.advance(GRACE)  # the second try goes on, on a thread of its own
    things.await_note("use 2")
    first.let_go.set()
    things.await_note("cleanup 1")
    assert things.story == ["use 2", "cleanup 1"]
    cleaned.set()
    assert ended(run).is_successful()
    assert things.story == ["use 2", "cleanup 1", "cleanup 2"]


def test_a_set_up_that_is_late_but_within_the_grace_is_cleaned_before_the_next_try(clock, things):
    first, tries = Stubborn(), []

    @resource(setup_task_kwargs={"timeout": 5, "max_retries": 1, "retry_delay": 0})
    def slow():
        tries.append(1)
        number = len(tries)
        if number == 1:
            with suppress(TaskCancelled):
                first()
        things.note("setup", number)
        yield number
        things.note("cleanup", number)

    with Flow("f") as flow, slow() as value:
        use(value)
    run = started(flow, clock)
    first.await_beginning()
    clock.advance(5)
    first.let_go.set()
    assert ended(run).is_successful()
    assert things.story in (
        ["setup 1", "cleanup 1", "setup 2", "cleanup 2"],
        ["setup 2", "cleanup 2"],  # it was told to stop before it was let go
    )


def test_the_limit_of_a_clean_up_stops_it_and_the_next_try_completes(clock, things):
    tries, began = [], threading.Event()

    @resource_manager(cleanup_timeout=5, cleanup_retries=1)
    class Slow:
        def setup(self):
            return "thing"

        def cleanup(self, resource):
            tries.append(resource)
            if len(tries) == 1:
                began.set()
                run_in_circles()
            things.note("cleaned", resource)

    with Flow("f") as flow, Slow() as slow:
        use(slow)
    run = started(flow, clock)
    began.wait(PATIENCE)
    clock.await_timer(5)
    clock.advance(5)
    assert names(ended(run))["Slow.cleanup"] == "Success"
    assert tries == ["thing", "thing"]
    assert things.story == ["cleaned thing"]


def test_a_clean_up_that_hangs_is_left_behind_and_done_again_on_another_thread(clock, things):
    first, tries = Stubborn(), []

    @resource_manager(cleanup_timeout=5, cleanup_retries=1)
    class Slow:
        def cleanup(self, resource):
            tries.append(threading.get_ident())
            if len(tries) == 1:
                first()

    with Flow("f") as flow, Slow():
        use(1)
    run = started(flow, clock)
    first.await_beginning()
    clock.await_timer(5)
    clock.advance(5)
    clock.await_timer(GRACE)
    clock.advance(GRACE)
    assert names(ended(run))["Slow.cleanup"] == "Success"
    assert len(set(tries)) == 2
    first.let_go.set()


def test_an_outer_clean_up_waits_for_the_inner_one_that_overran(clock, things):
    inner = Stubborn()

    @resource_manager(cleanup_timeout=5)
    class Slow:
        def cleanup(self, resource):
            inner()
            things.note("inner")

    with Flow("f") as flow, things.manager()("outer"), Slow():
        use(1)
    run = started(flow, clock)
    inner.await_beginning()
    clock.await_timer(5)
    clock.advance(5)
    clock.await_timer(GRACE)
    assert "cleanup outer" not in things.story
    inner.let_go.set()
    state = ended(run)
    assert names(state)["Slow.cleanup"] == "TimedOut"
    assert state.is_successful()
    assert things.story[-1] == "cleanup outer"
    KEEPER.close(KEEPER.alive())


def test_many_tries_are_counted():
    tries = []

    @task(max_retries=70_000, retry_delay=0)
    def flaky():
        tries.append(1)
        if len(tries) <= 66_000:
            raise ValueError

    with Flow("f") as flow:
        flaky()
    assert flow.run().is_successful()
    assert len(tries) == 66_001


def test_no_timer_is_left_when_a_run_is_over(clock):
    with Flow("f") as flow:
        task(lambda: 1, timeout=1000)()
    assert ended(started(flow, clock)).is_successful()
    assert clock.timers == []
