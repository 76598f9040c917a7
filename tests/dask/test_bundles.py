"""Tasks that travel together: each keeps its state, time, log, tries, cancel and value."""

import threading
import time
from datetime import timedelta
from itertools import pairwise

import pytest

from resnb import DaskExecutor, Flow, flatten, flow, resource_manager, task, triggers
from resnb.dask.bundles import forming
from resnb.dask.bundles.estimates import ESTIMATES
from resnb.dask.messages import Session
from resnb.run.memory import memory_of
from tests.dask import codes
from tests.run.parts import PATIENCE, names

one, plus_one, total = task(codes.one), task(codes.plus_one), task(codes.total)


@pytest.fixture(scope="module")
def client():
    with codes.cluster() as cluster, codes.client_of(cluster) as client:
        yield client


@pytest.fixture
def executor(client, monkeypatch):
    """Whatever may travel together does."""
    monkeypatch.setattr(forming, "LIMITS", codes.LARGE)
    return DaskExecutor(client)


@pytest.fixture(params=["large", "small", "adaptive"])
def any_size(request, client, monkeypatch):
    """Tasks travel together whenever they may, never, or as measured times tell."""
    limits = {"large": codes.LARGE, "small": codes.SMALL}
    monkeypatch.setattr(forming, "LIMITS", limits.get(request.param, forming.LIMITS))
    return DaskExecutor(client)


def chain(length, first=one):
    """Handles of a chain."""
    handles = [first()]
    for _ in range(length - 1):
        handles.append(plus_one(handles[-1]))
    return handles


def keys(state, handles):
    """The tasks of Dask that hold the values of some tasks."""
    return {state.result[handle].kept.future.key for handle in handles}


def test_a_chain_is_one_task_of_dask(executor):
    with Flow("f") as flow:
        handles = chain(50)
    state = flow.run(executor=executor)
    state.raise_for_failure()
    assert len(keys(state, handles)) == 1
    assert [handle.value for handle in handles] == list(range(1, 51))
    memory = memory_of(flow)
    assert {memory.tries_of(handle) for handle in handles} == {1}


def test_values_of_a_bundle_go_to_the_next_run_and_to_the_kernel(any_size):
    async def in_kernel(number):
        return number * 10

    with Flow("f") as flow:
        handles = chain(3)
        here = task(in_kernel)(handles[1])
        last = plus_one(here)
    before = flow.run(executor=any_size)
    assert (here.value, last.value) == (20, 21)
    kept = {handle: before.result[handle] for handle in handles[:2]}
    after = flow.run(executor=any_size, task_states=kept)
    assert after.result[handles[2]].result == 3
    assert after.result[last].result == 21


def test_mapped_tasks_and_what_they_are_flattened_to(executor):
    def upto(number):
        return list(range(number))

    with Flow("f") as flow:
        lists = task(upto).map(plus_one.map([0, 1, 2]))
        each = plus_one.map(flatten(lists))
        second = plus_one.map(lists[1])
        whole = task(sum)(each)
    state = flow.run(executor=executor)
    state.raise_for_failure()
    assert (each.value, second.value, whole.value) == ([1, 1, 2, 1, 2, 3], [1, 2], 10)


def test_each_task_in_a_bundle_has_its_own_times(executor):
    with Flow("f") as flow:
        mapped = plus_one.map(list(range(30)))
        last = plus_one(plus_one(1))
    state = flow.run(executor=executor)
    state.raise_for_failure()
    assert (mapped.value, last.value) == (list(range(1, 31)), 3)
    table = state.result._execution.table
    for worker in set(table.worker) - {0}:
        rows = [row for row, number in enumerate(table.worker) if number == worker]
        times = sorted((table.started[row], table.ended[row]) for row in rows)
        assert all(began <= ended for began, ended in times)
        assert all(one[1] <= other[0] + 1e-6 for one, other in pairwise(times))


