"""A cancel at each moment of a try's life on a cluster: nothing begins after the clean-up.

What the moments are, and who ends a try in each, is the table in `resnb.dask.cancellation`.
"""

import asyncio
import threading
from datetime import timedelta

import pytest

from resnb import triggers
from resnb.dask import cluster_loss
from resnb.dask.cancellation import Cancellations
from resnb.signals import TRIGGERFAIL
from tests.dask.cases import PLAIN, SCRIPTS, fails, no_op
from tests.run.parts import PATIENCE, run_in_circles


@pytest.fixture
def things(case):
    return case.things


def test_before_it_is_sent(case, client):
    def cancels(_task, _old, new):
        if new.is_running():
            case.cancel()

    held = threading.Event()

    def waits(_task, _old, new):
        if new.is_running():
            assert held.wait(PATIENCE)
            case.cancel()

    case.begin(a=((), {"state_handlers": [waits]}), b=((), {"state_handlers": [cancels]}), c=PLAIN)
    held.set()
    case.ended(a="Cancelled", b="Cancelled", c="Cancelled")
    assert client.tries("a") == client.tries("b") == client.tries("c") == 0


def test_on_its_way_to_a_worker(case, client):
    client.hold("run")
    case.begin(a=PLAIN)
    client.await_sent("a")
    case.cancel()
    client.await_asked("run")
    assert case.is_open()
    client.let_go("run")
    case.ended(a="Cancelled")


def test_it_begins_just_before_the_workers_hear_of_the_cancel(case, client):
    client.hold("run")
    client.hold("register")
    case.begin(a=PLAIN)
    client.await_sent("a")
    case.cancel()
    client.await_asked("run")
    future = client.perform("a")
    client.let_go("register")
    client.let_go("run")
    assert case.is_open()
    future.tell("finished")
    case.ended(a="Success")


def test_it_comes_back_undone_before_the_workers_answer_is_there(case, client):
    client.hold("run")
    case.begin(a=PLAIN)
    client.await_sent("a")
    case.cancel()
    client.await_asked("register")
    client.loop.sync(no_op)
    client.perform("a").tell("finished")  # forbidden already
    client.let_go("run")
    case.ended(a="Cancelled")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_worker_comes_while_the_others_are_told(case, client, when):
    client.hold("register")
    case.begin(a=PLAIN)
    client.await_sent("a")
    case.cancel()
    client.await_asked("register")
    if when == "before":  # and begins at once
        client.add_worker()
        future = client.perform("a", on=2)
    client.let_go("register")
    if when == "before":
        client.await_asked("run")
        client.loop.sync(no_op)
        assert case.is_open()
        future.tell("finished")
        case.ended(a="Success")
    else:
        case.run.wait(PATIENCE)
        client.add_worker()
        case.ended(a="Cancelled")


def test_one_that_runs_is_interrupted(case, client, things):
    SCRIPTS["a"] = run_in_circles
    case.begin(a=PLAIN, b=(("a",), {}))
    client.await_sent("b")
    found = []
    thread = threading.Thread(target=lambda: found.append(client.perform("a")))
    thread.start()
    things.await_note("begin a")
    case.cancel()
    thread.join(PATIENCE)
    assert case.is_open()
    found[0].tell("finished")
    SCRIPTS.clear()
    case.ended(a="Cancelled", b="Cancelled")


def test_its_end_is_on_the_wire(case, client):
    case.begin(a=((), {"max_retries": 2}), b=((), {"max_retries": 2}))
    SCRIPTS["b"] = fails
    client.await_sent("b")
    ends = [client.perform("a"), client.perform("b")]
    case.cancel()
    client.await_asked("run")
    client.await_asked("run")
    for future in ends:
        future.tell("finished")
    case.ended(a="Success", b="Failed")
    assert client.tries("b") == 1


