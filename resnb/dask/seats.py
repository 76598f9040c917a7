"""The threads of a cluster's workers, and what views call them."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

SHOWN = 100
"""Maximum number of workers whose names are known from the beginning."""


class Seats(NamedTuple):
    """The threads of a cluster's workers.

    Attributes:
        cluster: the scheduler's id.
        labels: what views call them, in order; of a large cluster only the first.
        threads: how many there are.
    """

    cluster: str
    labels: tuple[str, ...]
    threads: int


def label_of(name: str, seat: int) -> str:
    """The label of a worker's thread in views.

    Args:
        name: of the worker; its address if nobody gave it a name.
        seat: the number of the thread, from 0.
    """
    name = f"Dask worker {name.rpartition('://')[2]}"
    return f"{name} · {seat + 1}" if seat else name


def seats_of(client: Any) -> Seats:
    """The threads of the cluster of `client`.

    The scheduler is asked only if they are not known, or not as many as a client has last heard,
    which is at most 2 s ago: an answer takes longer than many a task.
    """
    known = _KNOWN.get(client)
    if known is None or known[0] != _size(client._scheduler_identity):  # noqa: SLF001 - see above
        info = client.scheduler_info(n_workers=-1)  # some versions tell of five unless asked
        known = _KNOWN[client] = _size(info), _seats(info)
    return known[1]


def _size(info: Mapping[str, Any]) -> tuple[Any, ...]:
    if "n_workers" in info or "workers" not in info:
        return tuple(info.get(one) for one in ("id", "n_workers", "total_threads"))
    workers = info["workers"].values()  # dask 2025.1 counts neither
    return info["id"], len(workers), sum(one["nthreads"] for one in workers)


def _seats(info: Mapping[str, Any]) -> Seats:
    workers = [*info["workers"].values()]
    some = workers[:SHOWN]
    seats = [(one["name"], seat) for one in some for seat in range(min(one["nthreads"], SHOWN))]
    seats.sort(key=lambda one: (isinstance(one[0], str), one))
    labels = tuple([label_of(str(name), seat) for name, seat in seats])
    return Seats(str(info["id"]), labels, sum(one["nthreads"] for one in workers))


_KNOWN: "WeakKeyDictionary[Any, tuple[tuple[Any, ...], Seats]]" = WeakKeyDictionary()
