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

    def scheduler_info(self, n_workers=5):
        self.asked += 1
        workers = {name: {"name": name, "nthreads": n} for name, n in self.workers.items()}
        some = [*workers.items()][: None if n_workers == -1 else n_workers]
        return {**self._scheduler_identity, "workers": dict(some)}


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
    client.scheduler_info = lambda info=client.scheduler_info, **given: {
        **info(**given),
        "id": "old",
    }
    assert [seats_of(client).cluster for _ in range(2)] == ["old", "old"]
    assert client.asked == 2


def test_each_worker_of_a_large_cluster_counts(client):
    client.workers = {f"{number:02}": 1 for number in range(20)}
    client.hears()
    seats = seats_of(client)
    assert seats.threads == len(seats.labels) == 20


def test_a_client_that_hears_of_the_workers_alone_counts_them(client):
    def hears():
        workers = {name: {"name": name, "nthreads": n} for name, n in client.workers.items()}
        client._scheduler_identity = {"id": "one", "workers": workers}

    hears()
    assert [seats_of(client).threads for _ in range(2)] == [3, 3]
    assert client.asked == 1
    client.workers["a"] = 4
    hears()
    assert seats_of(client).threads == 5
    assert client.asked == 2
