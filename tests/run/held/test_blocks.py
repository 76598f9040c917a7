"""``with`` outside flows: set up and cleaned up by the block, on its own thread."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest

from resnb import Flow, LocalExecutor, flow, resource, task
from resnb.errors import ArgumentError, GraphError, LeaseLost, NoAttributeError, RunError
from resnb.ledger import states
from resnb.ledger.kernel.keeper import KEEPER
from tests.run.held.parts import Notes, things
from tests.run.parts import PATIENCE


@pytest.fixture
def notes():
    return Notes()


@pytest.fixture
def thing(notes):
    return things(notes)


def test_a_block_sets_up_and_cleans_up_on_its_own_thread(thing, notes):
    with thing("a") as value:
        assert value == "value of a"
        (lease,) = KEEPER.alive()
        assert (lease.name, lease.state) == ("Thing", states.OPEN)
    assert notes == ["up a", "down a"]
    assert set(notes.threads) == {threading.current_thread()}
    assert KEEPER.alive() == ()


def test_blocks_nest_and_end_from_the_inside_out(thing, notes):
    with thing("a"), thing("b"), ExitStack() as stack:
        stack.enter_context(thing("c"))
        one, two, three = KEEPER.alive()
        assert (one.around, two.around, three.around) == ((), (one,), (one, two))
    assert notes == ["up a", "up b", "up c", "down c", "down b", "down a"]


def test_what_takes_an_open_resource_depends_on_it(thing):
    held = thing("a").open("first")
    with thing(held.value), thing("unrelated"):
        assert [one.around for one in KEEPER.alive()[1:]] == [(held.lease,), (KEEPER.alive()[1],)]
    held.close()


def test_an_exception_goes_on_after_the_clean_up(thing, notes):
    with pytest.raises(KeyError, match="mine"), thing("a"):
        raise KeyError("mine")
    assert notes == ["up a", "down a"]


def test_a_set_up_that_fails_leaves_nothing(thing, notes):
    with pytest.raises(OSError, match="a"), thing("a", fails=["setup"]):
        notes.note("never")
    assert notes == ["up a"]
    assert KEEPER.alive() == ()


@pytest.mark.parametrize("raises", [False, True])
def test_a_clean_up_that_fails_is_told_and_masks_nothing(thing, notes, capsys, raises):
    with ExitStack() as stack:
        if raises:
            stack.enter_context(pytest.raises(KeyError, match="mine"))
        with thing("a", fails=["cleanup"]):
            if raises:
                raise KeyError("mine")
    assert capsys.readouterr().err == (
        "resource 'Thing': its clean-up failed, and is tried again: OSError: a; "
        "`resnb ls` lists it\n"
    )
    (lease,) = KEEPER.alive()
    assert lease.state == states.FAILED
    lease.manager.fails = ()
    KEEPER.close([lease])


def test_further_tries_of_set_up_and_clean_up(notes):
    class Moody:
        tries = 0

        def setup(self):
            Moody.tries += 1
            notes.note(f"up {Moody.tries}")
            if Moody.tries < 3:
                raise OSError

        def cleanup(self, _):
            notes.note("down")
            if notes.count("down") < 3:
                raise OSError

    manager = resource(Moody, setup_task_kwargs={"max_retries": 2}, cleanup_retries=2)
    with manager():
        pass
    assert notes == ["up 1", "up 2", "up 3", "down", "down", "down"]
    Moody.tries = 0
    with (
        pytest.raises(OSError, match=r"^$"),
        manager.options(setup_task_kwargs={"max_retries": 1})(),
    ):
        pass
    assert KEEPER.alive() == ()


def test_a_set_up_and_a_clean_up_have_their_time_limits(capsys):
    class Slow:
        over = threading.Event()

        def __init__(self, where):
            self.where = where

        def setup(self):
            self._wait("setup")

        def cleanup(self, _):
            self._wait("cleanup")

        def _wait(self, here):
            while here == self.where:
                self.over.wait(0.01)

    manager = resource(Slow, setup_task_kwargs={"timeout": 0.1}, cleanup_timeout=0.1)
    with pytest.raises(TimeoutError, match=r"longer than its timeout of 0\.1 s"), manager("setup"):
        pass
    with manager("cleanup"):
        pass
    assert "it did not return within 0.1 s" in capsys.readouterr().err
    (lease,) = KEEPER.alive()
    lease.manager.where = ""
    KEEPER.close([lease])


@pytest.mark.parametrize(("on", "raises", "stays"), [
    ("success", False, False), ("success", True, True),
    ("failure", False, True), ("failure", True, False),
])  # fmt: skip
def test_a_clean_up_can_be_put_off(thing, notes, on, raises, stays):
    with ExitStack() as stack:
        stack.enter_context(pytest.raises(KeyError) if raises else ExitStack())
        with thing.options(on=on)("a"):
            if raises:
                raise KeyError
    assert ("down a" not in notes) is stays
    KEEPER.close(KEEPER.alive())


def test_a_kernel_wide_resource_is_shared_by_blocks(thing, notes):
    shared = thing.options(lifetime="kernel")
    with shared("a") as one, shared("a") as two:
        assert one is two
    with shared("a"), shared("b"):
        pass
    assert notes == ["up a", "up b"]
    KEEPER.close(KEEPER.alive())
    with shared("a"):
        pass
    assert notes == ["up a", "up b", "down b", "down a", "up a"]
    KEEPER.close(KEEPER.alive())


FORMS = {}


def form(function):
    FORMS[function.__name__] = function
    return function


@form
def generator(notes):
    @resource
    def made():
        notes.note("up")
        yield "value"
        notes.note("down")

    return made


@form
def context_manager_function(notes):
    @resource
    @contextmanager
    def made():
        notes.note("up")
        try:
            yield "value"
        finally:
            notes.note("down")

    return made


@form
def context_manager(notes):
    @contextmanager
    def made():
        notes.note("up")
        yield "value"
        notes.note("down")

    return lambda: resource(made())


@form
def async_generator(notes):
    @resource
    async def made():
        notes.note("up")
        await asyncio.sleep(0)
        yield "value"
        await asyncio.sleep(0)
        notes.note("down")

    return made


@pytest.mark.parametrize("form", FORMS)
def test_every_form_can_be_held(notes, form):
    made = FORMS[form](notes)
    with made() as value:
        assert value == "value"
    assert notes == ["up", "down"]

    async def awaited():
        async with made() as value:
            assert value == "value"

    asyncio.run(awaited())
    assert notes == ["up", "down"] * 2
    assert set(notes.threads[2:]) == {threading.current_thread()}
    assert KEEPER.alive() == ()


def test_async_with_does_not_hold_up_the_loop_and_runs_on_it(notes):
    @resource
    async def made(gate):
        loop = asyncio.get_running_loop()
        await gate.wait()
        yield loop
        notes.note("down")

    async def main():
        gate = asyncio.Event()
        asyncio.get_running_loop().call_later(0.01, gate.set)
        async with made(gate) as loop:
            assert loop is asyncio.get_running_loop()
            assert KEEPER.alive()[0].block is threading.current_thread()

    asyncio.run(main())
    assert notes == ["down"]


def test_a_cancel_stops_a_set_up_and_no_clean_up(notes):
    @resource
    async def made(first):
        notes.note("up")
        if first:
            await asyncio.Event().wait()
        yield 1
        notes.note("begin")
        await asyncio.sleep(0.05)
        notes.note("end")

    async def main(first):
        async with made(first):
            pass

    async def cancelled(first, word):
        notes.seen = word, asyncio.Event()
        one = asyncio.create_task(main(first))
        await notes.seen[1].wait()
        one.cancel()
        with pytest.raises(asyncio.CancelledError):
            await one

    asyncio.run(cancelled(first=True, word="up"))
    assert notes == ["up"]
    asyncio.run(cancelled(first=False, word="begin"))
    assert notes == ["up", "up", "begin", "end"]
    assert KEEPER.alive() == ()


def test_coroutines_side_by_side_hold_their_own(thing, notes):
    async def one(name, gate):
        async with thing(name) as value:
            await gate.wait()
            return value

    async def main():
        gate = asyncio.Event()
        asyncio.get_running_loop().call_later(0.01, gate.set)
        return await asyncio.gather(one("a", gate), one("b", gate))

    assert asyncio.run(main()) == ["value of a", "value of b"]
    assert sorted(notes) == ["down a", "down b", "up a", "up b"]


def test_in_generators_threads_and_pools(thing, notes):
    def values(name):
        with thing(name) as value:
            yield value

    one, two = values("a"), values("b")
    assert [next(one), next(two)] == ["value of a", "value of b"]
    one.close()
    two.close()
    assert notes == ["up a", "up b", "down a", "down b"]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda name: list(values(name)), "cdef")) == [
            [f"value of {name}"] for name in "cdef"
        ]
    assert len(notes) == 12
    assert KEEPER.alive() == ()


@pytest.mark.parametrize("executor", [None, LocalExecutor()])
def test_in_the_code_of_a_task(thing, notes, executor):
    @task
    def use(outer):
        with thing("inner") as value:
            return value, [one.name for one in KEEPER.alive()[-1].around]

    with Flow("f") as built, thing("outer") as outer:
        used = use(outer)
    state = built.run(executor=executor)
    assert state.result[used].result == ("value of inner", ["f/Thing"])
    assert notes == ["up outer", "up inner", "down inner", "down outer"]


def test_in_a_task_of_a_flow_function_and_in_the_function_itself(thing, notes):
    @task
    def use():
        with thing("task") as value:
            return value

    @flow
    def whole():
        with thing("block"):
            return use()

    assert whole() == "value of task"
    assert notes == ["up block", "up task", "down task", "down block"]
    assert len(whole.scopes) == 1


def test_a_cancelled_task_cleans_up(notes):
    begun = threading.Event()

    @task
    def hang():
        with things(notes)("a"):
            begun.set()
            while True:
                threading.Event().wait(0.01)

    with Flow("f") as built:
        hang()
    run = built.start()
    assert begun.wait(PATIENCE)
    run.cancel()
    assert run.wait().is_cancelled()
    assert notes == ["up a", "down a"]


def test_a_call_alone_opens_nothing_and_says_so(thing, notes):
    used = thing("a")
    assert repr(used) == (
        "<Thing: not open yet; write `with Thing(...) as x:`, or Thing(...).open()>"
    )
    with pytest.raises(NoAttributeError, match="'Thing' is unopened, and has no 'query'"):
        used.query  # noqa: B018
    assert notes == []
    with pytest.raises(ArgumentError, match="has no parameter 'size'"):
        thing(size=3)
    with Flow("f"):
        from resnb import Parameter

        n = Parameter("n")
    with pytest.raises(GraphError, match=r"outside a flow's block .* takes values"):
        thing(n)


def test_one_use_at_a_time(thing, notes):
    used = thing("a")
    with used, pytest.raises(RunError, match="entered twice: write `with Thing"), used:
        pass
    with used:
        pass
    assert notes == ["up a", "down a"] * 2


def test_made_outside_and_entered_in_a_flow_it_is_a_scope(thing, notes):
    used = thing("a")
    with Flow("f") as built, used:
        task(lambda: notes.note("task"), name="t")()
    built.run()
    assert notes == ["up a", "task", "down a"]


def test_what_is_taken_away_is_told_at_the_end(thing, notes):
    def whole():
        with thing("a"):
            (lease,) = KEEPER.alive()
            lease.retired, lease.reason = True, "its ttl is over"
            KEEPER.close([lease])

    with pytest.raises(LeaseLost, match="was cleaned up before its block ended: its ttl"):
        whole()
    assert notes == ["up a", "down a"]


def test_in_a_block_it_is_never_idle(thing):
    with thing.options(idle_timeout=0.001)("a"):
        (lease,) = KEEPER.alive()
        lease.last_used -= 100
        assert KEEPER.on_message._unused_for(lease) == 0.0
