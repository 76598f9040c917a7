"""A run ends with its caller's wait: whatever breaks it, the run is cancelled and cleaned up.

The exceptions are raised by real signal handlers, and where there is no signal, in the wait itself.
"""

import asyncio
import signal
import threading
from contextlib import suppress

import pytest

from resnb import Flow, LocalExecutor, ThreadExecutor, flow, resource_manager, task
from resnb.errors import RunError
from resnb.run import flow_run, lifecycle
from resnb.run.active import active_run
from resnb.run.engine import interrupts, patience
from resnb.run.engine.interrupts import Interrupts
from resnb.run.flow_run import FlowRun
from resnb.run.functions import body
from tests.ledger.things import until
from tests.run.parts import PATIENCE, ended, run_in_circles


class Rang(Exception):  # noqa: N818 - what an alarm of the user's raises
    pass


@pytest.fixture(autouse=True)
def alarm():
    """A handler of the user's that raises."""

    def handler(_number, _frame):
        raise Rang

    before = signal.signal(signal.SIGUSR1, handler)
    users.append(handler)
    has_begun.clear()
    yield
    users.clear()
    assert signal.getsignal(signal.SIGUSR1) is handler
    signal.signal(signal.SIGUSR1, before)


users = []
"""The handler of the test that runs; the beginning of a run and a wait for it replace it."""
has_begun = threading.Event()
"""Set once a run in the background has begun, and its beginning has put the handler back."""


def ring():
    """Send the signal to the main thread, from any thread."""
    signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)


@task
def rings(*_):
    ring()
    run_in_circles()


def ring_in_the_wait():
    """Send it once the main thread waits for the run in the background."""
    assert has_begun.wait(PATIENCE)
    until(lambda: signal.getsignal(signal.SIGUSR1) not in users)
    ring()


@task
def returns(value=1, *_):
    return value


def built(things, what=rings):
    with Flow("f") as built, things.manager()() as thing:
        what(thing)
    return built


def assert_over(things, flow):
    """The run has ended, and the flow runs again."""
    assert active_run() is None
    assert things.story == ["init x", "setup x", "cleanup x"]
    rings_again.clear()
    assert flow.run().is_successful()


rings_again = threading.Event()


@task
def rings_once(*_):
    if not rings_again.is_set():
        return
    ring()
    run_in_circles()


@pytest.fixture
def flow_that_rings(things):
    rings_again.set()
    return built(things, rings_once)


@task
def rings_in_the_wait(*_):
    if not rings_again.is_set():
        return
    ring_in_the_wait()
    run_in_circles()


# ---- flows


@pytest.mark.parametrize("executor", [ThreadExecutor(2), LocalExecutor()])
def test_flow_run(executor, flow_that_rings, things):
    with pytest.raises(Rang):
        flow_that_rings.run(executor=executor)
    assert_over(things, flow_that_rings)


def test_waiting_for_a_run_in_the_background(things):
    rings_again.set()
    flow = built(things, rings_in_the_wait)
    run = flow.start()
    has_begun.set()
    with pytest.raises(Rang):
        run.wait(PATIENCE)
    assert run.wait(PATIENCE).is_cancelled()
    assert_over(things, flow)


def test_awaiting_a_run(flow_that_rings, things):
    with pytest.raises(Rang):
        asyncio.run(flow_that_rings.run_async())
    assert_over(things, flow_that_rings)


def test_a_coroutine_that_nobody_awaits_any_more(things):
    began = threading.Event()

    @task
    def waits(*_):
        began.set()
        run_in_circles()

    flow, loop = built(things, waits), asyncio.new_event_loop()
    running = flow.run_async()

    async def begin():
        running.send(None)
        assert await asyncio.to_thread(began.wait, PATIENCE)

    loop.run_until_complete(begin())
    run = active_run()
    running.close()
    assert ended(run).is_cancelled()
    assert things.story == ["init x", "setup x", "cleanup x"]
    loop.close()


def test_a_second_signal_cuts_no_clean_up_short(things):
    thing = things.manager()

    class Slow(thing.resource_class):
        def cleanup(self, resource):
            ring()
            things.note("cleaning")
            super().cleanup(resource)

    with Flow("f") as flow, resource_manager(Slow)() as one:
        rings(one)
    with pytest.raises(Rang):
        flow.run()
    assert things.story == ["init x", "setup x", "cleaning", "cleanup x"]


def test_a_signal_in_a_hook_ends_the_hook_and_the_run(capsys, things):
    def hook():
        ring()

    with Flow("f") as flow, things.manager()() as thing:
        task(returns.run, name="one", on_completion=hook)(thing)
    with pytest.raises(Rang):
        flow.run(executor=LocalExecutor())
    assert "raised Rang" in capsys.readouterr().err
    assert things.story[-1] == "cleanup x"
    assert active_run() is None


