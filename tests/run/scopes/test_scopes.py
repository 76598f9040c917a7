"""Scopes in runs: every form of a manager, half-made things, and every option."""

import asyncio
import contextlib
import threading
from contextlib import asynccontextmanager, contextmanager, suppress

import pytest

from resnb import Flow, LocalExecutor, resource, resource_manager, signals, states, task
from resnb.errors import NoValueError
from resnb.events import EVENTS, LeaseChanged
from resnb.ledger.kernel.keeper import KEEPER
from resnb.run.engine.cancellation import GRACE
from tests.run.parts import PATIENCE, Stubborn, ended, names, started, use

# ---- forms


def forms(story):
    class Plain:
        def __init__(self):
            story.append("init")

        def setup(self):
            story.append("setup")
            return "thing"

        def cleanup(self, resource):
            story.append(f"cleanup {resource}")

    def generator():
        story.append("setup")
        yield "thing"
        story.append("cleanup thing")

    async def async_generator():
        story.append("setup")
        yield "thing"
        await asyncio.sleep(0)
        story.append("cleanup thing")

    class Entered:
        def __enter__(self):
            story.append("setup")
            return "thing"

        def __exit__(self, *_):
            story.append("cleanup thing")

    class EnteredLater:
        async def __aenter__(self):
            await asyncio.sleep(0)
            story.append("setup")
            return "thing"

        async def __aexit__(self, *_):
            story.append("cleanup thing")

    class Coroutines:
        async def setup(self):
            await asyncio.sleep(0)
            story.append("setup")
            return "thing"

        async def ready(self, resource):
            return resource == "thing"

        async def cleanup(self, resource):
            story.append(f"cleanup {resource}")

    return {
        "class": resource_manager(Plain),
        "generator": resource(generator),
        "async generator": resource(async_generator),
        "contextmanager": resource(contextmanager(generator)),
        "asynccontextmanager": resource(asynccontextmanager(async_generator)),
        "context manager class": resource(Entered),
        "async context manager class": resource(EnteredLater),
        "coroutines": resource_manager(Coroutines),
    }


@pytest.mark.parametrize("executor", [None, LocalExecutor()])
@pytest.mark.parametrize("form", forms([]))
def test_every_form_is_set_up_used_and_cleaned_up_once(form, executor):
    story = []
    manager = forms(story)[form]
    with Flow("f") as flow, manager() as thing:
        task(lambda value: story.append(f"use {value}"), name="use")(thing)
    for _ in range(2):
        story.clear()
        assert flow.run(executor=executor).is_successful()
        assert [one for one in story if one != "init"] == ["setup", "use thing", "cleanup thing"]


def test_a_context_manager_object_is_used_at_once():
    story = []

    class Entered:
        def __enter__(self):
            return "thing"

        def __exit__(self, *_):
            story.append("exit")

    with Flow("f") as flow, resource(Entered()) as thing:
        value = use(thing)
    assert flow.run().result[value].result == ("thing",)
    assert story == ["exit"]


def test_an_async_set_up_that_is_told_to_stop_tidies_up_itself(clock):
    began, story = threading.Event(), []

    @resource(setup_task_kwargs={"timeout": 5})
    async def slow():
        began.set()
        try:
            await asyncio.get_running_loop().create_future()
            yield "thing"
        finally:
            story.append("tidied")

    with Flow("f") as flow, slow() as thing:
        use(thing)
    run = started(flow, clock)
    began.wait(PATIENCE)
    clock.await_timer(5)
    clock.advance(5)
    state = ended(run)
    assert names(state)["slow.setup"] == "TimedOut"
    assert story == ["tidied"]


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, ValueError])
def test_an_async_set_up_that_leaves_takes_no_loop_along(error):
    @resource_manager
    class Leaves:
        async def setup(self):
            raise error

        async def cleanup(self, resource):
            raise AssertionError

    @task
    async def goes_on():
        await asyncio.sleep(0)
        return "value"

    with Flow("f") as flow:
        with Leaves():
            use(1)
        value = goes_on()
    state = flow.run()
    assert state.result[value].result == "value"
    assert names(state)["Leaves.cleanup"] == "Skipped"


