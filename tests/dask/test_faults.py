"""What becomes of a run when parts of its cluster die: it ends, says why, and leaves no lease."""

import asyncio
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import dask
import psutil
import pytest

from resnb import DaskExecutor, Flow, resource_manager, task, triggers
from resnb.dask import cluster_loss
from resnb.dask.bundles import forming
from resnb.dask.bundles.estimates import ESTIMATES
from resnb.dask.bundles.forming import Bundler
from resnb.dask.connecting import disconnected
from resnb.dask.remote_value import RemoteValue
from tests.dask import codes
from tests.run.parts import names

pytestmark = [
    # clusters that are broken on purpose warn of it when they are closed
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
]


@pytest.fixture(
    autouse=True,
    params=["large", pytest.param("small", marks=pytest.mark.long),
            pytest.param("adaptive", marks=pytest.mark.long)],
)  # fmt: skip
def bundles(request, monkeypatch):
    """How large bundles get."""
    limits = {"large": codes.LARGE, "small": codes.SMALL}
    monkeypatch.setattr(forming, "LIMITS", limits.get(request.param, forming.LIMITS))


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """On a busy machine it may take long until a worker is there again."""
    monkeypatch.setattr(cluster_loss, "PATIENCE", codes.DEADLINE)


@pytest.fixture(scope="session")
def leak_grace():
    """A cluster with dead members takes longer to go."""
    return 60.0


@pytest.fixture(autouse=True)
def patient():
    """Nobody waits longer than usual for what is dead."""


@pytest.fixture
def thing():
    """A resource that counts what is held of it."""
    held = []

    @resource_manager
    class Thing:
        def setup(self):
            held.append("thing")
            return "thing"

        def cleanup(self, resource):
            held.remove(resource)

    Thing.held = held
    return Thing


def run_in_background(flow, cluster_or_client):
    return flow.start(executor=DaskExecutor(cluster_or_client))


def ended(flow, cluster_or_client):
    """The final state of a run there."""
    return run_in_background(flow, cluster_or_client).wait(codes.DEADLINE)


def is_reported(value):
    """Whether a worker has said how a task ended, and with what."""
    return isinstance(value, RemoteValue) and bool(value.copy)


@contextmanager
def mortal(allowed, n_workers=1, **options):
    """A client of a cluster on which one task may kill so many workers before it is given up."""
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": allowed}),
        codes.cluster(n_workers, **options) as cluster,
        codes.client_of(cluster) as client,
    ):
        yield client


def test_a_worker_that_dies_with_a_task_is_replaced(tmp_path, thing):
    with codes.cluster() as cluster, codes.client_of(cluster) as client:
        with Flow("f") as flow, thing():
            found = task(codes.dies_once)(str(tmp_path))
            after = task(lambda text: text.upper(), name="after")(found)
        state = ended(flow, client)
        assert state.is_successful(), state
        assert state.result[after].result == "SURVIVED"
        assert len(codes.marks(tmp_path, "dies")) == 2
        assert thing.held == []


def test_a_worker_that_dies_in_the_middle_of_a_bundle(tmp_path, thing):
    """What had ended by then is not done again, and what came after it is done once."""
    folder, count = str(tmp_path), 6
    marked = task(codes.marked)
    with codes.cluster() as cluster, codes.client_of(cluster) as client:
        with Flow("f") as flow, thing():
            before = [marked(0, folder, "0")]
            for number in range(1, count):
                before.append(marked(before[-1], folder, str(number)))
            dies = task(codes.dies_when_told)(folder, upstream_tasks=[before[-1]])
            after = [marked(before[-1], folder, "a", upstream_tasks=[dies]) for _ in range(2)]
        run = run_in_background(flow, client)
        never, deadline = threading.Event(), time.monotonic() + codes.DEADLINE
        while not all(is_reported(one.state.kept) for one in before):
            assert time.monotonic() < deadline, [one.state for one in before]
            never.wait(0.01)
        codes.mark(folder, "go")
        state = run.wait(codes.DEADLINE)
        assert state.is_successful(), state
        assert [one.value for one in before] == list(range(1, count + 1))
        assert [one.value for one in after] == [count + 1] * 2
        assert [len(codes.marks(folder, str(number))) for number in range(count)] == [1] * count
        assert (len(codes.marks(folder, "dies")), len(codes.marks(folder, "a"))) == (2, 2)
        assert thing.held == []


def test_only_the_task_that_kills_workers_fails(thing):
    with mortal(allowed=1) as client:
        with Flow("f") as flow, thing():
            first = task(codes.one)()
            killer = task(codes.dies)()
            others = [task(codes.plus_one)(first) for _ in range(4)]
        state = ended(flow, client)
        assert "each Dask worker that ran task 'dies' died" in state.result[killer].message
        assert [state.result[one].result for one in (first, *others)] == [1, 2, 2, 2, 2]
        assert thing.held == []


