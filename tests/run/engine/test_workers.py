"""Who ran what: the table knows the worker of each row's latest try, and when the run was on."""

import threading
from concurrent.futures import ThreadPoolExecutor

from resnb import Flow, LocalExecutor, ThreadExecutor, resource, task
from resnb.run.memory import memory_of
from resnb.run.scheduling.state_table import Table
from tests.run.parts import PATIENCE, Stubborn, ended, started, use


def workers_of(flow):
    """The label of each task's worker, by the task's name; None for none."""
    engine = memory_of(flow).latest_run
    labels = {number: label for label, number in engine.table.workers.items()}
    return {
        one.name: labels.get(engine.table.worker[row]) for one, row in engine.plan.row_of.items()
    }


def test_tasks_that_run_at_once_have_workers_of_their_own():
    meeting = threading.Barrier(2, timeout=PATIENCE)
    with Flow("f") as flow:
        for name in ("one", "other"):
            task(lambda: meeting.wait(), name=name)()
    assert flow.run(executor=ThreadExecutor(2)).is_successful()
    found = workers_of(flow)
    assert set(found.values()) == {"worker 1", "worker 2"}


def test_the_first_worker_need_not_wait_for_who_started_it():
    held = []

    class Watched(ThreadExecutor):
        def start(self, engine):
            workers, execution = super().start(engine), engine.execution
            add = execution.add_worker

            def add_worker(*, replacing):
                held.append(execution.feed.lock.locked())
                return add(replacing=replacing)

            execution.add_worker = add_worker
            return workers

    with Flow("f") as flow:
        use(1)
    assert flow.run(executor=Watched()).is_successful()
    assert held == [False]


def test_one_thread_is_one_worker_also_for_children_and_further_tries():
    tries = []

    @task(max_retries=1)
    def fails_once():
        tries.append(1)
        if len(tries) == 1:
            raise ValueError

    with Flow("f") as flow:
        use.map([1, 2, 3], [use(), fails_once(), 3])
    assert flow.run(executor=LocalExecutor()).is_successful()
    table = memory_of(flow).latest_run.table
    assert table.workers == {"worker": 1}
    assert set(table.worker) == {1}
    assert len(table.worker) == len(table.state)


def test_set_ups_clean_ups_and_coroutines_have_no_worker():
    @resource
    def thing():
        yield 1

    @task
    async def waits(value):
        return value

    with Flow("f") as flow, thing() as one:
        use(waits(one))
    assert flow.run().is_successful()
    found = workers_of(flow)
    assert found.pop("use") == "worker 1"
    assert set(found.values()) == {None}


def test_a_label_has_one_number_whoever_asks_for_it():
    table = Table(1)
    with ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(table.number_of, ["tcp://a", "tcp://b", "tcp://c"] * 50))
    assert numbers == [table.workers[label] for label in ["tcp://a", "tcp://b", "tcp://c"] * 50]
    assert len(set(table.workers.values())) == 3
    assert min(table.workers.values()) >= 1


def test_a_run_knows_when_it_was_on(clock):
    let_go = threading.Event()
    with Flow("f") as flow:
        task(let_go.wait)(PATIENCE)
    clock.advance(5.0)
    run = started(flow, clock)
    assert run.execution.began[0] == 5.0
    assert run.execution.over is None
    clock.advance(2.0)
    let_go.set()
    ended(run)
    assert run.execution.over == 7.0


def test_code_that_was_given_up_ends_in_the_table_when_it_was(clock):
    stubborn = Stubborn()
    with Flow("f") as flow:
        task(stubborn)()
    run = started(flow, clock)
    stubborn.await_beginning()
    run.cancel()
    clock.await_timer(30.0)
    clock.advance(30.0)
    assert ended(run).is_cancelled()
    assert run.execution.table.ended[0] == 30.0
    stubborn.let_go.set()
    stubborn.done.wait(PATIENCE)


def test_a_lease_knows_when_it_came_into_each_state(things):
    with Flow("f") as flow, things.manager()() as one:
        use(one)
    assert flow.run().is_successful()
    [lease] = memory_of(flow).leases()
    times = [lease.changed[state] for state in ("opening", "open", "closing", "closed")]
    assert times == sorted(times)
