"""Code of tasks that workers import, and clusters for them."""

import gc
import os
import signal
import threading
import time
from pathlib import Path

from distributed import Client, LocalCluster

from resnb.dask.bundles.forming import Limits

DEADLINE = 150.0
"""Seconds within which a run has to end, whatever became of its cluster.

A busy machine needs more than twenty to start a worker again, and some tests end four of them.
"""

SMALL = Limits(bundle=0, soon=0, least=0, chain=0, short=-1, long=-1, unknown=0)
"""Bundles of one task each."""
LARGE = Limits(bundle=1e6, soon=1e6, chain=1e6, short=1e6, long=1e6, rows=1000, guess=0.0)
"""Whatever may travel together does; what has to travel alone, by an infinite time, does not."""


def cluster(n_workers=2, **options):
    """A quiet cluster of processes."""
    return LocalCluster(
        n_workers=n_workers,
        dashboard_address="127.0.0.1:0",
        silence_logs=60,
        **{"threads_per_worker": 1, **options},
    )


def client_of(of):
    return Client(of, set_as_default=False)


def one():
    return 1


def large():
    """What is too large to come back with a report."""
    return bytes(200)


def plus_one(number):
    return number + 1


def total(*numbers):
    return sum(numbers)


def process_id(*_):
    return os.getpid()


def mark(folder, name):
    """Leave a mark of this call: its process."""
    path = Path(folder) / f"{name}-{os.getpid()}-{time.time_ns()}"
    path.touch()


def marks(folder, name):
    return sorted(path.name for path in Path(folder).glob(f"{name}-*"))


def await_mark(folder, name):
    never, deadline = threading.Event(), time.monotonic() + DEADLINE
    while not marks(folder, name):
        assert time.monotonic() < deadline, f"nobody has left a mark {name!r}"
        never.wait(0.02)
    return int(marks(folder, name)[0].split("-")[1])


def await_none(look):
    """Wait until there is nothing left of what `look` finds, which Python may have to collect.

    Threads that end may hold it for a moment.
    """
    never, deadline = threading.Event(), time.monotonic() + DEADLINE
    while left := look():
        assert time.monotonic() < deadline, f"still there: {left}"
        never.wait(0.02)
        gc.collect()


def marked(number, folder, name):
    mark(folder, name)
    return number + 1


def dies():
    """Kill the worker."""
    os.kill(os.getpid(), signal.SIGKILL)


def dies_when_told(folder):
    """Kill the worker at the first call, once there is a mark for that."""
    first = not marks(folder, "dies")
    mark(folder, "dies")
    if first:
        await_mark(folder, "go")
        os.kill(os.getpid(), signal.SIGKILL)


def dies_always(folder):
    """Kill the worker once there is a mark for that."""
    await_mark(folder, "go")
    os.kill(os.getpid(), signal.SIGKILL)


def dies_at(number, killer):
    """Kill the worker at that number."""
    if number == killer:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def dies_once(folder):
    """Kill the worker at the first call."""
    first = not marks(folder, "dies")
    mark(folder, "dies")
    if first:
        os.kill(os.getpid(), signal.SIGKILL)
    return "survived"


def waits_again(folder):
    """Return at the first call, wait for ever at the second."""
    again = marks(folder, "waits")
    mark(folder, "again" if again else "waits")
    while again:
        time.sleep(0.01)
    return bytes(200)


def fails_again(folder):
    """Return at the first call, raise at the second."""
    again = marks(folder, "fails")
    mark(folder, "fails")
    if again:
        raise ValueError("not again")
    return bytes(200)


def waits_at_first(folder):
    """Wait for ever at the first call, return at the second."""
    first = not marks(folder, "waits")
    mark(folder, "waits")
    while first:
        time.sleep(0.01)
    return "elsewhere"


def waits(folder):
    mark(folder, "waits")
    while True:
        time.sleep(0.01)
