"""One run of a flow: begun once, concluded once, whatever hooks and handlers do, never hanging."""

import asyncio
import gc
import threading
import weakref

import pytest

from resnb import Flow, LocalExecutor, resource_manager, states, task
from resnb.errors import RunError, described
from resnb.ledger.kernel.keeper import KEEPER
from resnb.run.active import active_run
from resnb.run.scheduling.scheduler import Scheduler
from tests.ledger.things import until
from tests.run.parts import PATIENCE, Stubborn, ended, names, run_in_circles, started, use


def flow_of(*functions, **options):
    with Flow("f", **options) as flow:
        for function in functions:
            task(function, name=getattr(function, "__name__", "t"))()
    return flow


def test_a_flow_without_tasks():
    assert flow_of().run().is_successful()
    assert flow_of().run(executor=LocalExecutor()).is_successful()


def test_a_second_run_is_refused_with_one_line():
    stubborn = Stubborn()
    run = started(flow_of(stubborn))
    stubborn.await_beginning()
    expected = "flow 'f' is running: wait until it has ended, or cancel it with %flow cancel f"
    for start in (flow_of().run, flow_of().start):
        with pytest.raises(RunError) as caught:
            start()
        assert str(caught.value) == expected
    assert active_run() is run
    stubborn.let_go.set()
    assert ended(run).is_successful()
    assert flow_of().run().is_successful()


def test_a_run_is_refused_inside_a_task_and_fails_that_task_only():
    def runs():
        flow_of().run()

    state = flow_of(runs).run()
    assert "and this line is part of its run: run 'f' before it, or call" in state.message


def test_a_set_up_or_clean_up_that_runs_another_flow_is_told_what_it_can_do():
    @resource_manager
    class Nested:
        def setup(self):
            flow_of(lambda: None).run()

        def cleanup(self, _):
            raise AssertionError

    with Flow("outer") as flow, Nested():
        task(lambda: None, name="t")()
    assert (
        "flow 'outer' is running, and this line is part of its run: run 'f' before it, or "
        "call its functions here"
    ) in flow.run().message


def test_a_task_cannot_wait_for_its_own_run():
    def waits():
        active_run().wait()

    assert "cannot wait for the run it is part of" in flow_of(waits).run().message


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(1), KeyboardInterrupt()])
def test_a_state_handler_of_the_flow_that_raises_fails_the_run_and_blocks_no_other(error):
    def raises(*_):
        raise error

    state = flow_of(state_handlers=[raises]).run()
    assert state.is_failed()
    assert "a state handler raised" in state.message
    assert ended(started(flow_of(state_handlers=[raises]))).is_failed()
    assert flow_of().run().is_successful()


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(1), KeyboardInterrupt()])
@pytest.mark.parametrize("of", ["task", "flow"])
def test_a_hook_that_raises_is_reported_in_one_line(capsys, of, error):
    def raises():
        raise error

    with Flow("f", on_completion=raises if of == "flow" else None) as flow:
        task(lambda: 1, name="t", on_completion=raises if of == "task" else None)()
    assert flow.run().is_successful()
    owner = "flow 'f'" if of == "flow" else "task 't'"
    assert capsys.readouterr().err == f"hook 'raises' of {owner} raised {described(error)}\n"


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(1)])
def test_a_state_handler_of_a_task_that_raises_fails_the_task(error):
    def raises(_task, _old, _new):
        raise error

    with Flow("f") as flow:
        task(lambda: 1, name="t", state_handlers=[raises])()
    assert "a state handler raised" in flow.run().message


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(1)])
def test_a_trigger_that_raises_fails_the_task(error):
    def raises(_):
        raise error

    with Flow("f") as flow:
        task(lambda: 1, name="t", trigger=raises)()
    assert names(flow.run()) == {"t": "TriggerFailed"}


@pytest.mark.parametrize("chosen", [states.Success("", 5), states.TimedOut(), states.Skipped()])
def test_a_state_handler_may_end_a_task_before_it_begins(chosen):
    def ends(_task, _old, new):
        return chosen if new.is_running() else None

    with Flow("f") as flow:
        handle = task(lambda: 1, name="t", state_handlers=[ends])()
    state = flow.run().result[handle]
    assert type(state) is type(chosen)
    if chosen.is_successful():
        assert state.result == chosen.result


def test_a_hook_may_run_another_flow_and_look_at_its_own():
    found = []

    def runs(_flow, run, state):
        found.extend([flow_of().run(), run.state, run.wait(), state])

    assert flow_of(on_completion=runs).run().is_successful()
    run = started(flow_of(on_completion=runs))
    assert ended(run).is_successful()
    assert all(one.is_successful() for one in found)
    assert len(found) == 8


@pytest.mark.parametrize("given", [states.Pending(), states.Running(), states.Retrying()])
def test_given_states_that_are_not_final_do_not_count(given):
    with Flow("f") as flow:
        value = task(lambda: 1, name="t")()
    assert flow.run(task_states={value: given}).result[value].result == 1


@pytest.mark.parametrize("given", [states.Success("", 7), states.TimedOut(), states.Cancelled()])
def test_given_states_that_are_final_are_taken_over(given):
    ran = []
    with Flow("f") as flow:
        value = task(lambda: ran.append(1), name="t")()
        after = use(value)
    state = flow.run(task_states={value: given})
    assert ran == []
    assert state.result[value] is given
    assert state.result[after].is_successful() == given.is_successful()


