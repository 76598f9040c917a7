"""``with resource(...)`` in ``@flow`` functions: leased, drawn, and cleaned up come what may."""

import asyncio
import contextlib
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resnb import flow, resource, resource_manager, task
from resnb.errors import LeaseLost, OptionError, RunError, TaskCancelled
from resnb.ledger.kernel.keeper import KEEPER
from resnb.view.snapshot import snapshot
from resnb.view.text import flow_text
from tests.ledger.things import until
from tests.run.parts import PATIENCE, Things


@task
def use(*values):
    return list(values)


@task
def fail(*_):
    raise ValueError("no")


def text(one):
    return flow_text(snapshot(one, one.memory)).splitlines()


def test_a_block_is_set_up_and_cleaned_up_around_what_is_inside(things):
    thing = things.manager()

    @flow
    def etl():
        with thing("one") as a, thing("two") as b:
            things.note("inside", a, b)
            use(a, b)
        things.note("after")

    etl()
    assert things.story == [
        "init one", "setup one", "init two", "setup two", "inside one two",
        "cleanup two", "cleanup one", "after",
    ]  # fmt: skip
    assert text(etl) == [
        "etl · success",
        "┌ Thing · closed",
        "│ ✓ setup",
        "│ ┌ Thing-2 = Thing · closed",
        "│ │ ✓ setup",
        "│ │ ✓ use ← Thing, Thing-2",
        "│ └ ✓ cleanup",
        "└ ✓ cleanup",
    ]
    etl.validate()
    assert KEEPER.alive() == ()


def test_set_up_and_clean_up_run_on_the_leases_thread(things):
    thing = things.manager()

    @flow
    def etl():
        with thing():
            pass

    etl()
    assert threading.get_ident() not in things.threads
    assert len(things.threads) == 1


def test_a_task_on_the_thread_of_its_resource():
    threads = []

    @resource
    def bound_to_a_thread():
        threads.append(threading.get_ident())
        yield "thing"

    @task(thread="setup")
    def where(_=None):
        return threading.get_ident()

    @flow
    def etl():
        with bound_to_a_thread() as thing:
            return where(thing), where.submit(thing), where.run()

    here = threading.get_ident()
    assert etl() == (*threads, *threads, here)


def test_blocks_in_a_loop_keep_no_threads(things):
    thing, counts = things.manager(), []

    @flow
    def etl():
        for number in range(20):
            with thing(number):
                counts.append(threading.active_count())
                until(lambda: threading.active_count() <= counts[0] + 2)  # some are just ending

    etl()
    assert len(counts) == 20


def test_every_form_of_a_resource(things):
    @resource
    def generator():
        things.note("set up")
        yield "generated"
        things.note("clean up")

    @contextlib.contextmanager
    def manager():
        yield "managed"
        things.note("exited")

    @flow
    def etl():
        found = []
        with generator() as one:
            found.append(one)
        with resource(generator)() as one:
            found.append(one)
        with resource(generator()) as one:
            found.append(one)
        with resource(manager()) as one:
            found.append(one)
        with resource(manager)() as one:
            found.append(one)
        with manager() as one:
            found.append(one)
        return found

    assert etl() == [*["generated"] * 3, *["managed"] * 3]
    assert len(etl.scopes) == 5, "a plain context manager gets no lease"
    assert things.story == [*["set up", "clean up"] * 3, *["exited"] * 3]


def test_a_clean_up_waits_for_what_was_submitted_inside(things):
    let_go = threading.Event()
    thing = things.manager()

    @task
    def slow(name):
        let_go.wait(PATIENCE)
        things.note("used", name)

    @task
    def open_the_gate():
        let_go.set()

    @flow
    def etl():
        with thing("a") as a:
            slow.submit(a)
            slow.submit(use.submit(a))
            open_the_gate.submit()
        things.note("after")

    etl()
    assert sorted(things.story[2:4]) == ["used ['a']", "used a"]
    assert things.story[4:] == ["cleanup a", "after"]


