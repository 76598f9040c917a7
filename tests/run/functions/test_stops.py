"""``@flow`` functions that are stopped: cancel, Ctrl-C, time limits; and async ones."""

import asyncio
import signal
import threading

import pytest

from resnb import LocalExecutor, flow, resource_manager, task
from resnb.errors import FlowFailed, GraphError, TaskCancelled
from resnb.ledger.kernel.keeper import KEEPER
from resnb.run.active import active_run
from tests.run.parts import PATIENCE, ManualClock, Stubborn

NEVER = threading.Event()


@task
def use(*values):
    return list(values)


class Stops:
    """Ways to stop a run from outside, once something has begun."""

    def __init__(self):
        self.threads = []

    def soon(self, stop, begun=None):
        """Call `stop` on another thread when `begun` is set (or a moment has passed)."""

        def wait():
            if begun is None:
                NEVER.wait(0.1)
            else:
                assert begun.wait(PATIENCE)
            stop()

        thread = threading.Thread(target=wait)
        self.threads.append(thread)
        thread.start()


def cancel():
    active_run().cancel()


def interrupt():
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)


RAISED = {cancel: FlowFailed, interrupt: KeyboardInterrupt}


@pytest.fixture
def stops():
    found = Stops()
    yield found
    for thread in found.threads:
        thread.join(PATIENCE)


@task
def sleep():
    NEVER.wait(PATIENCE)


@task
def spin(begun):
    begun.set()
    while True:
        pass


WHERE = {
    "in the function": lambda: NEVER.wait(PATIENCE),
    "in a task": lambda: sleep(),
    "in a submitted task": lambda: spin.submit(threading.Event()).result(),
    "in a task with a timeout": lambda: spin(threading.Event(), task_args={"timeout": "1h"}),
}


@pytest.mark.parametrize("stop", RAISED)
@pytest.mark.parametrize("where", WHERE)
def test_the_function_gets_an_exception_and_may_clean_up(where, stop, stops, things):
    thing = things.manager()

    @flow
    def etl():
        with thing("a"):
            use.submit(use.submit(1)).wait()
            try:
                stops.soon(stop)
                WHERE[where]()
            except BaseException as error:
                things.note(type(error).__name__)
                raise
            finally:
                use("in finally")

    with pytest.raises(RAISED[stop]):
        etl()
    raised = "TaskCancelled" if stop is cancel else "KeyboardInterrupt"
    assert things.story[2:] == [raised, "cleanup a"]
    assert etl.state.name == "Cancelled"
    assert etl.get_tasks("use")[-1].state.is_successful()


def test_a_cancel_gives_up_what_was_submitted(stops):
    begun = threading.Event()

    @flow
    def etl():
        running = spin.submit(begun)
        use.submit(running)
        stops.soon(cancel, begun)
        running.wait()

    with pytest.raises(FlowFailed, match="flow 'etl' was cancelled"):
        etl()
    assert {one.name: one.state.name for one in etl.tasks} == {
        "spin": "Cancelled",
        "use": "Cancelled",
    }


def test_a_cancel_of_a_nested_function(stops, things):
    thing = things.manager()

    @flow
    def child():
        with thing("inner"):
            stops.soon(cancel)
            NEVER.wait(PATIENCE)

    @flow
    def parent():
        with thing("outer"):
            try:
                child()
            except TaskCancelled:
                things.note("cancelled")
                raise

    with pytest.raises(FlowFailed, match="flow 'parent' was cancelled"):
        parent()
    assert things.story[-3:] == ["cleanup inner", "cancelled", "cleanup outer"]
    assert (child.state.name, parent.state.name) == ("Cancelled", "Cancelled")


def test_a_function_that_catches_its_cancel(stops):
    @flow
    def etl():
        try:
            stops.soon(cancel)
            sleep()
        except TaskCancelled:
            return use("after all")

    assert etl() == ["after all"]
    assert etl.state.is_successful()


def test_a_cancel_in_the_background(stops, things):
    begun, thing = threading.Event(), things.manager()

    @flow
    def etl():
        with thing("a"):
            begun.set()
            while True:
                pass

    run = etl.start()
    assert begun.wait(PATIENCE)
    run.cancel()
    assert run.wait(PATIENCE).name == "Cancelled"
    assert things.story[-1] == "cleanup a"


def test_an_interrupt_during_a_clean_up_does_not_cut_it_short(stops, things):
    begun, let_go = threading.Event(), threading.Event()

    @resource_manager
    class Slow:
        def cleanup(self, resource):
            begun.set()
            let_go.wait(PATIENCE)
            things.note("cleaned up")

    def stop():
        interrupt()
        NEVER.wait(0.1)
        let_go.set()

    @flow
    def etl():
        with Slow():
            stops.soon(stop, begun)
        things.note("not reached")

    with pytest.raises(KeyboardInterrupt):
        etl()
    assert things.story == ["cleaned up"]


def test_the_end_of_the_kernel_stops_a_run(stops, things):
    thing, begun = things.manager(), threading.Event()

    @flow
    def etl():
        with thing("a"):
            begun.set()
            while True:
                pass

    run = etl.start()
    assert begun.wait(PATIENCE)
    assert KEEPER.close_all(budget=PATIENCE) == []
    assert run.wait(PATIENCE).name == "Cancelled"
    assert things.story == ["init a", "setup a", "cleanup a"]


