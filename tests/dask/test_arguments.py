"""Arguments that come from elsewhere: futures of the user's, and large values of the kernel."""

import weakref

import pytest

from resnb import DaskExecutor, Flow, Parameter, resource_manager, task
from tests.dask import codes
from tests.ledger.things import until

plus_one = task(codes.plus_one)


class Column(list):
    """A list that can be referred to weakly, and stays one by whatever way it goes."""


@pytest.fixture(scope="module")
def client():
    with codes.cluster(n_workers=1) as cluster, codes.client_of(cluster) as client:
        yield client


@pytest.fixture
def executor(client):
    return DaskExecutor(client)


def test_a_future_is_its_value_also_inside_of_something(client, executor):
    four, numbers = client.submit(codes.plus_one, 3), client.submit(list, (1, 2, 3))
    with Flow("f") as flow:
        alone = plus_one(four)
        inside = task(lambda given: given["a"][0] + given["b"])({"a": [four], "b": 1})
        over = plus_one.map([four, 7])
        mapped = plus_one.map(Parameter("numbers"))
    state = flow.run(executor=executor, numbers=numbers)
    state.raise_for_failure()
    assert (alone.value, inside.value, over.value, mapped.value) == (5, 5, [5, 8], [2, 3, 4])


def test_a_future_of_another_client_of_the_cluster_is_its_value_too(client, executor):
    with codes.client_of(client.scheduler.address) as other:
        four = other.submit(codes.plus_one, 3)
        with Flow("f") as flow:
            found = plus_one(four)
        flow.run(executor=executor).raise_for_failure()
        assert found.value == 5


def test_a_future_that_failed_fails_what_needs_it(client, executor):
    with Flow("f") as flow:
        found = plus_one(client.submit(codes.plus_one, "text"))
        other = plus_one(1)
    state = flow.run(executor=executor)
    assert "TypeError" in state.result[found].message
    assert state.result[other].result == 2


@pytest.mark.parametrize("is_nested", [True, False])
def test_a_future_without_a_value_there_is_refused_and_takes_nothing_with_it(
    client, executor, is_nested
):
    cancelled = client.submit(codes.plus_one, 3)
    cancelled.cancel()
    until(cancelled.cancelled)
    with codes.cluster(n_workers=1, processes=False) as cluster, codes.client_of(cluster) as far:
        elsewhere = far.submit(codes.plus_one, 3)
        with Flow("f") as flow:
            refused = [
                task(len)([one]) if is_nested else plus_one(one) for one in (cancelled, elsewhere)
            ]
            other = plus_one(1)
        state = flow.run(executor=executor)
    assert "was cancelled" in state.result[refused[0]].message
    assert "is one of another cluster" in state.result[refused[1]].message
    assert state.result[other].result == 2


def test_a_large_value_of_the_kernel_is_let_go_during_the_run(executor, client, monkeypatch):
    monkeypatch.setattr("resnb.dask.scattering.LARGE", 100)
    made, left = [], []

    @resource_manager
    class Own:
        def setup(self):
            return "own"

        def cleanup(self, resource):
            pass

    def column(own):
        made.append(weakref.ref(found := Column(range(100))))
        return found

    def look(own, after):
        until(lambda: made[0]() is None)
        left.append(made[0]())

    with Flow("f", keep_values="terminal") as flow, Own() as own:
        size = task(len)(task(column, thread="setup")(own))
        task(look, thread="setup")(own, plus_one(size))
    flow.run(executor=executor).raise_for_failure()
    assert left == [None]