def test_a_coroutine_of_the_users_that_ends_the_loop_does_not():
    @task
    async def stops():
        asyncio.get_running_loop().stop()

    @task
    async def after(_):
        await asyncio.sleep(0)
        return "value"

    with Flow("f") as flow:
        value = after(stops())
    assert flow.run().result[value].result == "value"


# ---- what is half made


@pytest.mark.parametrize(
    ("recorded", "attaches", "finds", "expected"),
    [
        (None, False, None, []),
        (None, False, "found", ["cleanup found"]),
        ("handle", False, "found", ["cleanup handle"]),
        ("handle", True, "found", ["attach handle", "cleanup attached"]),
        (None, True, None, []),
    ],
)
def test_a_set_up_that_raised(things, recorded, attaches, finds, expected):
    class Raising:
        def setup(self):
            if recorded:
                self.lease.record(recorded)
            raise ValueError("no")

        def find(self, lease_id):
            assert lease_id == self.lease.id
            return finds

        def cleanup(self, resource):
            things.note("cleanup", resource)

    if attaches:

        def attach(_, handle):
            things.note("attach", handle)
            return "attached"

        Raising.attach = attach
    with Flow("f") as flow, resource_manager(Raising)() as thing:
        use(thing)
    state = flow.run()
    assert names(state) == {
        "Raising": "Success",
        "Raising.setup": "Failed",
        "use": "TriggerFailed",
        "Raising.cleanup": "Skipped",
    }
    assert state.message == "flow 'f' failed: task 'Raising.setup': ValueError: no"
    assert things.story == expected


@pytest.mark.parametrize("error", [OSError("lost"), SystemExit(1)])
@pytest.mark.parametrize("where", ["find", "cleanup"])
def test_a_half_made_thing_that_cannot_be_put_away_stays_listed(where, error):
    broken = [True]

    @resource_manager
    class Raising:
        def setup(self):
            raise ValueError("no")

        def find(self, lease_id):
            if where == "find" and broken:
                raise error
            return "thing"

        def cleanup(self, resource):
            if where == "cleanup" and broken:
                raise error

    with Flow("f") as flow, Raising() as thing:
        use(thing)
    state = flow.run()
    assert "ValueError: no" in state.message
    [left] = KEEPER.alive()
    assert left.state == "failed"
    assert left.reason.startswith("half made, and not ")
    broken.clear()
    assert KEEPER.close([left]) == []


@pytest.mark.parametrize("cleanup_fails", [False, True])
def test_a_resource_that_does_not_become_ready_is_cleaned_up(things, cleanup_fails):
    failing = [cleanup_fails]

    @resource_manager
    class Unready:
        def setup(self):
            return "thing"

        def ready(self, resource):
            raise ConnectionError("gone")

        def cleanup(self, resource):
            things.note("cleanup", resource)
            if failing[0]:
                raise OSError

    with Flow("f") as flow, Unready() as thing:
        use(thing)
    state = flow.run()
    assert "ConnectionError: gone" in state.message
    assert things.story == ["cleanup thing"]
    failing[0] = False
    assert KEEPER.close(KEEPER.alive()) == []


def test_a_resource_is_waited_for_until_it_is_ready(things, monkeypatch):
    pauses, answers = [], iter([False, 0, None, True])
    monkeypatch.setattr(KEEPER, "pause", pauses.append)

    @resource_manager
    class Slow:
        def ready(self, resource):
            return next(answers)

        def cleanup(self, resource):
            things.note("cleanup")

    with Flow("f") as flow, Slow() as thing:
        use(thing)
    assert flow.run().is_successful()
    assert pauses == [0.05, 0.1, 0.2]
    assert things.story == ["cleanup"]


@pytest.mark.parametrize("limit", [None, 600.0])
def test_a_resource_that_is_never_ready_is_given_up_in_time(things, monkeypatch, limit):
    now = [0.0]
    monkeypatch.setattr(KEEPER, "now", lambda: now[0])
    monkeypatch.setattr(KEEPER, "pause", lambda seconds: now.__setitem__(0, now[0] + seconds))

    @resource_manager
    class Never:
        def ready(self, resource):
            return False

        def cleanup(self, resource):
            things.note("cleanup")

    if limit is not None:
        Never.definition.ready_timeout = limit
    with Flow("f") as flow, Never() as thing:
        use(thing)
    assert f"was not ready within {limit or 60:g} s" in flow.run().message
    assert (limit or 60) <= now[0] < (limit or 60) + 1
    assert things.story == ["cleanup"]


