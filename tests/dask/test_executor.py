"""Flows on a cluster of processes: where things run, what comes back, and what is refused."""

import os
import threading

import pytest
from dask.sizeof import sizeof

from resnb import (
    DaskExecutor,
    Flow,
    LocalExecutor,
    Parameter,
    get_run_logger,
    resource_manager,
    signals,
    task,
    triggers,
    unmapped,
)
from resnb.dask import clusters
from resnb.dask import executor as executors
from resnb.dask.remote_value import RemoteValue
from resnb.dask.serialization import Whole
from resnb.elsewhere import LetGo
from resnb.errors import NoValueError, OptionError, RunError
from resnb.ledger.kernel.keeper import KEEPER
from resnb.run.active import active_run
from resnb.run.memory import memory_of
from tests.dask import codes
from tests.ledger.things import until
from tests.run.parts import PATIENCE, names

HERE = os.getpid()
one, plus_one, total = task(codes.one), task(codes.plus_one), task(codes.total)
where, large = task(codes.process_id, name="where"), task(codes.large)


@pytest.fixture(scope="module")
def client():
    with codes.cluster() as cluster, codes.client_of(cluster) as client:
        yield client


@pytest.fixture
def executor(client):
    return DaskExecutor(client)


# ---- values


def test_tasks_run_on_the_cluster_and_values_stay_there(executor):
    with Flow("f") as flow:
        number = Parameter("number", default=4)
        first = plus_one(number)
        last = plus_one(first)
        place = where(last)
    state = flow.run(executor=executor)
    state.raise_for_failure()
    kept = state.result[last].kept
    assert isinstance(kept, RemoteValue)
    assert kept.future.status == "finished"
    assert (last.value, state.result[last].result) == (6, 6)
    assert place.value != HERE
    assert state.result[number].kept == 4


def test_only_what_is_asked_for_comes_back(executor):
    """A value that only exists over there can be used over there."""
    big = task(lambda: list(range(300_000)), name="big")
    with Flow("f") as flow:
        numbers = big()
        third = numbers[2]
        mapped = plus_one.map(numbers[:4])
        total_of_mapped = task(lambda values: sum(values), name="sum")(mapped)
    state = flow.run(executor=executor)
    assert state.is_successful(), state
    assert (third.value, mapped.value, total_of_mapped.value) == (2, [1, 2, 3, 4], 10)
    assert isinstance(state.result[numbers].kept, RemoteValue)
    assert state.result[numbers].kept.future is not None


def test_a_large_value_of_the_kernel_is_sent_once(executor):
    large = b"x" * 2_000_000  # Dask warns if that is sent with each call, which fails this test
    with Flow("f") as flow:
        data = Parameter("data")
        sizes = task(lambda number, data: (number, len(data)), name="size").map(
            list(range(6)), unmapped(data)
        )
    state = flow.run(executor=executor, data=large)
    state.raise_for_failure()
    assert [size for _, size in sizes.value] == [len(large)] * 6


def test_a_mapped_task_of_a_value_without_items(executor):
    with Flow("f") as flow:
        mapped = plus_one.map(one())
    state = flow.run(executor=executor)
    assert "cannot be mapped over number, which is no sequence but int" in str(
        state.result[mapped].message
    )


def test_the_next_run_takes_what_is_on_the_cluster(executor):
    with Flow("f") as flow:
        first = one()
        second = plus_one(first)
    before = flow.run(executor=executor)
    kept = before.result[first]
    after = flow.run(executor=executor, task_states={first: kept})
    assert after.result[second].result == 2
    assert after.result[first].kept is kept.kept


def test_a_value_on_the_cluster_is_fetched_for_what_runs_in_the_kernel(executor):
    notes = []

    async def in_kernel(number):
        notes.append((os.getpid(), number))
        return number + 1

    with Flow("f") as flow:
        last = plus_one(task(in_kernel)(one()))
    flow.run(executor=executor).raise_for_failure()
    assert notes == [(HERE, 1)]
    assert last.value == 3


# ---- states