@pytest.mark.parametrize("error", [MemoryError(), SystemExit(3), Rang()])
@pytest.mark.parametrize("in_background", [False, True])
def test_any_other_exception_in_the_wait(error, in_background, monkeypatch, things):
    awaited, raised, began = lifecycle.awaited, [], threading.Event()

    def broken(*args):
        if not raised and threading.current_thread() is threading.main_thread():
            assert began.wait(PATIENCE)
            raised.append(error)
            raise error
        return awaited(*args)

    @task
    def waits(*_):
        began.set()
        if not raised:
            run_in_circles()

    flow = built(things, waits)
    for module in (lifecycle, patience):
        monkeypatch.setattr(module, "awaited", broken)
    with pytest.raises(type(error)):
        flow.start().wait(PATIENCE) if in_background else flow.run()
    assert active_run() is None
    assert things.story == ["init x", "setup x", "cleanup x"]
    assert flow.run().is_successful()


def test_the_supervisor_of_a_run_breaks_down(monkeypatch, things):
    awaited, raised = lifecycle.awaited, []

    def broken(*args):
        if not raised:
            raised.append(True)
            raise MemoryError
        return awaited(*args)

    flow = built(things, lambda one: returns(1, one))
    for module in (lifecycle, patience):
        monkeypatch.setattr(module, "awaited", broken)
    run = FlowRun(flow, {}).start()
    run._conclusion.reached.wait(PATIENCE)
    with pytest.raises(MemoryError):
        run.wait(PATIENCE)
    assert active_run() is None
    assert flow.run().is_successful()


def test_a_run_whose_supervisor_cannot_be_started(monkeypatch, things):
    def refuse(_supervise):
        raise RuntimeError("can't start new thread")

    flow = built(things, lambda one: returns(1, one))
    monkeypatch.setattr(flow_run, "start_supervisor", refuse)
    with pytest.raises(RuntimeError, match="new thread"):
        flow.start()
    monkeypatch.undo()
    assert active_run() is None
    assert flow.run().is_successful()


def test_a_handler_that_outlives_its_run_lets_signals_through():
    kept = []
    with Flow("f") as flow:
        task(lambda: kept.append(signal.getsignal(signal.SIGUSR1)))()
    assert flow.run(executor=LocalExecutor()).is_successful()
    with pytest.raises(Rang):
        kept[0](signal.SIGUSR1, None)


@pytest.mark.parametrize("when", ["replaced", "put back"])
def test_a_signal_while_handlers_are_exchanged(when, monkeypatch):
    numbers, exchange, rung = (signal.SIGINT, signal.SIGUSR1), signal.signal, []
    before = [signal.getsignal(number) for number in numbers]

    def ringing(number, handler):
        found = exchange(number, handler)
        at = (signal.SIGINT, False) if when == "replaced" else (signal.SIGUSR1, True)
        if not rung and (number, handler in before) == at:  # the user's own handler is called
            rung.append(number)
            ring()
        return found

    def exchanged():
        with Interrupts() as noted:
            pass
        noted.deliver()

    monkeypatch.setattr(interrupts.signal, "signal", ringing)
    with pytest.raises(Rang):
        exchanged()
    monkeypatch.undo()
    assert rung
    assert [signal.getsignal(number) for number in numbers] == before


def test_waiting_again_and_again_leaves_nothing_behind(stops_at_end):
    with Flow("f") as flow:
        task(stops_at_end)()
    run = flow.start()
    for _ in range(3):
        with pytest.raises(TimeoutError):
            run.wait(0)
    assert run._conclusion.calls == []
    run.cancel()
    assert ended(run).is_cancelled()


@pytest.fixture
def stops_at_end():
    return run_in_circles


# ---- a wait that could not end


def test_a_run_that_has_not_begun():
    with Flow("f") as flow:
        returns()
    run = FlowRun(flow, {})
    run.cancel()
    with pytest.raises(RunError, match="has not begun"):
        run.wait()


def test_a_run_that_was_refused(stops_at_end):
    with Flow("f") as flow:
        task(stops_at_end)()
    first, second = flow.start(), FlowRun(flow, {})
    with pytest.raises(RunError, match="is running"):
        second.start()
    with pytest.raises(RunError, match="has not begun"):
        second.wait()
    second.cancel()
    first.cancel()
    assert ended(first).is_cancelled()


@pytest.mark.parametrize("new", ["Running", "Success"])
def test_a_state_handler_that_waits_for_its_run(new):
    errors = []

    def handler(_flow, _old, state):
        if state.name == new:
            with suppress(Exception):
                try:
                    active_run().wait()
                except RunError as error:
                    errors.append(str(error))

    with Flow("f", state_handlers=[handler]) as flow:
        returns()
    assert flow.run().is_successful()
    assert errors == ["a state handler of flow 'f' cannot wait for the run it is called by"]


