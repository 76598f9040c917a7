"""Executors: how many tasks run at once (shown by a barrier, not by time), and in which order."""

import threading

import pytest

from resnb import Flow, LocalExecutor, ThreadExecutor, task
from resnb.errors import OptionError, RunError
from resnb.run.engine.engine import Engine
from tests.run.parts import PATIENCE, ended, started, use


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_as_many_tasks_run_at_once_as_there_are_workers(workers):
    meeting = threading.Barrier(workers, timeout=PATIENCE)
    running, most = [], []

    @task
    def meets(number):
        running.append(number)
        most.append(len(running))
        meeting.wait()
        running.remove(number)

    with Flow("f") as flow:
        for number in range(workers * 3):
            meets(number)
    assert flow.run(executor=ThreadExecutor(workers)).is_successful()
    assert max(most) <= workers


def test_what_is_released_by_another_thread_finds_a_worker_while_one_is_busy():
    """Set-ups end on threads of their own: their followers must not wait for a busy worker."""
    from resnb import resource

    @resource
    def thing():
        yield 1

    for _ in range(50):
        meeting = threading.Barrier(3, timeout=PATIENCE)
        meets = task(lambda _=None, meeting=meeting: meeting.wait(), name="meets")
        with Flow("f") as flow:
            meets()
            for _ in range(2):
                with thing() as one:
                    meets(one)
        assert flow.run().is_successful()


def test_a_chain_wakes_nobody_for_what_its_own_worker_takes_next(monkeypatch):
    asked, wake = [], Engine._wake
    monkeypatch.setattr(Engine, "_wake", lambda engine: (asked.append(engine), wake(engine)))
    with Flow("f") as flow:
        last = task(int)()
        for _ in range(100):
            last = task(abs)(last)
    assert flow.run(executor=ThreadExecutor(2)).is_successful()
    assert len(asked) == 1  # for the first


def test_a_local_executor_runs_on_the_calling_thread():
    threads = []

    @task
    def notes(*_):
        threads.append(threading.get_ident())

    with Flow("f") as flow:
        notes(notes(), notes.map([1, 2, 3]))
    assert flow.run(executor=LocalExecutor()).is_successful()
    assert set(threads) == {threading.get_ident()}
    threads.clear()
    assert ended(started(flow, executor=LocalExecutor())).is_successful()
    assert threading.get_ident() not in threads


@pytest.mark.parametrize("executor", [LocalExecutor(), ThreadExecutor(2)])
def test_values_are_the_same_on_every_executor(executor):
    with Flow("f") as flow:
        add = task(lambda *parts: sum(parts), name="add")
        total = add(1)
        for _ in range(300):
            total = add(total, 1)
        wide = add(*[add(total, number) for number in range(100)])
    assert flow.run(executor=executor).result[wide].result == 301 * 100 + sum(range(100))


@pytest.mark.parametrize("workers", [0, -1, 1.5, True, "4"])
def test_a_number_of_workers_that_is_none(workers):
    with pytest.raises(OptionError, match="a whole number of at least 1"):
        ThreadExecutor(workers)


def test_what_is_no_executor():
    with Flow("f") as flow:
        use(1)
    with pytest.raises(RunError, match="is no executor"):
        flow.run(executor="threads")


def test_executors_have_stable_texts():
    assert repr(ThreadExecutor(3)) == "ThreadExecutor(max_workers=3)"
    assert repr(LocalExecutor()) == "LocalExecutor()"


def test_no_more_threads_are_to_be_had(monkeypatch):
    """Where the system refuses another thread, those that there are go on."""
    real, begun = threading.Thread.start, []

    def start(self):
        if self.name.startswith("resnb-worker"):
            begun.append(self.name)
            if len(begun) > 1:
                raise RuntimeError("can't start new thread")
        real(self)

    monkeypatch.setattr(threading.Thread, "start", start)
    with Flow("f") as flow:
        for number in range(20):
            use(number)
    assert flow.run().is_successful()