def test_signals_retries_triggers_and_handlers(executor, tmp_path):
    def second_time(folder):
        codes.mark(folder, "try")
        if len(codes.marks(folder, "try")) < 2:
            raise ValueError("not yet")
        return "late"

    def skips():
        raise signals.SKIP("not today")

    def succeeds():
        raise signals.SUCCESS("as it were", result=7)

    seen = []
    with Flow("f") as flow:
        late = task(second_time, max_retries=2)(str(tmp_path))
        skipped = task(skips)()
        task(codes.one, name="after")(upstream_tasks=[skipped])
        again = task(codes.one, name="again", skip_on_upstream_skip=False)(upstream_tasks=[skipped])
        seven = plus_one(task(succeeds)())
        bad = task(lambda: 1 / 0, name="bad", on_failure=lambda run: seen.append(os.getpid()))()
        rescue = task(codes.one, name="rescue", trigger=triggers.any_failed)(upstream_tasks=[bad])
        watched = task(
            codes.one, name="watched", state_handlers=[lambda t, old, new: seen.append(new.name)]
        )()
    state = flow.run(executor=executor)
    assert late.value == "late"
    assert names(state)["after"] == "Skipped"
    assert (again.value, seven.value, rescue.value, watched.value) == (1, 8, 1, 1)
    assert state.result[bad].message == "ZeroDivisionError: division by zero"
    assert "<lambda>" in "".join(traceback_of(state.result[bad].result))
    assert set(seen) == {HERE, "Running", "Success"}
    assert memory_of(flow).tries_of(late) == 2


def traceback_of(error):
    import traceback

    return traceback.format_tb(error.__traceback__)


def test_a_task_that_takes_too_long_is_stopped(executor, tmp_path):
    with Flow("f") as flow:
        slow = task(codes.waits, timeout=0.3)(str(tmp_path))
        after = plus_one(slow)
    state = flow.run(executor=executor)
    assert state.result[slow].name == "TimedOut"
    assert state.result[after].name == "TriggerFailed"
    assert len(codes.marks(tmp_path, "waits")) <= 1  # none where it took too long to begin


def test_a_cancel_stops_what_runs_and_releases_what_waits(executor, client, tmp_path):
    with Flow("f") as flow:
        slow = task(codes.waits)(str(tmp_path))
        last = slow
        for _ in range(20):
            last = plus_one(last)
    run = flow.start(executor=executor)
    codes.await_mark(tmp_path, "waits")
    run.cancel()
    state = run.wait(PATIENCE)
    assert state.name == "Cancelled"
    assert state.result[slow].name == "Cancelled"
    assert state.result[last].name == "Cancelled"
    flow.memory = None
    del run, state
    codes.await_none(lambda: [one for some in client.processing().values() for one in some])


def topics(dask_scheduler):
    return [one for one in dask_scheduler._broker._topics if one.startswith("resnb-")]


def test_the_scheduler_keeps_nothing_of_a_run_that_is_over(executor, client):
    with Flow("f") as flow:
        plus_one(one())
    flow.run(executor=executor).raise_for_failure()
    codes.await_none(lambda: client.run_on_scheduler(topics))


# ---- output


def test_prints_and_logs_come_back_in_graph_order(executor, capsys):
    def says(number):
        print("task", number)
        get_run_logger().warning("careful %s", number)

    with Flow("f") as flow:
        first = task(says)(1)
        for number in range(2, 6):
            task(says)(number)
    flow.run(executor=executor).raise_for_failure()
    out, err = capsys.readouterr()
    assert out == "".join(f"task {number}\n" for number in range(1, 6))
    assert err == "".join(f"WARNING: careful {number}\n" for number in range(1, 6))
    assert memory_of(flow).log_of(first) == "task 1\nWARNING: careful 1\n"


def test_a_task_that_prints_without_end_is_cut_short(executor, capsys):
    with Flow("f") as flow:
        noisy = task(lambda: [print("x" * 1000) for _ in range(1000)], name="noisy")()
    flow.run(executor=executor).raise_for_failure()
    assert memory_of(flow).log_of(noisy)
    out = capsys.readouterr().out
    assert len(out) < 400_000
    assert out.endswith("[more was printed than comes back from a worker]\n")


# ---- what cannot be sent


