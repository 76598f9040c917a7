"""The options of classes of clusters: what these take, and what is refused before they are called."""

import pytest
from distributed import LocalCluster

from resnb.dask.own_cluster import refuse_unknown_options
from resnb.errors import NothingMadeError


class Own(LocalCluster):
    def __init__(self, size=1, **options):
        super().__init__(n_workers=size, **options)


class Closed:
    def __init__(self, size):
        self.size = size


class Open:
    def __init__(self, **options):
        self.options = options


def made(size):
    return size


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (
            LocalCluster,
            {"n_workers": 1, "memory_limit": 0, "lifetime": "1h", "needs_workdir": True},
        ),
        (LocalCluster, {"worker_class": Open, "mine": 1}),
        (Own, {"size": 2, "n_workers": 1, "nthreads": 1}),
        (Closed, {"size": 1}),
        (Open, {"anything": 1}),
        (made, {"size": 1}),
        (dict, {"anything": 1}),
    ],
)
def test_what_may_be_taken_passes(kind, options):
    refuse_unknown_options("DaskExecutor", kind, options)


@pytest.mark.parametrize(
    ("kind", "name", "hint"),
    [
        (LocalCluster, "n_worker", "; did you mean 'n_workers'?"),
        (Own, "sice", "; did you mean 'size'?"),
        (LocalCluster, "ttl", "; did you mean DaskCluster.options(ttl=...)(...)?"),
        (Closed, "zzz", ""),
        (made, "sise", "; did you mean 'size'?"),
    ],
)
def test_what_cannot_be_taken_is_named(kind, name, hint):
    with pytest.raises(NothingMadeError) as caught:
        refuse_unknown_options("DaskExecutor", kind, {name: 1})
    assert str(caught.value) == (f"DaskExecutor: {kind.__qualname__} has no option {name!r}{hint}")