def test_an_init_that_raises_leaves_nothing_to_set_up(things):
    @resource_manager
    class Raising:
        def __init__(self):
            raise ValueError

        def setup(self):
            things.note("setup")

        def cleanup(self, resource):
            things.note("cleanup")

    with Flow("f") as flow, Raising() as thing:
        use(thing)
    assert names(flow.run()) == {
        "Raising": "Failed",
        "Raising.setup": "TriggerFailed",
        "use": "TriggerFailed",
        "Raising.cleanup": "Skipped",
    }
    assert things.story == []


@pytest.mark.parametrize("chosen", ["raise", states.Failed("no"), states.Skipped("no")])
def test_a_state_handler_that_overrules_a_set_up_takes_the_resource_along(things, chosen):
    def overrules(_task, _old, new):
        if new.is_successful():
            if chosen == "raise":
                raise ValueError("no")
            return chosen
        return None

    thing = things.manager(setup_task_kwargs={"state_handlers": [overrules]})
    with Flow("f") as flow, thing("x") as x:
        use(x)
    state = flow.run()
    assert names(state)["Thing.cleanup"] == "Skipped"
    assert things.story == ["init x", "setup x", "cleanup x"]


def test_a_set_up_that_raises_a_signal_of_success_is_no_reason_to_leak(things):
    @resource_manager
    class Signals:
        def setup(self):
            self.lease.record("thing")
            raise signals.SKIP("not needed")

        def cleanup(self, resource):
            things.note("cleanup", resource)

    with Flow("f") as flow, Signals() as thing:
        use(thing)
    assert names(flow.run())["use"] == "Skipped"
    assert things.story == ["cleanup thing"]


def test_a_listener_that_raises_keeps_no_resource_from_being_cleaned_up(things):
    def raises(event):
        assert not isinstance(event, LeaseChanged)

    stop = EVENTS.listen(raises)
    try:
        with Flow("f") as flow, things.manager()("x") as x:
            use(x)
        assert flow.run().is_successful()
    finally:
        stop()
    assert things.story == ["init x", "setup x", "cleanup x"]


def test_a_class_with_slots_does_without_its_lease(things):
    @resource_manager
    class Slotted:
        __slots__ = ()

        def cleanup(self, resource):
            things.note("cleanup")

    with Flow("f") as flow, Slotted():
        use(1)
    assert flow.run().is_successful()
    assert things.story == ["cleanup"]


# ---- clean-up


def test_a_failed_clean_up_does_not_fail_the_flow_and_stays_listed():
    failing = [True]

    @resource_manager
    class Sticky:
        def cleanup(self, resource):
            if failing:
                raise OSError("stuck")

    with Flow("f") as flow, Sticky():
        use(1)
    state = flow.run()
    assert state.is_successful()
    assert state.message == "but task 'Sticky.cleanup': OSError: stuck"
    [left] = KEEPER.alive()
    assert (left.name, left.state, left.reason) == ("f/Sticky", "failed", "OSError: stuck")
    failing.clear()
    assert KEEPER.close([left]) == []


def test_cleanup_retries():
    tries = []

    @resource_manager(cleanup_retries=2, cleanup_task_kwargs={"retry_delay": 0})
    class Sticky:
        def cleanup(self, resource):
            tries.append(1)
            if len(tries) < 3:
                raise OSError("stuck")

    with Flow("f") as flow, Sticky():
        use(1)
    assert names(flow.run())["Sticky.cleanup"] == "Success"
    assert len(tries) == 3


def test_scopes_close_from_the_inside_out_and_as_soon_as_their_last_task_has_ended(things):
    thing, after = things.manager(), threading.Event()

    @task
    def waits():
        assert after.wait(PATIENCE)

    with Flow("f") as flow:
        with thing("outer") as outer, thing("inner") as inner:
            use(outer, inner)
        waits()
    run = started(flow)
    things.await_note("cleanup outer")
    after.set()
    assert ended(run).is_successful()
    assert things.story[-2:] == ["cleanup inner", "cleanup outer"]