def with_lock():
    lock = threading.Lock()
    return lambda: lock


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (
            lambda: task(codes.process_id, name="use")(threading.Lock()),
            r"task 'use' cannot be sent to a Dask worker: its argument 1 \(a lock\) does not pickle",
        ),
        (
            lambda: task(with_lock(), name="use")(),
            "task 'use' cannot be sent to a Dask worker: its code uses something that does not",
        ),
        (
            lambda: task(lambda: threading.Lock(), name="use")(),
            "task 'use' returned a lock, which cannot leave its Dask worker",
        ),
    ],
)
def test_what_does_not_pickle_is_named(executor, build, text):
    with Flow("f") as flow:
        use = task(lambda x: x, name="x")(1)
        use = build()
    state = flow.run(executor=executor)
    assert state.result[use].name == "Failed"
    import re

    assert re.search(text, state.result[use].message), state.result[use].message


def test_a_resource_that_does_not_pickle_is_refused_with_the_remedy(executor):
    @resource_manager
    class Database:
        def setup(self):
            return threading.Lock()

        def cleanup(self, resource):
            pass

    with Flow("f") as flow, Database() as database:
        use = where(database)
    message = flow.run(executor=executor).result[use].message
    assert "resource 'Database' (a lock), which does not pickle: give its manager handle" in message


def test_each_worker_attaches_a_resource_by_its_handle(executor, tmp_path):
    folder = str(tmp_path)

    @resource_manager
    class Database:
        def __init__(self, folder):
            self.folder = folder

        def setup(self):
            return threading.Lock()

        def handle(self, resource):
            return self.folder

        def attach(self, handle):
            codes.mark(handle, "attach")
            return f"attached {handle}"

        def detach(self, resource):
            codes.mark(self.folder, "detach")

        def cleanup(self, resource):
            codes.mark(self.folder, "cleanup")

    with Flow("f") as flow, Database(folder) as database:
        uses = [task(lambda base, n: base, name="use")(database, n) for n in range(8)]
    flow.run(executor=executor).raise_for_failure()
    assert {use.value for use in uses} == {f"attached {folder}"}
    workers = {mark.split("-")[1] for mark in codes.marks(folder, "attach")}
    assert len(codes.marks(folder, "attach")) == len(workers) <= 2
    assert len(codes.marks(folder, "detach")) == len(workers)
    assert len(codes.marks(folder, "cleanup")) == 1


def test_each_mapped_resource_is_made_here_and_attached_where_its_child_runs(executor, tmp_path):
    folder = str(tmp_path)

    @resource_manager
    class Database:
        def __init__(self, name, folder):
            self.name, self.folder = name, folder

        def setup(self):
            if self.name == "broken":
                raise OSError(self.name)
            codes.mark(self.folder, f"setup {self.name}")
            return threading.Lock()

        def handle(self, resource):
            return self.name

        def attach(self, handle):
            return f"attached {handle}"

        def cleanup(self, resource):
            codes.mark(self.folder, f"cleanup {self.name}")

    @task(trigger=triggers.any_successful)
    def report(databases, rows):
        return [one for one in databases if isinstance(one, str)], len(rows), os.getpid()

    with Flow("f") as flow, Database.map(["a", "broken", "c"], unmapped(folder)) as database:
        rows = task(lambda base: (base, os.getpid()), name="use").map(database)
        whole = report(database, rows)
    flow.set_reference_tasks([whole])
    state = flow.run(executor=executor)
    state.raise_for_failure()
    assert [one.name for one in state.result[rows].map_states] == [
        "Success", "TriggerFailed", "Success",
    ]  # fmt: skip
    first, _, last = rows.value
    assert (first[0], last[0]) == ("attached a", "attached c")
    assert whole.value[:2] == (["attached a", "attached c"], 3)
    assert HERE not in (first[1], last[1], whole.value[2])
    for name in ("a", "c"):
        for step in ("setup", "cleanup"):
            [found] = codes.marks(folder, f"{step} {name}")
            assert int(found.split("-")[1]) == HERE
    assert not codes.marks(folder, "cleanup broken")
    assert KEEPER.alive() == ()


# ---- a scope that is the executor of its tasks


def manager_of(client, form):
    @resource_manager
    class Dask:
        def setup(self):
            return form(client)

        def cleanup(self, resource):
            assert client.status == "running"

    return Dask


