"""Runs that share a client: each hears that the cluster has lost its last worker."""

import asyncio

import pytest

from resnb.dask.cluster_loss import WorkerWatch


class Loop:
    """Does at once what it is given, and later what is to be done later."""

    def __init__(self):
        self.later = []

    def call_later(self, delay, function):
        del delay
        self.later.append(function)
        return function

    def remove_timeout(self, timer):
        self.later.remove(timer)

    def add_callback(self, function):
        if (found := function()) is not None:
            asyncio.run(found)


class Client:
    """A client whose cluster has no worker left."""

    status = "running"

    def __init__(self):
        self.loop, self.handlers = Loop(), {}

    def subscribe_topic(self, topic, handler):
        self.handlers[topic] = handler

    def unsubscribe_topic(self, topic):
        del self.handlers[topic]

    async def nthreads(self):
        return {}

    def happens(self, action):
        if "all" in self.handlers:
            asyncio.run(self.handlers["all"]((0.0, {"action": action})))

    def time_passes(self):
        while self.loop.later:
            self.loop.later.pop(0)()


@pytest.fixture
def client():
    return Client()


def test_each_run_is_told(client):
    told = []
    watches = [WorkerWatch(client, told.append) for _ in range(3)]
    watches[2].close()
    client.happens("remove-worker")
    client.time_passes()
    assert len(told) == 2
    for one in watches[:2]:
        one.close()
    assert client.handlers == {}


def test_a_worker_that_comes_in_time_is_enough_for_all(client):
    told = []
    watches = [WorkerWatch(client, told.append) for _ in range(2)]
    client.happens("remove-worker")
    client.happens("add-worker")
    client.time_passes()
    assert told == []
    for one in watches:
        one.close()


def test_the_next_run_listens_anew(client):
    told = []
    WorkerWatch(client, told.append).close()
    watch = WorkerWatch(client, told.append)
    client.happens("remove-worker")
    client.time_passes()
    assert len(told) == 1
    watch.close()