@pytest.mark.parametrize("way", ["run", "start", "run_async", "local"])
@pytest.mark.parametrize("method", ["begin", "succeeded", "ended", "expand"])
def test_a_defect_of_ours_ends_the_run_with_that_error_and_cleans_up(
    things, monkeypatch, method, way
):
    real, armed = getattr(Scheduler, method), []

    def broken(self, *args, **kwargs):
        if armed:
            raise LookupError("a defect")
        return real(self, *args, **kwargs)

    monkeypatch.setattr(Scheduler, method, broken)

    @task
    def arms(_):
        armed.append(1)
        if method == "ended":
            raise ValueError

    with Flow("f") as flow, things.manager()("x") as x:
        use.map([arms(x), 2]) if method == "expand" else use(arms(x))
    if method == "begin":
        armed.append(1)
    ways = {
        "run": flow.run,
        "local": lambda: flow.run(executor=LocalExecutor()),
        "start": lambda: ended(started(flow)),
        "run_async": lambda: asyncio.run(flow.run_async()),
    }
    with pytest.raises(LookupError, match="a defect"):
        ways[way]()
    assert things.story in ([], ["init x", "setup x", "cleanup x"])
    assert active_run() is None
    monkeypatch.undo()
    assert flow.run().is_finished()


def test_a_defect_while_other_tasks_run_stops_them(clock, things, monkeypatch):
    began = threading.Event()
    real = Scheduler.ended

    def broken(self, row, code, *args):
        if code == states.Failed.code:
            raise LookupError("a defect")
        real(self, row, code, *args)

    monkeypatch.setattr(Scheduler, "ended", broken)

    def circles():
        began.set()
        run_in_circles()

    def fails():
        assert began.wait(PATIENCE)
        raise ValueError

    with Flow("f") as flow, things.manager()("x"):
        task(circles, name="circles")()
        task(fails, name="fails")()
    with pytest.raises(LookupError, match="a defect"):
        ended(started(flow, clock))
    assert things.story == ["init x", "setup x", "cleanup x"]


def test_an_executor_that_cannot_start_blocks_no_other_run():
    class Broken:
        def start(self, engine):
            raise OSError("no")

    for _ in range(2):
        with pytest.raises(OSError, match="no"):
            flow_of().run(executor=Broken())
    assert KEEPER.before_closing == []
    assert flow_of().run().is_successful()


def test_waiting_has_a_limit():
    stubborn = Stubborn()
    run = started(flow_of(stubborn))
    with pytest.raises(TimeoutError, match="flow 'f' is still running after 0 s"):
        run.wait(0)
    stubborn.let_go.set()
    assert ended(run).is_successful()
    assert run.wait(0).is_successful()


def test_everybody_who_waits_is_told():
    stubborn, found = Stubborn(), []
    run = started(flow_of(stubborn))
    waiting = [threading.Thread(target=lambda: found.append(run.wait())) for _ in range(5)]
    for one in waiting:
        one.start()
    stubborn.let_go.set()
    for one in waiting:
        one.join(PATIENCE)
    assert len(found) == 5
    assert repr(run) == "<FlowRun of 'f': Success>"


def test_run_async_gives_the_state_and_leaves_the_loop_free():
    async def main():
        stubborn = Stubborn()
        running = asyncio.ensure_future(flow_of(stubborn).run_async())
        await asyncio.to_thread(stubborn.await_beginning)
        stubborn.let_go.set()
        return await running

    assert asyncio.run(main()).is_successful()


def test_run_async_cancelled_twice_still_cleans_up(things):
    cleaning = Stubborn()

    class Slow:
        def cleanup(self, resource):
            cleaning()
            things.note("cleaned")

    from resnb import resource_manager

    began = threading.Event()

    def circles():
        began.set()
        run_in_circles()

    with Flow("f") as flow, resource_manager(Slow)():
        task(circles, name="circles")()

    async def main():
        running = asyncio.ensure_future(flow.run_async())
        await asyncio.to_thread(began.wait, PATIENCE)
        running.cancel()
        await asyncio.to_thread(cleaning.await_beginning)
        running.cancel()
        await asyncio.sleep(0)
        assert not running.done()
        cleaning.let_go.set()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(main())
    assert things.story == ["cleaned"]


def test_a_run_whose_loop_is_gone_is_concluded_all_the_same():
    stubborn, runs = Stubborn(), []

    async def main():
        running.append(asyncio.ensure_future(flow_of(stubborn).run_async()))
        await asyncio.to_thread(stubborn.await_beginning)
        runs.append(active_run())

    loop, running = asyncio.new_event_loop(), []
    loop.run_until_complete(main())
    loop.close()
    stubborn.let_go.set()
    assert ended(runs[0]).is_successful()
    running[0]._log_destroy_pending = False


def test_a_flow_that_is_dropped_takes_its_values_along():
    class Big:
        pass

    seen = []

    def makes():
        big = Big()
        seen.append(weakref.ref(big))
        return big

    flow = flow_of(makes)
    flow.run()
    ended(started(flow))

    def gone():
        gc.collect()
        return [one() is None for one in seen]

    until(lambda: gone() == [True, False])  # once the threads of the runs have ended
    del flow
    until(lambda: gone() == [True, True])


class Unwilling:
    """A value of which nothing can be asked."""

    def _refuse(self, *_):
        raise RuntimeError("no")

    __repr__ = __eq__ = __hash__ = __bool__ = __len__ = __reduce__ = __getattr__ = _refuse


def test_nothing_is_asked_of_values_that_are_only_passed_on():
    @resource_manager
    class Keep:
        def __init__(self, value):
            self.value = value

        def setup(self):
            return self.value

        def cleanup(self, resource): ...

    value = Unwilling()
    with Flow("f") as flow:
        first = task(lambda *values: values[-1])(1, value)
        with Keep(value) as kept, Keep(first) as also:
            last = task(lambda *values: values)(kept, also)
    state = flow.run()
    assert state.is_successful(), state.message
    assert all(one is value for one in state.result[last].result)