def test_the_three_steps_of_a_scope_share_a_thread_which_is_not_the_main_one(things):
    threads = []
    on_it = task(lambda: threads.append(threading.get_ident()), name="on_it", thread="setup")
    with Flow("f") as flow, things.manager()("x"):
        on_it()
    assert flow.run(executor=LocalExecutor()).is_successful()
    assert things.threads == set(threads)
    assert threading.get_ident() not in things.threads


def test_mapped_tasks_in_a_scope_end_before_it_is_cleaned_up(things):
    each = task(lambda number, _: things.note("item", number) or 1 / number, name="each")
    with Flow("f") as flow, things.manager()("x") as x:
        from resnb import unmapped

        each.map([2, 1, 0], unmapped(x))
    state = flow.run()
    assert state.is_failed()
    assert sorted(things.story[2:-1]) == ["item 0", "item 1", "item 2"]
    assert things.story[-1] == "cleanup x"


# ---- on=


@pytest.mark.parametrize("fails", ["no", "task", "child", "inner"])
@pytest.mark.parametrize("on", ["success", "failure", "always"])
def test_on(things, on, fails):
    def may_fail(kind):
        if fails == kind:
            raise ValueError

    with Flow("f") as flow, things.manager(on=on)("x"):
        task(may_fail, name="plain")("task")
        task(may_fail, name="each").map(["other", "child"])
        with things.manager()("y"):
            task(may_fail, name="nested")("inner")
    assert flow.run().is_failed() == (fails != "no")
    expected = on == "always" or (on == "success") == (fails == "no")
    assert ("cleanup x" in things.story) == expected
    assert "cleanup y" in things.story
    assert [lease.name for lease in KEEPER.alive()] == ([] if expected else ["f/Thing"])
    KEEPER.close(KEEPER.alive())


# ---- lifetime=


def test_lifetime_flow_is_cleaned_up_after_everything_else(things):
    with Flow("f") as flow:
        with things.manager(lifetime="flow")("first") as first:
            one = use(first)
        with things.manager(lifetime="flow")("second"):
            use(1)
        task(lambda _: things.note("after"), name="after")(one)
    assert flow.run().is_successful()
    *before, last_but_one, last = things.story
    assert (last_but_one, last) == ("cleanup second", "cleanup first")
    assert {"after", "setup first", "setup second"} <= set(before)


def close_all():
    return KEEPER.close(KEEPER.alive(), budget=PATIENCE)


def test_lifetime_kernel_is_set_up_once_for_all_flows_with_the_same_arguments(things):
    shared = things.manager(lifetime="kernel")
    flows = []
    for number, name in enumerate(["a", "a", "b"]):
        with Flow(f"f{number}") as flow, shared(name) as thing:
            use(thing)
        flows.append(flow)
    for flow in [*flows, *flows]:
        state = flow.run()
        assert state.is_successful()
        assert names(state)["Thing.cleanup"] == "Skipped"
    assert things.story == ["init a", "setup a", "init b", "setup b"]
    assert [lease.in_use for lease in KEEPER.alive()] == [False, False]
    assert close_all() == []
    assert sorted(things.story[-2:]) == ["cleanup a", "cleanup b"]
    things.story.clear()
    assert flows[0].run().is_successful()
    assert things.story == ["init a", "setup a"]
    close_all()


def test_two_scopes_of_one_run_share_one_kernel_wide_resource():
    story, both = [], threading.Barrier(2, timeout=PATIENCE)

    @resource_manager(lifetime="kernel")
    class Shared:
        def __init__(self):
            story.append("init")

        def setup(self):
            story.append("setup")
            return "thing"

        def cleanup(self, resource):
            story.append("cleanup")

    @task
    def meets(_):
        both.wait()  # both scopes are open at the same time

    with Flow("f") as flow:
        for _ in range(2):
            with Shared() as thing:
                meets(thing)
    for _ in range(20):
        assert flow.run().is_successful()
        assert story == ["init", "setup"]
        [lease] = KEEPER.alive()
        assert not lease.in_use
        close_all()
        story.clear()