def test_the_functions_exception_passes_through(things):
    thing = things.manager()

    @flow
    def etl():
        with thing("a") as a:
            fail(a)

    with pytest.raises(ValueError, match="no"):
        etl()
    assert things.story[-1] == "cleanup a"


def test_what_has_not_begun_when_a_block_raises_is_given_up(things):
    thing, let_go = things.manager(), threading.Event()

    def told(_task, _old, new):
        if new.is_cancelled():
            let_go.set()

    given_up = use.copy(state_handlers=[told])

    @task
    def wait():
        assert let_go.wait(PATIENCE)

    @flow
    def etl():
        with thing("a") as a:
            first = wait.submit()
            later = given_up.submit(a, wait_for=[first])
            assert later.state.is_pending()
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        etl()
    assert {one.name: one.state.name for one in etl.get_tasks("use")} == {"use": "Cancelled"}
    assert things.story[-1] == "cleanup a"


def test_a_set_up_that_fails():
    made = []

    @resource_manager(setup_task_kwargs={"max_retries": 1})
    class Flaky:
        def __init__(self, fails):
            self.fails = fails

        def setup(self):
            made.append("try")
            if len(made) <= self.fails:
                raise OSError("not today")
            return "thing"

        def cleanup(self, resource):
            made.append(f"cleanup {resource}")

    @flow
    def etl(fails):
        with Flaky(fails) as thing:
            return use(thing)

    assert etl(1) == ["thing"]
    assert made == ["try", "try", "cleanup thing"]
    made.clear()
    with pytest.raises(OSError, match="not today"):
        etl(5)
    assert made == ["try", "try"]
    assert etl.get_tasks("use") == []


def test_an_init_that_fails():
    @resource_manager
    class Broken:
        def __init__(self):
            raise KeyError("init")

        def cleanup(self, resource):
            raise AssertionError

    @flow
    def etl():
        with Broken():
            pass

    with pytest.raises(KeyError, match="init"):
        etl()


def test_a_clean_up_that_fails_does_not_fail_the_function():
    @resource_manager
    class Sticky:
        def cleanup(self, resource):
            if self.lease.state != "failed" and not tries:
                tries.append(1)
                raise OSError("stuck")

    tries = []

    @flow
    def etl():
        with Sticky():
            use(1)
        return "done"

    assert etl() == "done"
    assert etl.state.message == "but task 'Sticky.cleanup': OSError: stuck"
    (lease,) = KEEPER.alive()
    assert lease.state == "failed"
    lease.close()


def test_lifetimes(things):
    of_flow = things.manager(lifetime="flow")
    of_kernel = things.manager(lifetime="kernel")

    @flow
    def etl():
        with of_kernel("k") as k:
            use(k)
        with things.manager()("outer") as outer:
            with of_flow("f") as f:
                use(f)
            use(outer)
        things.note("end")

    etl()
    etl()
    assert things.story == [
        "init k", "setup k", "init outer", "setup outer", "init f", "setup f", "end",
        "cleanup f", "cleanup outer",
        "init outer", "setup outer", "init f", "setup f", "end", "cleanup f", "cleanup outer",
    ]  # fmt: skip
    assert [lease.name for lease in KEEPER.alive()] == ["kernel/Thing"]
    KEEPER.close_all()


@pytest.mark.parametrize("raises", [True, False])
def test_clean_up_upon_an_outcome(things, raises):
    thing = things.manager(on="success")

    @flow
    def etl():
        with thing("a"):
            if raises:
                raise ValueError

    with contextlib.suppress(ValueError):
        etl()
    assert ("cleanup a" in things.story) is not raises
    KEEPER.close_all()


def test_a_lease_that_is_taken_away(things):
    thing = things.manager()

    @flow
    def etl():
        with thing("a") as a:
            use(a)
            (lease,) = KEEPER.alive()
            lease.retired, lease.reason = True, "past its age limit"
            KEEPER.on_message._given_up(lease, lease.reason)
            things.await_note("cleanup a")
            with pytest.raises(LeaseLost, match="'Thing' was taken away: past its age limit"):
                use(a)
        things.note("after")

    etl()
    assert things.story == ["init a", "setup a", "cleanup a", "after"]