def test_what_it_raised_is_being_fetched(case, client):
    client.hold("gather")
    SCRIPTS["a"] = fails
    case.begin(a=((), {"max_retries": 2}))
    client.await_sent("a")
    client.perform("a").tell("finished")
    client.await_asked("gather")
    case.cancel()
    client.await_asked("run")
    assert case.is_open()
    client.let_go("gather")
    case.ended(a="Failed")
    assert client.tries("a") == 1


@pytest.mark.parametrize("items", [0, 2])
def test_it_gets_its_children_just_when_a_cancel_begins(case, client, items):
    SCRIPTS["a"] = lambda: ["m"] * items
    case.begin(
        a=PLAIN, b=((), {"over": "a"}), c=PLAIN, d=(("c",), {"trigger": triggers.all_finished})
    )
    client.await_sent("a", "c")
    client.hold("gather")
    client.perform("a").tell("finished")
    client.await_asked("gather")  # of how many items there are
    client.hold("get")
    client.perform("c").tell("finished")
    client.await_asked("get")  # of d; meanwhile, the answer comes
    client.let_go("gather")
    client.loop.sync(no_op)
    case.cancel()
    client.let_go("get")
    state = case.ended(a="Success", b="Mapped", c="Success", d="Cancelled")
    found = state.result[case.handles["b"]]
    assert [one.name for one in found.map_states] == ["Cancelled"] * items
    assert found.result == [None] * items


def test_one_that_is_refused_just_when_a_cancel_begins_ends_once(case, client):
    held, told = threading.Event(), []

    def waits(_task, _old, new):
        if new.is_running():
            assert held.wait(PATIENCE)
            case.cancel()

    def tells(_task, _old, new):
        told.append(new.name)

    case.begin(
        a=((), {"state_handlers": [waits]}),
        b=((), {"state_handlers": [tells], "trigger": lambda _upstream: False}),
    )
    held.set()
    state = case.ended(a="Cancelled", b="TriggerFailed")
    assert told == ["TriggerFailed"]
    assert isinstance(state.result[case.handles["b"]].result, TRIGGERFAIL)


def test_one_that_went_ahead_in_vain_is_about_to_be_sent_again(case, client):
    SCRIPTS["a"] = fails
    case.begin(a=((), {"max_retries": 1}), b=(("a",), {}))
    client.await_sent("b")
    client.perform("a").tell("finished")
    client.perform("b").tell("finished")  # does nothing
    case.succeed_at_last("a")
    case.cancel()
    client.await_asked("run")
    client.let_go("gather")
    case.ended(a="Success", b="Cancelled")
    assert client.tries("b") == 1


@pytest.mark.parametrize("delay", [0, 3600])
def test_another_try_is_due(case, client, delay):
    def cancels(_task, _old, new):
        if new.is_running() and client.tries("a"):
            case.cancel()

    SCRIPTS["a"] = fails
    options = {"max_retries": 1, "retry_delay": timedelta(seconds=delay)}
    case.begin(a=((), {**options, "state_handlers": [cancels]}))
    client.await_sent("a")
    client.perform("a").tell("finished")
    if delay:
        while case.handles["a"].state.name != "Retrying":
            threading.Event().wait(0.001)
        case.cancel()
    case.ended(a="Cancelled")
    assert client.tries("a") == 1


def test_its_worker_dies_after_it_was_stopped(case, client, things):
    SCRIPTS["a"] = run_in_circles
    case.begin(a=PLAIN)
    client.await_sent("a")
    thread = threading.Thread(target=client.perform, args=["a"])
    thread.start()
    things.await_note("begin a")
    case.cancel()
    thread.join(PATIENCE)
    client.workers.pop(0)
    client.add_worker()
    SCRIPTS.clear()
    assert case.is_open()
    client.perform("a", on=0).tell("finished")  # Dask gives it to another
    case.ended(a="Cancelled")
    assert things.story.count("begin a") == 1


