"""``@flow`` functions whose submitted tasks run on a cluster of processes."""

import os

import pytest

import resnb
from resnb import DaskExecutor, allow_failure, as_completed, flow, resource_manager, task
from resnb.errors import FlowFailed
from resnb.run.active import active_run
from tests.dask import codes

HERE = os.getpid()
plus_one, where = task(codes.plus_one), task(codes.process_id, name="where")


@pytest.fixture(scope="module")
def client():
    with codes.cluster() as cluster, codes.client_of(cluster) as client:
        yield client


@pytest.fixture
def executor(client):
    return DaskExecutor(client)


def test_submitted_tasks_run_on_the_cluster_and_calls_here(executor):
    @flow(executor=executor)
    def main():
        submitted, mapped = where.submit(1), where.map([1, 2])
        return where(1), submitted.result(), mapped.result()

    called, submitted, mapped = main()
    assert called == HERE
    assert HERE not in {submitted, *mapped}
    assert len(main.tasks) == 4


def test_futures_and_values_go_to_other_tasks(executor):
    @flow(executor=executor)
    def main(start):
        first = plus_one.submit(start)
        second = plus_one.submit(first)
        here = plus_one(second)
        third = plus_one.submit(here)
        return third, sorted(one.result() for one in as_completed(plus_one.map([first, 10])))

    assert main(1) == (5, [3, 11])


def test_failures_retries_and_states(executor):
    @task(retries=2)
    def unsteady():
        if resnb.context.task_run_count < 3:
            raise ValueError(f"try {resnb.context.task_run_count}")
        return resnb.context.task_run_count

    @task
    def shown(x):
        return str(x)

    @flow(executor=executor)
    def main():
        bad = task(codes.plus_one, name="bad").submit("x")
        state = bad.wait()
        return unsteady.submit(), state.is_failed(), shown.submit(allow_failure(bad))

    tries, failed, text = main()
    assert (tries, failed) == (3, True)
    assert "str" in text


def test_resources_stay_in_the_kernel(executor):
    steps = []

    @resource_manager
    class Thing:
        def setup(self):
            steps.append(("setup", os.getpid()))
            return 5

        def cleanup(self, resource):
            steps.append(("cleanup", os.getpid()))

    @flow(executor=executor)
    def main():
        with Thing() as thing:
            return plus_one.submit(thing)

    assert main() == 6
    assert steps == [("setup", HERE), ("cleanup", HERE)]


def test_nested_flows_use_the_same_cluster(executor):
    @flow
    def inner(x):
        return where.submit(x)

    @flow(executor=executor)
    def main():
        return inner(plus_one.submit(1).result())

    assert main() != HERE


def test_a_cancel_stops_what_runs_there(executor, tmp_path):
    @flow(executor=executor)
    def main():
        future = task(codes.waits).submit(str(tmp_path))
        codes.await_mark(tmp_path, "waits")
        active_run().cancel()
        future.result()

    with pytest.raises(FlowFailed, match="cancelled"):
        main()
    assert active_run() is None