@pytest.mark.parametrize("allowed", [0, 1])
@pytest.mark.parametrize("killer", [0, 20])
def test_only_the_one_of_many_short_tasks_that_kills_workers_fails(allowed, killer):
    """What Dask had queued behind it on the same workers is not to blame."""
    ESTIMATES.add((codes.dies_at.__name__, codes.dies_at.__code__), 0.000_01)
    with mortal(allowed=allowed, n_workers=2) as client:
        with Flow("f") as flow:
            handles = [task(codes.dies_at)(number, killer) for number in range(40)]
        state = ended(flow, client)
        assert [one for one in handles if not state.result[one].is_successful()] == [
            handles[killer]
        ]


@pytest.mark.parametrize("place", [0, 2])
def test_a_link_of_a_chain_kills_workers_before_anything_is_reported(place):
    with mortal(allowed=1) as client:
        with Flow("f") as flow:
            handles = [task(codes.dies_at, max_retries=2)(0, place)]
            for number in range(1, 5):
                upstream = [handles[-1]]
                handles.append(task(codes.dies_at)(number, place, upstream_tasks=upstream))
        state = ended(flow, client)
        found = [state.result[one].name for one in handles]
        assert found == ["Success"] * place + ["Failed"] + ["TriggerFailed"] * (4 - place)
        assert "each Dask worker that ran task" in state.result[handles[place]].message


@pytest.mark.parametrize("size", [1, 500_000])
def test_dask_gives_up_a_bundle_of_which_something_has_succeeded(tmp_path, size):
    """What was reported of it can be used if it was small; otherwise, the reason says so."""
    with mortal(allowed=0) as client:
        with Flow("f") as flow:
            first = task(bytes, name="first")(size)
            killer = task(codes.dies_always)(str(tmp_path), upstream_tasks=[first])
            after = task(len, trigger=triggers.any_failed)(first, upstream_tasks=[killer])
        run = run_in_background(flow, client)
        never, deadline = threading.Event(), time.monotonic() + codes.DEADLINE
        while not first.state.is_successful():
            assert time.monotonic() < deadline, first.state
            never.wait(0.01)
        codes.mark(tmp_path, "go")
        state = run.wait(codes.DEADLINE)
        assert "each Dask worker that ran task 'dies_always'" in state.result[killer].message
        if forming.LIMITS is not codes.LARGE:  # perhaps they did not travel together
            assert state.result[after].is_finished()
        elif size == 1:
            assert after.value == 1
        else:
            assert "was lost with a Dask worker" in state.result[after].message


ONE = pickle.dumps(codes.one())


@pytest.mark.parametrize("has_copy", [True, False])
def test_dask_blames_a_value_that_it_was_making_again(tmp_path, has_copy):
    """What was reported of it is used if there is that; otherwise, the reason says so."""
    folder = str(tmp_path)
    with mortal(allowed=0, threads_per_worker=2) as client:
        with Flow("f") as flow:  # what has a time limit travels alone
            first = task(codes.waits_again, timeout=codes.DEADLINE)(folder)
            small = task(codes.one, timeout=codes.DEADLINE)()
            dies = task(codes.await_mark, timeout=codes.DEADLINE)(folder, "never")
            after = task(len, trigger=triggers.any_failed)(first, upstream_tasks=[dies])
        run = run_in_background(flow, client)
        never, deadline = threading.Event(), time.monotonic() + codes.DEADLINE
        while (
            not dies.state.is_running()  # so that it is to blame the first time
            or [getattr(one.state.kept, "copy", None) for one in (small, first)] != [ONE, b""]
        ):
            assert time.monotonic() < deadline, (first.state, small.state, dies.state)
            never.wait(0.01)
        if has_copy:  # a worker reports that of small values only, which it need not make again
            first.state.kept.copy = pickle.dumps(bytes(200))
        for moment in ("waits", "again"):
            os.kill(codes.await_mark(folder, moment), signal.SIGKILL)
        state = run.wait(codes.DEADLINE)
        assert "each Dask worker that ran task 'await_mark'" in state.result[dies].message
        if has_copy:
            assert (first.value, after.value) == (bytes(200), 200)
        else:
            assert "was lost with a Dask worker" in state.result[after].message


def test_what_was_lost_cannot_be_made_again(tmp_path):
    folder = str(tmp_path)
    with codes.cluster(n_workers=1) as cluster, codes.client_of(cluster) as client:
        with Flow("f") as flow:
            first = task(codes.fails_again, timeout=60)(folder)
            dies = task(codes.dies_once)(folder, upstream_tasks=[first])
            after = task(len)(first, upstream_tasks=[dies])
        state = ended(flow, client)
        assert [state.result[one].name for one in (first, dies)] == ["Success"] * 2
        assert "not again" in state.result[after].message