def test_a_nested_function_that_waits_for_the_outer_one():
    @flow
    def inner():
        active_run().wait()

    @flow
    def outer():
        inner()

    with pytest.raises(RunError, match="cannot wait for the run it is part of"):
        outer()


# ---- @flow functions


def runs_again(function, things):
    """The function's run has ended, cleaned up, and it can be called again."""
    assert active_run() is None
    assert things.story.count("setup x") == things.story.count("cleanup x")
    things.story.clear()
    with suppress(Rang):
        function()
    assert active_run() is None


def test_a_signal_while_a_function_waits_for_a_future(things):
    thing = things.manager()

    @flow
    def etl():
        with thing():
            rings.submit().result()

    with pytest.raises(Rang):
        etl()
    runs_again(etl, things)


def test_a_signal_while_a_function_waits_for_a_task_on_a_worker(things):
    thing = things.manager()

    @flow
    def etl():
        with thing():
            task(rings.run, timeout=60)()

    with pytest.raises(Rang):
        etl()
    runs_again(etl, things)


def test_a_signal_in_the_functions_own_lines_and_in_a_task_that_it_calls(things):
    thing = things.manager()

    @flow
    def own():
        with thing():
            rings.run()

    @flow
    def called():
        with thing():
            rings()

    for function in (own, called):
        with pytest.raises(Rang):
            function()
        runs_again(function, things)


def test_a_signal_while_a_block_is_entered_and_left(things):
    thing = things.manager()

    class RingsInSetup(thing.resource_class):
        def setup(self):
            ring()
            things.note("setting up")
            return super().setup()

    class RingsInCleanup(thing.resource_class):
        def cleanup(self, resource):
            ring()
            things.note("cleaning up")
            super().cleanup(resource)

    for kind in (RingsInSetup, RingsInCleanup):
        manager = resource_manager(kind)

        @flow
        def etl(manager=manager):
            with manager():
                returns()

        with pytest.raises(Rang):
            etl()
        runs_again(etl, things)


def test_a_signal_while_the_end_of_a_function_waits_for_what_it_submitted(things):
    thing = things.manager()

    @flow
    def etl():
        with thing():
            returns()
        rings.submit()

    with pytest.raises(Rang):
        etl()
    runs_again(etl, things)


def test_a_function_may_catch_it():
    @flow
    def etl():
        try:
            rings.submit().result()
        except Rang:
            return returns(5)

    assert etl() == 5
    assert active_run() is None


def test_a_function_in_the_background(things):
    thing = things.manager()

    @flow
    def etl():
        with thing():
            ring_in_the_wait()
            run_in_circles()

    run = etl.start()
    has_begun.set()
    with pytest.raises(Rang):
        run.wait(PATIENCE)
    assert run.wait(PATIENCE).is_cancelled()
    assert things.story == ["init x", "setup x", "cleanup x"]
    assert active_run() is None


@pytest.mark.parametrize("end", [False, True])
def test_another_exception_while_a_function_waits(end, monkeypatch, things):
    module = patience if end else body
    thing, awaited, raised = things.manager(), module.awaited, []

    def broken(*args):
        if not raised:
            raised.append(True)
            raise MemoryError
        return awaited(*args)

    @flow
    def etl():
        with thing():
            if not end:
                monkeypatch.setattr(module, "awaited", broken)
                task(run_in_circles).submit().result()
        monkeypatch.setattr(module, "awaited", broken)
        task(run_in_circles).submit()

    with pytest.raises(MemoryError):
        etl()
    assert raised
    assert things.story == ["init x", "setup x", "cleanup x"]
    assert active_run() is None


def test_a_signal_while_an_async_function_awaits(things):
    thing = things.manager()

    @task
    async def rings_too():
        ring()
        await asyncio.sleep(PATIENCE)

    @flow
    async def etl():
        async with thing():
            await rings_too()

    with pytest.raises(Rang):
        asyncio.run(etl())
    assert things.story == ["init x", "setup x", "cleanup x"]
    assert active_run() is None


def test_an_async_function_that_nobody_awaits_any_more(things):
    thing, began = things.manager(), threading.Event()

    @task
    async def waits():
        began.set()
        await asyncio.sleep(PATIENCE)

    @flow
    async def etl():
        async with thing():
            await waits()

    loop, running = asyncio.new_event_loop(), etl()

    async def begin():
        nobody = asyncio.ensure_future(running)
        assert await asyncio.to_thread(began.wait, PATIENCE)
        return nobody

    nobody = loop.run_until_complete(begin())
    run = active_run()
    with suppress(RuntimeError, ValueError):
        running.close()
    assert ended(run).is_cancelled()
    assert things.story == ["init x", "setup x", "cleanup x"]
    assert active_run() is None
    nobody.cancel()
    with suppress(BaseException):
        loop.run_until_complete(nobody)
    loop.close()