def test_a_kernel_wide_set_up_that_failed_is_tried_again(things):
    failing = [True, True]

    @resource_manager(lifetime="kernel", setup_task_kwargs={"max_retries": 1, "retry_delay": 0})
    class Flaky:
        def setup(self):
            things.note("setup")
            if failing and failing.pop():
                raise ValueError("no")
            return "thing"

        def cleanup(self, resource):
            things.note("cleanup", resource)

    with Flow("f") as flow, Flaky() as thing:
        use(thing)
    assert "ValueError: no" in flow.run().message
    assert flow.run().is_successful()
    assert flow.run().is_successful()
    assert things.story == ["setup", "setup", "setup"]
    close_all()
    assert things.story[-1] == "cleanup thing"


def test_a_kernel_wide_init_that_failed_is_tried_again(things):
    failing = [True]

    @resource_manager(lifetime="kernel")
    class Flaky:
        def __init__(self):
            if failing and failing.pop():
                raise ValueError

        def cleanup(self, resource):
            things.note("cleanup")

    with Flow("f") as flow, Flaky() as thing:
        use(thing)
    assert flow.run().is_failed()
    assert flow.run().is_successful()
    close_all()
    assert things.story == ["cleanup"]


def test_a_kernel_wide_set_up_that_hangs_does_not_block_the_next_run(clock):
    stubborn, tries = Stubborn(), []

    @resource_manager(lifetime="kernel")
    class Slow:
        def setup(self):
            tries.append(1)
            if len(tries) == 1:
                with suppress(BaseException):
                    stubborn()
            return len(tries)

        def cleanup(self, resource):
            pass

    with Flow("f") as flow, Slow() as thing:
        value = use(thing)
    run = started(flow, clock)
    stubborn.await_beginning()
    run.cancel()
    clock.await_timer(GRACE)
    clock.advance(GRACE)
    assert ended(run).is_cancelled()
    assert flow.run().result[value].result == (2,)
    stubborn.let_go.set()
    stubborn.done.wait(PATIENCE)
    close_all()


def test_a_cancelled_run_uses_a_kernel_wide_resource_no_longer(things):
    shared = things.manager(lifetime="kernel")
    stubborn = Stubborn()
    with Flow("f") as flow, shared("x") as thing:
        task(lambda _: stubborn(), name="waits")(thing)
    run = started(flow)
    stubborn.await_beginning()
    [lease] = KEEPER.alive()
    assert lease.in_use
    run.cancel()
    stubborn.let_go.set()
    assert ended(run).is_cancelled()
    assert not lease.in_use
    close_all()


def test_a_state_handler_that_overrules_a_kernel_wide_set_up_leaves_it_unused(things):
    def overrules(_task, _old, new):
        return states.Failed("no") if new.is_successful() else None

    shared = things.manager(lifetime="kernel", setup_task_kwargs={"state_handlers": [overrules]})
    with Flow("f") as flow, shared("x") as thing:
        use(thing)
    assert flow.run().is_failed()
    [lease] = KEEPER.alive()
    assert not lease.in_use
    close_all()


def test_what_is_retired_while_it_is_in_use_closes_with_its_last_user(things):
    shared = things.manager(lifetime="kernel")
    recipe = shared.resource_class
    left = []
    with Flow("f") as flow, shared("x") as thing:
        task(lambda _: left.append(KEEPER.retire(recipe)), name="replaces")(thing)
    state = flow.run()
    assert names(state)["Thing.cleanup"] == "Success"
    assert left == [[]]
    assert things.story == ["init x", "setup x", "cleanup x"]


def test_what_is_retired_while_nobody_uses_it_closes_at_once(things):
    shared = things.manager(lifetime="kernel")
    with Flow("f") as flow, shared("x") as thing:
        use(thing)
    flow.run()
    assert KEEPER.retire(shared.resource_class) == []
    assert things.story[-1] == "cleanup x"