@pytest.mark.long
def test_a_task_that_kills_every_worker_fails_and_says_so(thing):
    with mortal(allowed=0) as client:
        with Flow("f") as flow, thing():
            found = task(codes.dies)()
        state = ended(flow, client)
        assert state.is_failed()
        assert "each Dask worker that ran task 'dies' died" in state.result[found].message
        assert thing.held == []


def test_a_worker_that_is_sent_away_leaves_nothing_to_be_suspected(tmp_path, thing, monkeypatch):
    suspects, suspect = [], Bundler.suspect

    def note(bundler, row):
        suspects.append(row)
        suspect(bundler, row)

    monkeypatch.setattr(Bundler, "suspect", note)
    with codes.cluster() as cluster, codes.client_of(cluster) as client:
        with Flow("f") as flow, thing():
            first = task(codes.waits_at_first)(str(tmp_path))
            others = [task(codes.plus_one)(number) for number in range(20)]
        run = run_in_background(flow, client)
        leaves = codes.await_mark(tmp_path, "waits")
        (address,) = [at for at, process in client.run(os.getpid).items() if process == leaves]
        client.retire_workers([address])
        state = run.wait(codes.DEADLINE)
        assert state.is_successful(), state
        assert state.result[first].result == "elsewhere"
        assert [state.result[one].result for one in others] == [*range(1, 21)]
        assert suspects == []
        assert thing.held == []


def test_all_workers_and_their_nannies_are_killed(tmp_path, thing, monkeypatch):
    monkeypatch.setattr(cluster_loss, "PATIENCE", 0.2)
    with codes.cluster(n_workers=1) as cluster, codes.client_of(cluster) as client:
        with Flow("f") as flow, thing():
            found = task(codes.waits)(str(tmp_path))
            task(codes.plus_one)(found)
        run = run_in_background(flow, client)
        codes.await_mark(tmp_path, "waits")
        for nanny in list(cluster.workers.values()):
            process = psutil.Process(nanny.process.pid)
            nanny.auto_restart = False
            process.kill()
        state = run.wait(codes.DEADLINE)
        assert "no Dask worker is left" in state.result[found].message
        assert names(state)["plus_one"] == "TriggerFailed"
        assert thing.held == []


@pytest.mark.long
def test_a_worker_that_is_stopped_is_given_up_after_its_time(tmp_path, thing):
    with (
        dask.config.set({"distributed.scheduler.worker-ttl": "2s"}),
        codes.cluster(processes=True) as cluster,
        codes.client_of(cluster) as client,
    ):
        with Flow("f") as flow, thing():
            found = task(codes.waits_at_first)(str(tmp_path))
        run = run_in_background(flow, client)
        stopped = codes.await_mark(tmp_path, "waits")
        os.kill(stopped, signal.SIGSTOP)
        try:
            state = run.wait(codes.DEADLINE)
        finally:
            with_signal(stopped, signal.SIGCONT)
        assert state.is_successful(), state
        assert state.result[found].result == "elsewhere"
        assert thing.held == []


def with_signal(process, number):
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return


SCHEDULER = """
import asyncio
from distributed import Nanny, Scheduler, Worker
async def main():
    async with Scheduler(port=0, dashboard=False, host="127.0.0.1") as scheduler:
        async with Worker(scheduler.address, nthreads=1):
            print(scheduler.address, flush=True)
            await scheduler.finished()
asyncio.run(main())
"""


def test_the_scheduler_is_killed(tmp_path, thing, caplog):
    process = subprocess.Popen(
        [sys.executable, "-c", SCHEDULER],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )
    executor = DaskExecutor(process.stdout.readline().strip())
    try:
        with Flow("f") as flow, thing():
            found = task(codes.waits, max_retries=2)(str(tmp_path))
            more = task(codes.one)()
            task(codes.total)(found, more)
        run = flow.start(executor=executor)
        codes.await_mark(tmp_path, "waits")
        process.kill()
        state = run.wait(codes.DEADLINE)
        assert "the Dask cluster is gone" in state.result[found].message
        assert names(state)["total"] == "TriggerFailed"
        assert thing.held == []
        assert [one.message for one in caplog.records if one.levelname == "ERROR"] == []
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        executor.close()


@pytest.mark.parametrize("last_words", ["given up", "broken off"])
def test_a_client_whose_scheduler_is_gone_says_nothing_more_of_it(last_words, caplog):
    log = logging.getLogger("distributed.client")

    class Lost:
        """A client that still looks for its scheduler; which of the two it says is up to chance."""

        def close(self):
            log.error("a word of something else")
            if last_words == "given up":
                log.error("Failed to reconnect to scheduler after %.2f seconds, closing client", 10)
            else:
                log.error("", exc_info=asyncio.CancelledError())

    disconnected(Lost())
    assert [one.message for one in caplog.records] == ["a word of something else"]