def test_a_time_limit_of_the_function(things):
    thing = things.manager()

    @flow(timeout_seconds=0.5)
    def slow():
        with thing("a"):
            NEVER.wait(PATIENCE)

    with pytest.raises(TimeoutError, match=r"flow 'slow' ran for longer than its timeout of 0.5 s"):
        slow()
    assert slow.state.name == "TimedOut"
    # a slow machine may not have come to the set-up
    assert things.story.count("setup a") == things.story.count("cleanup a")


def test_code_that_will_not_stop_is_waited_for(stops, things, monkeypatch):
    """A block is cleaned up once the code in it has returned."""
    stubborn, thing, clock = Stubborn(), things.manager(), ManualClock()
    monkeypatch.setattr("resnb.run.lifecycle.RealClock", lambda: clock)
    stops.soon(lambda: clock.advance(5), stubborn.began)

    @task(timeout=5)
    def hold_out():
        stubborn()
        things.note("returned")

    @flow
    def etl():
        with thing("a"):
            with pytest.raises(TimeoutError):
                hold_out()
            stubborn.let_go.set()

    etl()
    assert things.story == ["init a", "setup a", "returned", "cleanup a"]


def test_an_interrupt_in_a_hook_stops_the_function(things, capsys):
    def hook():
        interrupt()
        NEVER.wait(PATIENCE)

    @flow
    def etl():
        use(1, task_args={"on_completion": hook})
        things.note("not reached")

    with pytest.raises(KeyboardInterrupt):
        etl()
    assert things.story == []
    assert capsys.readouterr().err == "hook 'hook' of task 'use' raised KeyboardInterrupt\n"


def test_a_defect_of_ours_ends_the_run(things):
    thing = things.manager()

    @flow
    def etl():
        with thing("a"):
            execution = active_run().execution
            execution.post(lambda: 1 / 0)
            use(1)

    with pytest.raises(ZeroDivisionError):
        etl()
    assert things.story[-1] == "cleanup a"
    assert active_run() is None


# ---- async functions


@task
async def fetch(n):
    await asyncio.sleep(0)
    return {"n": n}


def test_an_async_function():
    @flow
    async def child(n):
        return await fetch(n)

    @flow
    async def etl():
        first, second = await asyncio.gather(fetch(1), fetch(2))
        future = use.submit(first, second)
        return await future, use(first), await child(3)

    found = asyncio.run(etl())
    assert found == ([{"n": 1}, {"n": 2}], [{"n": 1}], {"n": 3})
    assert [one.name for one in etl.sorted_tasks()] == ["fetch", "fetch", "use", "use", "child"]
    assert asyncio.run(etl(return_state=True)).is_successful()
    assert asyncio.run(etl.run_async()).is_successful()


@pytest.mark.parametrize("executor", [None, LocalExecutor()])
def test_tasks_called_on_other_threads_of_the_function(executor):
    @flow(executor=executor)
    async def etl():
        one, two = [asyncio.to_thread(use, name) for name in ("one", "two")]
        return await asyncio.gather(one, two)

    assert asyncio.run(etl()) == [["one"], ["two"]]


def test_an_async_function_that_fails():
    @flow(retries=1)
    async def etl():
        await fetch(1)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        asyncio.run(etl())
    assert etl.state.is_failed()


@pytest.mark.parametrize("where", ["in the function", "in a coroutine", "in a plain task"])
def test_a_cancel_of_an_async_function(where, stops, things):
    thing = things.manager()

    @task
    async def hang():
        await asyncio.sleep(PATIENCE)

    @flow
    async def etl():
        async with thing("a"):
            try:
                stops.soon(cancel)
                if where == "in a plain task":
                    sleep()
                elif where == "in a coroutine":
                    await hang()
                else:
                    await asyncio.sleep(PATIENCE)
            finally:
                await fetch(1)

    with pytest.raises(FlowFailed, match="flow 'etl' was cancelled"):
        asyncio.run(etl())
    assert things.story[-1] == "cleanup a"
    assert etl.get_tasks("fetch")[0].state.is_successful()


def test_who_awaits_an_async_function_is_cancelled(things):
    thing = things.manager()

    @flow
    async def etl(limit):
        async with thing("a"):
            limit.reschedule(asyncio.get_running_loop().time())
            await asyncio.sleep(PATIENCE)

    async def main():
        async with asyncio.timeout(None) as limit:
            await etl(limit)

    with pytest.raises(TimeoutError):
        asyncio.run(main())
    assert things.story[-1] == "cleanup a"


def test_a_time_limit_in_an_async_function(things):
    begun = threading.Event()

    @task
    async def hang():
        try:
            begun.set()
            await asyncio.sleep(PATIENCE)
        finally:
            things.note("stopped")

    @flow
    async def etl():
        hanging = asyncio.ensure_future(hang())
        assert await asyncio.to_thread(begun.wait, PATIENCE)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(hanging, 0.01)
        return await fetch(1)

    assert asyncio.run(etl()) == {"n": 1}
    assert things.story == ["stopped"]


def test_an_async_function_needs_one_to_await_it():
    @flow
    async def child():
        return 1

    @flow
    def parent():
        return child()

    with pytest.raises(GraphError, match="'child' is async and cannot be called in 'parent'"):
        parent()
    for call in (child.run, child.start):
        with pytest.raises(GraphError, match=r"flow 'child' is async: write `await child"):
            call()