@pytest.mark.parametrize(
    "form",
    [lambda c: c, lambda c: c.cluster, lambda c: c.scheduler.address],
    ids=["client", "cluster", "address"],
)
def test_a_scope_can_be_the_executor_of_its_tasks(client, form):
    with Flow("f") as flow:
        before = where(1)
        with manager_of(client, form)().as_executor():
            first = plus_one(1)
            inside = where(first)
            last = plus_one(first)
        after = where(last)
        outside = plus_one(last)
    state = flow.run()
    state.raise_for_failure()
    assert (before.value, after.value, outside.value) == (HERE, HERE, 4)
    assert inside.value != HERE
    assert not isinstance(state.result[last].kept, int)  # it was brought here before clean-up
    assert state.result[last].kept.future is None
    assert last.value == 3


def test_values_that_are_too_large_go_with_the_cluster_of_their_scope(client, monkeypatch):
    monkeypatch.setattr(clusters, "KEPT", 10_000)
    with Flow("f") as flow:
        with manager_of(client, lambda c: c)().as_executor():
            small = one()
            large = task(lambda: b"x" * 50_000, name="large")()
            needed = task(lambda: b"y" * 50_000, name="needed")()
        gate = task(lambda data: len(data), name="gate")(needed)
    flow.run(executor=LocalExecutor()).raise_for_failure()
    assert (small.value, gate.value) == (1, 50_000)
    with pytest.raises(NoValueError, match="'large' went with the Dask cluster of scope 'Dask'"):
        _ = large.value


def test_the_client_of_a_scope_is_each_workers_own(client):
    with Flow("f") as flow, manager_of(client, lambda c: c)().as_executor() as dask_client:
        found = task(lambda c: c.submit(codes.plus_one, 41, pure=False).result(), name="inner")(
            dask_client
        )
    flow.run().raise_for_failure()
    assert found.value == 42


def test_what_is_no_cluster_is_no_executor():
    @resource_manager
    class Thing:
        def setup(self):
            return 3

        def cleanup(self, resource):
            pass

    with Flow("f") as flow, Thing().as_executor():
        found = one()
    message = flow.run().result[found].message
    assert "scope 'Thing' is an executor, but it got a int: it has to be a Dask client" in message


# ---- executors


def test_a_dask_executor_alone_keeps_a_cluster_for_the_kernel():
    executor = DaskExecutor(n_workers=1, threads_per_worker=1)
    try:
        with Flow("f") as flow:
            place, zeros = where(), large()
        flow.run(executor=executor).raise_for_failure()
        first = place.value
        (lease,) = KEEPER.alive()
        assert (lease.name, lease.state, lease.in_use) == ("kernel/dask", "open", False)
        flow.run(executor=DaskExecutor(n_workers=1, threads_per_worker=1)).raise_for_failure()
        assert place.value == first != HERE
        state = flow.run(executor=executor)
    finally:
        executor.close()
    assert KEEPER.alive() == ()
    assert state.result[place].result == first
    with pytest.raises(NoValueError, match="went with its Dask cluster"):
        _ = state.result[zeros].result


def test_a_wait_for_the_kernels_cluster_that_breaks(monkeypatch):
    executor, awaited = DaskExecutor(n_workers=1, threads_per_worker=1), executors.awaited

    def broken(queue):
        queue.put(awaited(queue))  # so that nothing but the wait is broken
        raise MemoryError

    with Flow("f") as flow:
        place = where()
    try:
        monkeypatch.setattr(executors, "awaited", broken)
        with pytest.raises(MemoryError):
            flow.run(executor=executor)
        assert active_run() is None
        monkeypatch.undo()
        flow.run(executor=executor).raise_for_failure()
        assert place.value != HERE
        (lease,) = KEEPER.alive()
        assert (lease.name, lease.state, lease.in_use) == ("kernel/dask", "open", False)
    finally:
        executor.close()


def test_what_breaks_the_fetching_of_a_value_is_raised_as_it_is(executor, monkeypatch):
    with Flow("f") as flow:
        found = large()
    flow.run(executor=executor).raise_for_failure()

    def broken(*_args, **_options):
        raise TimeoutError("an alarm of the user's")

    monkeypatch.setattr(executor._client, "sync", broken)
    with pytest.raises(TimeoutError, match="an alarm"):
        _ = found.value
    monkeypatch.undo()
    assert found.value == codes.large()


