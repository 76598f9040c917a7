"""How a run knows the threads of its cluster."""

import pytest

from resnb.dask.seats import seats_of


class Client:
    """A client that was told something of its cluster, and may ask."""

    def __init__(self):
        self.workers = {"b": 1, "a": 2}
        self.asked = 0
        self._scheduler_identity = {}
        self.hears()

    def hears(self):
        threads = sum(self.workers.values())
        identity = {"id": "one", "n_workers": len(self.workers), "total_threads": threads}
        self._scheduler_identity = {**identity, "workers": {}}

    def scheduler_info(self):
        self.asked += 1
        workers = {name: {"name": name, "nthreads": n} for name, n in self.workers.items()}
        return {**self._scheduler_identity, "workers": workers}


@pytest.fixture
def client():
    return Client()


def test_a_cluster_is_asked_once(client):
    seats = seats_of(client)
    assert seats.cluster == "one"
    assert seats.threads == 3
    assert seats.labels == ("Dask worker a", "Dask worker a · 2", "Dask worker b")
    assert seats_of(client) is seats
    assert client.asked == 1


def test_it_is_asked_again_once_it_is_heard_to_have_changed(client):
    seats_of(client)
    client.workers["c"] = 1
    client.hears()
    assert seats_of(client).labels[-1] == "Dask worker c"
    assert client.asked == 2


def test_it_is_asked_each_time_if_nothing_is_heard_of_it(client):
    client._scheduler_identity = {}
    client.scheduler_info = lambda info=client.scheduler_info: {**info(), "id": "old"}
    assert [seats_of(client).cluster for _ in range(2)] == ["old", "old"]
    assert client.asked == 2