def test_a_failure_stops_only_what_depends_on_it(any_size, capsys):
    def says(number):
        print("number", number)
        return number

    def fails(number):
        raise ValueError(number)

    with Flow("f") as flow:
        first = task(says, name="first")(1)
        broken = task(fails)(first)
        after = plus_one(broken)
        beside = task(says, name="beside")(first)
        last = plus_one(beside)
    state = flow.run(executor=any_size)
    found = {handle.name: state.result[handle].name for handle in (first, broken, beside)}
    assert found == {"first": "Success", "fails": "Failed", "beside": "Success"}
    assert state.result[after].name == "TriggerFailed"
    assert last.value == 2
    assert state.result[broken].message == "ValueError: 1"
    assert memory_of(flow).log_of(first) == "number 1\n"
    assert capsys.readouterr().out == "number 1\nnumber 1\n"


def test_each_task_in_the_middle_has_its_own_hooks_and_trigger(any_size):
    """The first two are called in the kernel when their task ends; the last have to travel alone."""
    heard = []

    def heard_of(what):
        return lambda task, _, state: heard.append((what, task.name, state.name))

    def fails(number):
        raise ValueError(number)

    with Flow("f") as flow:
        first = one()
        broken = task(fails, on_failure=heard_of("failure"))(first)
        quiet = task(codes.plus_one, name="quiet", on_failure=heard_of("failure"))(first)
        stopped = plus_one(broken)
        rescued = task(codes.one, name="rescued", trigger=triggers.any_failed)()
        rescued.set_upstream(broken)
        always = task(codes.one, name="always", trigger=triggers.all_finished)()
        always.set_upstream(stopped)
        told = task(codes.plus_one, name="told", on_completion=heard_of("completion"))(quiet)
        after = plus_one(told)
    state = flow.run(executor=any_size)
    found = [state.result[one].name for one in (broken, quiet, stopped, rescued, always, after)]
    assert found == ["Failed", "Success", "TriggerFailed", "Success", "Success", "Success"]
    assert (rescued.value, always.value, after.value) == (1, 1, 4)
    assert sorted(heard) == [("completion", "told", "Success"), ("failure", "fails", "Failed")]


@pytest.mark.parametrize("delay", [0, 0.05])
def test_a_task_in_the_middle_tries_again(any_size, tmp_path, delay):
    def third_time(folder, number):
        codes.mark(folder, "try")
        if len(codes.marks(folder, "try")) < 3:
            raise ValueError(number)
        return number

    retried = task(third_time, max_retries=2, retry_delay=timedelta(seconds=delay))
    with Flow("f") as flow:
        first = one()
        middle = retried(str(tmp_path), first)
        after = plus_one(plus_one(middle))
    state = flow.run(executor=any_size)
    state.raise_for_failure()
    assert after.value == 3
    tries = [memory_of(flow).tries_of(handle) for handle in (first, middle, after)]
    assert tries == [1, 3, 1]


def test_what_does_not_pickle_in_the_middle_fails_alone(any_size):
    with Flow("f") as flow:
        first = one()
        stuck = task(codes.total, name="stuck")(first, threading.Lock())
        after = plus_one(stuck)
        beside = plus_one(first)
    state = flow.run(executor=any_size)
    assert "cannot be sent to a Dask worker: its argument 2" in state.result[stuck].message
    assert state.result[after].name == "TriggerFailed"
    assert beside.value == 2


def test_many_of_which_none_can_be_sent(client):
    """They wait for what is known once the first have come back, which never happens."""
    stuck = task(lambda lock: lock, name="stuck")
    with Flow("f") as flow:
        handles = [stuck(threading.Lock()) for _ in range(30)]
    state = flow.start(executor=DaskExecutor(client)).wait(PATIENCE)
    assert all("cannot be sent" in state.result[one].message for one in handles)