@pytest.mark.parametrize("container", [list, tuple, set, dict.fromkeys], ids=lambda of: of.__name__)
def test_a_large_container_is_sent_as_a_whole(executor, container):
    numbers = container(range(100_000))
    with Flow("f") as flow:
        counts = [task(len)(numbers) for _ in range(2)]
    flow.run(executor=executor).raise_for_failure()
    assert [one.value for one in counts] == [100_000] * 2


def test_a_container_that_is_sent_as_a_whole_is_as_large_to_a_worker():
    numbers = list(range(100_000))
    assert sizeof(Whole(numbers)) >= sizeof(numbers) > 100_000


@pytest.mark.parametrize("container", [list, tuple, set, lambda found: {"all": found}])
def test_many_values_of_the_cluster_in_a_container_are_found_there(
    executor, container, monkeypatch
):
    monkeypatch.setattr("resnb.dask.scattering.LARGE", 100)
    with Flow("f") as flow:
        counted = task(len)(container([one() for _ in range(100)]))
    flow.run(executor=executor).raise_for_failure()
    assert counted.value == len(container(range(100)) if container is not set else {1})


def test_options_are_for_a_new_cluster(client):
    with pytest.raises(OptionError, match="'n_workers' is an option of a new cluster"):
        DaskExecutor(client, n_workers=2)


def test_what_is_no_cluster():
    with Flow("f") as flow:
        one()
    with pytest.raises(RunError, match="it got a int: it has to be a Dask client"):
        flow.run(executor=DaskExecutor(3))


def test_executors_have_stable_texts(client):
    assert repr(DaskExecutor()) == "DaskExecutor()"
    assert repr(DaskExecutor(n_workers=2)) == "DaskExecutor(n_workers=2)"
    assert repr(DaskExecutor("tcp://1.2.3.4:5")) == "DaskExecutor(<address>)"
    assert repr(DaskExecutor(client)) == "DaskExecutor(<Client>)"


# ---- values that are let go


def test_values_that_nobody_reads_any_more_leave_the_cluster(client, executor):
    before = set(client.futures)
    with Flow("f", keep_values="terminal") as flow:
        first = one()
        second = plus_one(first)
        last = plus_one(second)
    state = flow.run(executor=executor)
    assert (state.is_successful(), last.value) == (True, 3)
    assert [isinstance(state.result[h].kept, LetGo) for h in (first, second)] == [True, True]
    with pytest.raises(NoValueError, match=r"'plus_one' was let go"):
        assert second.value
    kept = state.result[last].kept
    held = {kept.future.key} if kept.future is not None else set()
    until(lambda: set(client.futures) - before <= held)


def test_a_mapped_task_lets_the_values_of_its_children_go(executor):
    with Flow("f", keep_values="terminal") as flow:
        numbers = plus_one.map([1, 2, 3])
        more = plus_one.map(numbers)
        last = task(sum)(more)
    state = flow.run(executor=executor)
    assert (state.is_successful(), last.value) == (True, 12)
    assert all(isinstance(one.kept, LetGo) for one in state.result[numbers].map_states)


def test_what_a_kernel_reads_of_a_cluster_is_let_go_too(executor):
    @resource_manager
    class Own:
        def setup(self):
            return "own"

        def cleanup(self, resource):
            pass

    with Flow("f", keep_values="terminal") as flow:
        with Own() as own:
            first = plus_one(1)
            second = task(lambda value, own: value, name="here", thread="setup")(first, own)
        last = plus_one(second)
    state = flow.run(executor=executor)
    assert (state.is_successful(), last.value) == (True, 3)
    assert isinstance(state.result[first].kept, LetGo)


def test_a_client_forgets_who_has_heard_the_reports_of_a_run(client, executor):
    with Flow("f") as flow:
        plus_one(1)
    flow.run(executor=executor)
    heard = {topic for topic in client._event_handlers if topic.startswith("resnb-")}
    until(lambda: heard.isdisjoint(client._event_handlers))