def test_the_clean_up_of_what_is_retired_is_tried_again_and_counted_once(things):
    tries = []

    @resource_manager(lifetime="kernel", cleanup_retries=1, cleanup_task_kwargs={"retry_delay": 0})
    class Sticky:
        def cleanup(self, resource):
            tries.append(1)
            if len(tries) == 1:
                raise OSError

    with Flow("f") as flow, Sticky() as thing:
        task(lambda _: KEEPER.retire(Sticky.resource_class), name="replaces")(thing)
    assert names(flow.run())["Sticky.cleanup"] == "Success"
    assert len(tries) == 2


# ---- given states, and what closes a lease from outside


def test_a_scope_whose_set_up_was_given_has_nothing_to_clean_up(things):
    with Flow("f") as flow, things.manager()("x") as x:
        value = use(x)
    state = flow.run(task_states={x: states.Cached("", "mine")})
    assert state.result[value].result == ("mine",)
    assert names(state)["Thing.cleanup"] == "Skipped"
    assert things.story == ["init x"]


@pytest.mark.parametrize("lifetime", ["block", "kernel"])
def test_a_scope_whose_manager_was_given(things, lifetime):
    manager = things.manager(lifetime=lifetime)
    with Flow("f") as flow, manager("x") as x:
        use(x)
    init = next(one for one in flow.tasks if one.kind == "init")
    given = {init: states.Success("", manager.resource_class("y"))}
    assert flow.run(task_states=given).is_successful()
    assert things.story[:2] == ["init y", "setup y"]
    close_all()
    assert things.story == ["init y", "setup y", "cleanup y"]


def test_a_lease_that_is_closed_from_outside_during_a_run_is_closed_once(things):
    with Flow("f") as flow, things.manager()("x") as x:
        task(lambda _: KEEPER.close(KEEPER.alive()), name="closes")(x)
    for _ in range(20):
        things.story.clear()
        assert flow.run().is_successful()
        assert things.story == ["init x", "setup x", "cleanup x"]


def test_the_kernel_ends_during_a_run(things):
    stubborn = Stubborn()
    thing = things.manager()
    with Flow("f") as flow, thing("outer"), thing("inner"):
        task(stubborn, name="hangs")()
    run = started(flow)
    stubborn.await_beginning()
    assert KEEPER.close_all(budget=PATIENCE) == []
    assert things.story[-2:] == ["cleanup inner", "cleanup outer"]
    assert ended(run).is_cancelled()
    stubborn.let_go.set()


def test_the_kernel_ends_during_a_set_up(things):
    began, go_on = threading.Event(), threading.Event()

    @resource_manager
    class Slow:
        def setup(self):
            began.set()
            with suppress(BaseException):
                go_on.wait()
            return "thing"

        def cleanup(self, resource):
            things.note("cleanup", resource)

    with Flow("f") as flow, Slow() as thing:
        use(thing)
    run = started(flow)
    began.wait(PATIENCE)
    ending = threading.Thread(target=KEEPER.close_all, args=(PATIENCE,))
    ending.start()
    assert ended(run).is_cancelled()
    go_on.set()
    ending.join()
    assert things.story == ["cleanup thing"]


def test_the_kernel_ends_before_a_scope_is_set_up(things):
    stubborn = Stubborn()
    with Flow("f") as flow:
        first = task(stubborn, name="hangs")()
        with things.manager()("x") as x:
            use(x, first)
    flow.chain(first, x)
    run = started(flow)
    stubborn.await_beginning()
    assert KEEPER.close_all(budget=PATIENCE) == []
    stubborn.let_go.set()
    assert ended(run).is_cancelled()
    assert "setup x" not in things.story


def test_the_value_of_a_handle_is_there_while_the_lease_is_open(things):
    seen = []
    with Flow("f") as flow, things.manager()("x") as x:
        task(lambda: seen.append(x.value), name="looks")()
    assert flow.run().is_successful()
    assert seen == ["x"]
    with pytest.raises(NoValueError, match="is closed"):
        _ = x.value


def test_several_uses_of_one_manager_have_names_of_their_own(things):
    thing = things.manager()
    seen = []
    with Flow("f") as flow, contextlib.ExitStack() as stack:
        for name in "abc":
            stack.enter_context(thing(name))
        task(lambda: seen.extend(one.name for one in KEEPER.alive()), name="looks")()
    assert flow.run().is_successful()
    assert sorted(seen) == ["f/Thing", "f/Thing-2", "f/Thing-3"]