def test_a_lease_that_is_taken_away_from_a_running_task(things):
    thing, begun = things.manager(), threading.Event()

    @task
    def spin(_):
        begun.set()
        while True:
            pass

    def take_away():
        assert begun.wait(PATIENCE)
        (lease,) = KEEPER.alive()
        KEEPER.on_message._given_up(lease, "past its age limit")

    @flow
    def etl():
        with thing("a") as a:
            with pytest.raises(
                RunError, match="task 'spin' was cancelled: resource 'etl/Thing' is gone"
            ):
                spin(a)
            things.await_note("cleanup a")
        return "went on"

    thread = threading.Thread(target=take_away)
    thread.start()
    assert etl() == "went on"
    thread.join()


def test_async_blocks(things):
    thing = things.manager()

    @flow
    async def etl():
        async with thing("a") as a, thing("b"):
            await asyncio.sleep(0)
            return use(a)

    assert asyncio.run(etl()) == ["a"]
    assert things.story[-2:] == ["cleanup b", "cleanup a"]


def test_blocks_side_by_side(things):
    thing = things.manager()

    async def one(name):
        async with thing(name) as it:
            await asyncio.sleep(0)
            return use(it)

    @flow
    async def etl():
        return await asyncio.gather(one("a"), one("b"))

    assert asyncio.run(etl()) == [["a"], ["b"]]
    insides = [[task.name for task in scope.members] for scope in etl.scopes]
    assert insides == [["use"], ["use"]]


def test_a_block_that_nobody_leaves(things):
    thing = things.manager()

    @flow
    def careless():
        thing("a").__enter__()
        return thing("b").__enter__()

    assert careless() == "b"
    assert things.story[-2:] == ["cleanup b", "cleanup a"]


def test_what_is_refused(things):
    thing = things.manager()

    @flow
    def twice():
        block = thing("a")
        with block:
            pass
        with block:
            pass

    with pytest.raises(RunError, match="resource 'Thing' was entered twice"):
        twice()

    @flow
    def future():
        with thing(use.submit(1)):
            pass

    with pytest.raises(OptionError, match="a future is no argument of a resource"):
        future()


# ---- any nesting of blocks, calls, submits and exceptions

steps = st.deferred(
    lambda: st.lists(
        st.one_of(
            st.sampled_from(["call", "submit", "submit failing", "catch", "raise", "cancel"]),
            st.tuples(st.sampled_from(["block", "flow", "late"]), steps),
        ),
        max_size=4,
    )
)


class RaisedInsideError(Exception):
    pass


@settings(max_examples=150)
@given(steps)
def test_what_was_set_up_is_cleaned_up_once_last_in_first_out(program):
    things = Things()
    thing = things.manager()
    late = things.manager(lifetime="flow")
    numbers = iter(range(1000))

    def carry_out(one, run_of, around):
        for step in one:
            if step == "call":
                use(around)
            elif step == "submit":
                use.submit(around)
            elif step == "submit failing":
                fail.submit(around)
            elif step == "catch":
                with pytest.raises(ValueError, match="no"):
                    fail(around)
            elif step == "raise":
                raise RaisedInsideError
            elif step == "cancel":
                raise TaskCancelled
            elif step[0] == "flow":

                @flow
                def nested(inner=step[1]):
                    carry_out(inner, None, None)

                nested()
            else:
                manager = late if step[0] == "late" else thing
                with manager(next(numbers)) as held:
                    carry_out(step[1], run_of, held)

    @flow
    def main():
        carry_out(program, None, None)

    with contextlib.suppress(RaisedInsideError, TaskCancelled):
        main()
    opened = []
    for line in things.story:
        what, name = line.split()
        if what == "setup":
            opened.append(name)
        elif what == "cleanup":
            assert opened.pop() == name
    assert opened == []
    cleaned = [line for line in things.story if line.startswith("cleanup")]
    assert len(cleaned) == len(set(cleaned))
    assert KEEPER.alive() == ()
    main.validate()
