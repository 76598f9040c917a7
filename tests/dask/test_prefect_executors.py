"""Executors with the keywords that they have in Prefect 1.x."""

import os

import pytest
from distributed import LocalCluster

import resnb
from resnb import DaskExecutor, Flow, LocalDaskExecutor, LocalExecutor, ThreadExecutor, task
from resnb.errors import OptionError
from resnb.ledger.kernel.keeper import KEEPER
from resnb.signals import LOOP
from tests.dask import codes

HERE = os.getpid()
SMALL = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
CONTEXT = ["flow_name", "map_index", "task_full_name", "task_run_count", "parameters", "x"]


@task
def look(name):
    return resnb.context.get(name)


@task
def count_to(n):
    done = resnb.context.get("task_loop_result", [])
    if len(done) < n:
        raise LOOP(result=[*done, resnb.context.task_loop_count])
    return done


@pytest.fixture(scope="module")
def cluster():
    with codes.cluster(n_workers=1) as cluster:
        yield cluster


def test_an_address_with_options_of_the_client(cluster):
    executor = DaskExecutor(address=cluster.scheduler_address, client_kwargs={"name": "mine"})
    assert executor.address == cluster.scheduler_address
    with Flow("f") as flow:
        found = task(codes.process_id)()
    try:
        assert flow.run(executor=executor).is_successful()
        assert found.value != HERE
        assert "-mine-" in executor._client.id
    finally:
        executor.close()


@pytest.mark.parametrize(
    "options",
    [
        {"cluster_kwargs": {**SMALL, "processes": False}, "adapt_kwargs": {"maximum": 1}},
        {"cluster_class": LocalCluster, "cluster_kwargs": {**SMALL, "processes": False}},
        {"cluster_class": "distributed.LocalCluster", **SMALL, "processes": False, "debug": True},
    ],
    ids=["adapts", "class", "text"],
)
def test_a_cluster_of_its_own_is_kept_and_shared(options):
    executor = DaskExecutor(**options)
    with Flow("f") as flow:
        task(codes.one)()
    try:
        assert flow.run(executor=executor).is_successful()
        (lease,) = KEEPER.alive()
        assert flow.run(executor=DaskExecutor(**options)).is_successful()
        assert KEEPER.alive() == (lease,)
        assert isinstance(lease.resource.cluster, LocalCluster)
    finally:
        executor.close()
    assert KEEPER.alive() == ()


@pytest.mark.parametrize("option", ["cluster_class", "cluster_kwargs", "adapt_kwargs", "n_workers"])
def test_options_of_a_new_cluster_do_not_go_with_an_address(option):
    given = {"cluster_class": LocalCluster, "n_workers": 1}.get(option, {"n_workers": 1})
    with pytest.raises(OptionError, match="is an option of a new cluster, and a cluster was given"):
        DaskExecutor(address="tcp://1.2.3.4:5", **{option: given})


def test_options_that_are_left_out():
    with pytest.raises(OptionError, match="no option 'performance_report_path', which Prefect has"):
        DaskExecutor(performance_report_path="x.html")
    DaskExecutor(watch_worker_status=None, disable_cancellation_event=False)


def test_local_dask_executors():
    assert isinstance(LocalDaskExecutor(), ThreadExecutor)
    assert LocalDaskExecutor(scheduler="threads", num_workers=3).max_workers == 3
    assert isinstance(LocalDaskExecutor("synchronous"), LocalExecutor)
    processes = LocalDaskExecutor(scheduler="processes", num_workers=2)
    assert repr(processes) == "DaskExecutor(n_workers=2, threads_per_worker=1)"
    for wrong in ("fast", None):
        with pytest.raises(OptionError, match="must be one of threads, processes, synchronous"):
            LocalDaskExecutor(wrong)


def test_the_context_is_there_on_workers(cluster):
    with Flow("f") as flow:
        number = resnb.Parameter("number", default=3)
        found, single, loops = look.map(CONTEXT), look("task_name"), count_to.map([0, 2])
    with resnb.context(x=object, y=1):
        state = flow.run(executor=DaskExecutor(cluster), number=7)
    state.raise_for_failure()
    assert found.value == ["f", 1, "look[2]", 1, {"number": 7}, object]
    assert (single.value, loops.value, number.value) == ("look", [[], [1, 2]], 7)