def test_the_last_worker_dies_with_one_that_was_stopped(case, client, things):
    SCRIPTS["a"] = run_in_circles
    case.begin(a=PLAIN)
    client.await_sent("a")
    thread = threading.Thread(target=client.perform, args=["a"])
    thread.start()
    things.await_note("begin a")
    case.cancel()
    thread.join(PATIENCE)
    client.await_asked("register")
    client.await_asked("run")
    client.workers.clear()
    SCRIPTS.clear()
    client.tell(action="remove-worker")
    case.ended(a="Failed")


def test_the_cluster_goes_while_it_is_told(case, client):
    client.hold("run")
    case.begin(a=PLAIN)
    client.await_sent("a")
    case.cancel()
    client.await_asked("run")
    client.status = "closed"
    client.let_go("run")
    state = case.ended(a="Failed")
    assert "the Dask cluster is gone" in state.result[case.handles["a"]].message


def test_a_cluster_that_is_started_anew_is_lost(case, client):
    case.begin(a=PLAIN, b=((), {}), c=(("a",), {}))
    client.await_sent("b", "c")
    client.hold("run")
    for future in client.futures.values():
        future.tell("cancelled")
    client.await_asked("run")
    assert case.is_open()
    client.let_go("run")
    state = case.ended(a="Failed", b="Failed", c="TriggerFailed")
    assert state.result[case.handles["b"]].message.endswith(cluster_loss.reason_of(client))


def test_a_cluster_without_workers_gets_one_after_the_clean_up(case, client):
    case.begin(a=PLAIN, b=(("a",), {}))
    client.await_sent("b")
    client.workers.clear()
    client.tell(action="remove-worker")
    state = case.ended(a="Failed", b="TriggerFailed")
    assert "no Dask worker is left" in state.result[case.handles["a"]].message


@pytest.fixture
def never_in_time(monkeypatch):
    """No worker answers in time."""
    monkeypatch.setattr("resnb.dask.cancellation.LIMIT", 0)


@pytest.mark.usefixtures("never_in_time")
@pytest.mark.parametrize("begun", [True, False])
def test_what_a_worker_that_does_not_answer_may_have_begun_is_not_cancelled(case, client, begun):
    client.hold("run")
    case.begin(a=PLAIN)
    client.await_sent("a")
    future = client.perform("a") if begun else None
    case.cancel()
    client.await_asked("run")
    client.loop.sync(no_op)
    assert case.is_open()
    if begun:
        future.tell("finished")  # which decides
        case.things.await_note("clean-up of thing")
    client.let_go("run")  # the answer comes late
    case.ended(a="Success" if begun else "Cancelled")


@pytest.mark.usefixtures("never_in_time")
def test_a_cluster_that_is_started_anew_and_does_not_answer_is_lost(case, client, things):
    case.begin(a=PLAIN, b=(("a",), {}))
    client.await_sent("b")
    client.hold("run")
    for future in client.futures.values():
        future.tell("cancelled")
    things.await_note("clean-up of thing")
    client.let_go("run")
    state = case.ended(a="Failed", b="TriggerFailed")
    assert state.result[case.handles["a"]].message.endswith(cluster_loss.reason_of(client))


class Silent:
    """A client whose workers never answer; notes what the scheduler is to forbid."""

    def __init__(self):
        self.forbidden = asyncio.Queue()

    async def run(self, *_args, **_options):
        await asyncio.Event().wait()

    async def register_plugin(self, plugin, name):
        assert name == "topic"
        self.forbidden.put_nowait(plugin.calls)
        await asyncio.Event().wait()


@pytest.mark.usefixtures("never_in_time")
def test_a_worker_that_does_not_answer_keeps_nobody_from_forbidding_more():
    async def asks():
        client, told = Silent(), asyncio.Queue()
        stops, calls = Cancellations(client, "topic"), []
        for row in range(2):
            asking = asyncio.ensure_future(
                stops.ask([(row, 1)], lambda *answer: told.put_nowait(answer), for_good=True)
            )
            calls.append(("topic", row, 1))
            assert await told.get() == ([], None)
            assert await client.forbidden.get() == calls
            asking.cancel()

    asyncio.run(asyncio.wait_for(asks(), PATIENCE))