def test_states_are_seen_while_the_bundle_runs_and_a_cancel_stops_the_rest(executor, tmp_path):
    held = []

    @resource_manager
    class Thing:
        def setup(self):
            held.append(1)

        def cleanup(self, resource):
            held.append(len(codes.marks(tmp_path, "late")))

    with Flow("f") as flow, Thing():
        first = one()
        slow = task(codes.waits)(str(tmp_path))
        slow.set_upstream(first)
        late = task(codes.mark, name="late")(str(tmp_path), "late", upstream_tasks=[slow])
    run = flow.start(executor=executor)
    codes.await_mark(tmp_path, "waits")
    never, deadline = threading.Event(), time.monotonic() + PATIENCE
    while (first.state.name, slow.state.name) != ("Success", "Running"):
        assert time.monotonic() < deadline, (first.state, slow.state)
        never.wait(0.01)
    assert late.state.name == "Pending"
    run.cancel()
    state = run.wait(PATIENCE)
    assert (names(state)["one"], names(state)["waits"]) == ("Success", "Cancelled")
    assert names(state)["late"] == "Cancelled"
    assert held == [1, 0]
    assert first.value == 1


def test_a_task_with_a_time_limit_stops_alone(any_size, tmp_path):
    with Flow("f") as flow:
        handles = chain(3)
        slow = task(codes.waits, timeout=0.2)(str(tmp_path))
        slow.set_upstream(handles[1])
    state = flow.run(executor=any_size)
    assert state.result[slow].name == "TimedOut"
    assert [handle.value for handle in handles] == [1, 2, 3]


def waits_for_the_other(folder):
    codes.await_mark(folder, "other")
    return "done"


def test_a_bundle_that_takes_long_is_broken_up(executor, tmp_path):
    """The first task waits for one that had been behind it."""
    folder = str(tmp_path)
    with Flow("f") as flow:
        slow = task(waits_for_the_other)(folder)
        after = task(str.upper)(slow)
        others = [task(codes.mark, name="other")(folder, "other") for _ in range(3)]
    state = flow.run(executor=executor)
    state.raise_for_failure()
    assert after.value == "DONE"
    assert len(codes.marks(folder, "other")) == len(others)
    assert keys(state, [slow, after]).isdisjoint(keys(state, others))


def test_a_large_value_ends_its_bundle(executor):
    kilobytes = task(lambda number: b"x" * number * 1000, name="kilobytes")
    with Flow("f") as flow:
        small, large = kilobytes(1), kilobytes(2000)
        rest = [plus_one(1) for _ in range(3)]
    state = flow.run(executor=executor)
    state.raise_for_failure()
    assert keys(state, [large]).isdisjoint(keys(state, rest))
    assert (len(small.value), len(large.value)) == (1000, 2_000_000)


def test_the_next_run_knows_how_long_tasks_take(client):
    def quick(number):
        return number

    task_of_it = task(quick)
    with Flow("f") as flow:
        handles = [task_of_it(number) for number in range(100)]
    executor = DaskExecutor(client)
    flow.run(executor=executor).raise_for_failure()
    assert ESTIMATES.seconds(("quick", quick.__code__)) < 1
    ESTIMATES.add(("quick", quick.__code__), 0.0)
    state = flow.run(executor=executor)
    assert len(keys(state, handles)) < 50
    assert [handle.value for handle in handles] == list(range(100))


def test_submitted_calls_travel_together(any_size):
    @flow(executor=any_size)
    def main():
        return [future.result() for future in plus_one.map(list(range(100)))]

    assert main() == list(range(1, 101))


def test_nothing_of_a_bundle_stays_behind(executor, client):
    with Flow("f") as flow:
        last = chain(20, task(codes.one, name="left_behind"))[-1]
    state = flow.run(executor=executor)
    assert last.value == 20
    flow.memory = None
    del state
    codes.await_none(lambda: client.run_on_scheduler(left))


def test_the_scheduler_forgets_the_run_of_a_client_that_is_gone(client):
    with codes.client_of(client.scheduler.address) as gone:
        gone.sync(Session(gone, "resnb-gone", [])._enter)
        gone.log_event("resnb-gone", "something")
    codes.await_none(lambda: client.run_on_scheduler(left))


def left(dask_scheduler):
    tasks = [one for one in dask_scheduler.tasks if one.startswith("left_behind")]
    topics = [one for one in dask_scheduler.get_events() if one.startswith("resnb-")]
    plugins = [one for one in dask_scheduler.plugins if str(one).startswith("resnb-")]
    return [*tasks, *topics, *plugins]
