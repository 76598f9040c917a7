"""What comes back late, twice, not at all, or once more."""

import gc
import weakref

import pytest

from resnb import Flow, task, triggers
from resnb.dask.bundles import forming
from resnb.dask.failures import Failure
from resnb.dask.workers.registry import TryRegistry, registry_of
from tests.dask import codes
from tests.dask.cases import PLAIN, SCRIPTS, fails, no_op
from tests.dask.fake_cluster import Executor
from tests.run.parts import PATIENCE


def test_what_came_of_one_that_went_ahead_in_vain_is_heard_twice(case, client):
    """Dask says that it is done just when it is the row's turn."""
    SCRIPTS["a"] = fails
    waits = {"trigger": triggers.all_finished}
    case.begin(a=((), {"max_retries": 1}), b=(("a",), {}), c=PLAIN, d=(("c",), waits))
    client.await_sent("b", "c")
    first, ahead = client.perform("a"), client.perform("b")
    ahead.status = "finished"  # who waits for that is yet to be told
    first.tell("finished")
    client.await_asked("gather")  # of what a raised
    case.succeed_at_last("a")
    ahead.tell("finished")
    client.await_asked("gather")
    client.hold("get")
    client.perform("c").tell("finished")
    client.await_asked("get")  # of d; meanwhile, both answers come
    client.let_go("gather")
    client.loop.sync(no_op)
    client.let_go("get")
    client.await_sent("b")
    client.perform("b").tell("finished")
    client.perform("d").tell("finished")
    case.ended(a="Success", b="Success", c="Success", d="Success")
    assert client.tries("b") == 2


def test_the_scheduler_forgets_a_run_though_a_worker_is_silent_at_its_end(
    case, client, monkeypatch
):
    monkeypatch.setattr("resnb.dask.messages.END", 0.01)
    client.hold("run")
    case.begin(a=PLAIN)
    client.await_sent("a")
    client.perform("a").tell("finished")
    case.ended(a="Success")
    client.await_forgotten()


def test_a_run_whose_workers_have_told_all_does_not_wait_until_they_forget_it(client):
    run = lone_task().start(executor=Executor(client))
    client.hold("run")
    client.await_sent("a")
    (topic,) = {*client.topics} - {"all"}
    client.perform("a").tell("finished")
    registry, row = registry_of(client.workers[0]), next(iter(run.execution.plan.remote))
    assert run.wait(PATIENCE).is_successful()
    assert registry.stop([(topic, row, 1)]) == [(row, 1)]
    client.let_go("run")
    client.await_forgotten()
    assert registry.stop([(topic, row, 1)]) == []


def test_a_run_waits_for_what_workers_have_yet_to_tell(client, monkeypatch):
    monkeypatch.setattr(TryRegistry, "transition", lambda *_: None)
    run = lone_task().start(executor=Executor(client))
    client.hold("run")
    client.await_sent("a")
    client.perform("a").tell("finished")
    client.await_asked("run")
    table, row = run.execution.table, next(iter(run.execution.plan.remote))
    assert table.worker[row] != table.number_of("Dask worker fake")
    client.let_go("run")
    assert run.wait(PATIENCE).is_successful()
    assert table.worker[row] == table.number_of("Dask worker fake")


def lone_task():
    with Flow("f") as flow:
        task(codes.one, name="a")()
    return flow


def test_what_a_call_on_its_way_may_refer_to_is_kept(case, client):
    SCRIPTS["a"] = fails
    case.begin(a=((), {"max_retries": 1}), b=(("a",), {}))
    client.await_sent("b")
    first = client.perform("a")
    client.perform("b").tell("finished")  # does nothing
    first.tell("finished")
    client.await_sent("a")
    del client.futures[first.key]
    future = weakref.ref(first)
    del first
    gc.collect()
    assert future() is not None
    SCRIPTS.clear()
    client.perform("a").tell("finished")
    client.await_sent("b")
    client.perform("b").tell("finished")
    case.ended(a="Success", b="Success")


def test_a_value_that_went_with_its_worker_is_made_again(case, client):
    client.hold("gather")
    case.begin(a=PLAIN)
    client.await_sent("a")
    next(iter(client.futures.values())).tell("lost")  # it was done, which is heard only now
    assert case.is_open()
    client.perform("a", on=1).tell("finished")
    case.ended(a="Success")


def test_a_value_that_went_with_its_worker_before_its_turn_is_made_again(case, client):
    case.begin(a=PLAIN, b=(("a",), {}), c=PLAIN)
    client.await_sent("b", "c")
    first, second = client.perform("a"), client.perform("b")
    second.tell("finished")
    client.perform("c").tell("finished")
    case.await_success("c")  # so that the end of b is known
    second.tell("lost")
    first.tell("finished")
    case.await_success("a")
    assert case.is_open()
    client.perform("b", on=1).tell("finished")
    case.ended(a="Success", b="Success", c="Success")


def test_one_that_does_not_begin_even_the_second_time_says_why(case, client):
    case.begin(a=PLAIN)
    for reason in ("it was given back", "what it needs has failed there"):
        client.await_sent("a")
        future = next(reversed(client.futures.values()))
        future.value = Failure(None, reason)
        future.tell("finished")
    state = case.run.wait(PATIENCE)
    assert state.result[case.handles["a"]].message.endswith(
        "it was given to Dask twice, but did not begin there: what it needs has failed "
        "there; run the flow again"
    )


@pytest.mark.parametrize("first", ["report", "cancel"])
def test_what_comes_back_undone_just_when_a_cancel_begins(case, client, monkeypatch, first):
    """It has not begun, and nobody will send it again."""
    monkeypatch.setattr(forming, "LIMITS", codes.LARGE)
    SCRIPTS["a"] = fails
    alone = {"timeout": 60}
    case.begin(
        a=PLAIN, b=(("a",), {}), c=((), alone),
        d=(("c",), {**alone, "trigger": triggers.all_finished}),
    )  # fmt: skip
    client.await_sent("b", "c")
    client.hold("get")
    client.perform("c").tell("finished")
    client.await_asked("get")  # of d; meanwhile, the report comes
    if first == "cancel":
        case.cancel()
    client.perform("a")  # and b, for which it does nothing
    client.loop.sync(no_op)
    if first == "report":
        case.cancel()
    client.let_go("get")
    case.ended(a="Failed", b="Cancelled", c="Success", d="Cancelled")


def test_what_dask_says_once_a_run_is_over_keeps_nothing_of_it(case, client, monkeypatch):
    """Reports may come first, and Dask keeps its callbacks until it is done itself."""
    monkeypatch.setattr(forming, "LIMITS", codes.LARGE)
    case.begin(a=PLAIN, b=(("a",), {}))
    client.await_sent("a", "b")
    future = client.perform("a")  # and b
    case.ended(a="Success", b="Success")
    execution = weakref.ref(case.run.execution)
    case.run = case.flow.memory = None
    codes.await_none(lambda: execution() is not None)
    future.tell("finished")
