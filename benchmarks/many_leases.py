"""What many leases cost at once: after kill -9, at rest with large recipes, and in a mapped scope.

    python benchmarks/many_leases.py [--leases 200] [--large 80] [--items 100] [--repeat 3]

Each kernel is a process of its own. Its clean-ups leave a line each in a file of the benchmark, so
what is counted is counted outside resnb.
"""

import argparse
import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil

KERNEL = """
import os, sys
from resnb.ledger.kernel.keeper import KEEPER
from resnb.ledger.kernel.thread import LeaseThread
from resnb.ledger.kernel.request import LeaseRequest

class Thing:
    def __init__(self, path, size):
        self.path, self.load = path, os.urandom(size)
    def setup(self):
        return self.path
    def cleanup(self, path):
        with open(path, "a") as file:
            file.write("x")

thread = LeaseThread()
for number in range(int(sys.argv[2])):
    thing = Thing(sys.argv[1], int(sys.argv[3]))
    KEEPER.prepare(LeaseRequest(f"bench/thing{number}", thing, thread)).set_up()
print(KEEPER.book.reaper.pid, flush=True)
input()
"""
MAPPED = """
import sys, time
from resnb import Flow, resource_manager

@resource_manager
class Thing:
    def __init__(self, number):
        self.number = number
    def setup(self):
        return self.number
    def cleanup(self, number):
        pass

with Flow("many") as flow, Thing.map(list(range(int(sys.argv[1])))):
    pass
began = time.perf_counter()
flow.run().raise_for_failure()
print(time.perf_counter() - began)
"""
LARGE = 900_000
"""The size of a large recipe, in bytes; the limit is 1 MiB."""
WATCHED = 20.0
"""How long an idle reaper is watched, in seconds."""
PATIENCE = 300.0


class Held(NamedTuple):
    """A kernel that holds leases, and its reaper."""

    kernel: psutil.Popen
    reaper: psutil.Process
    home: Path
    lines: Path


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leases", type=int, default=200)
    parser.add_argument("--large", type=int, default=80)
    parser.add_argument("--items", type=int, default=100)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}\n\n| | median | worst | budget |\n|---|--:|--:|--:|")
    took = [cleaned_up(options.leases) for _ in range(options.repeat)]
    row(f"kill -9 to the last of {options.leases} instant clean-ups, s", took)
    resting = [at_rest(options.large, LARGE) for _ in range(options.repeat)]
    row(
        f"the reaper's memory beside {options.large} recipes of 0.9 MB, MB",
        [one[0] for one in resting],
        "25",
    )
    row("its CPU while the kernel is idle, %", [one[1] for one in resting])
    mapped = [milliseconds_an_item(options.items) for _ in range(options.repeat)]
    row(f"each of {options.items} items that a resource is mapped over, ms", mapped)


def row(what: str, values: list[float], budget: str = "") -> None:
    """Print one figure."""
    print(f"| {what} | {statistics.median(values):.2f} | {max(values):.2f} | {budget} |")


@contextmanager
def held(count: int, size: int) -> Iterator[Held]:
    """A kernel with so many leases, whose recipes have so many bytes."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        home, lines = Path(folder, "ledger"), Path(folder, "lines")
        kernel = psutil.Popen(  # killed by the caller, or below
            [sys.executable, "-c", KERNEL, str(lines), str(count), str(size)],
            env={**os.environ, "RESNB_HOME": str(home)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with kernel:
            assert kernel.stdout is not None
            reaper = psutil.Process(int(kernel.stdout.readline()))
            yield Held(kernel, reaper, home, lines)
            kernel.send_signal(signal.SIGKILL)
            until_closed(home)


def cleaned_up(count: int) -> float:
    """Seconds from the kernel's death until the last of its clean-ups has completed."""
    with held(count, 0) as found:
        began = time.monotonic()
        found.kernel.send_signal(signal.SIGKILL)
        until_closed(found.home)
        took = time.monotonic() - began
        done = found.lines.read_text(encoding="ascii")
        if len(done) != count:
            sys.exit(f"{len(done)} clean-ups ran for {count} leases")
    return took


def at_rest(count: int, size: int) -> tuple[float, float]:
    """Megabytes of the reaper, and its percentage of a core, while its kernel does nothing."""
    with held(count, size) as found:
        until_rehearsed(found.home)
        before, began = sum(found.reaper.cpu_times()[:2]), time.monotonic()
        pause(WATCHED)
        used = sum(found.reaper.cpu_times()[:2]) - before
        share = 100 * used / (time.monotonic() - began)
        return found.reaper.memory_info().rss / 2**20, share


def milliseconds_an_item(count: int) -> float:
    """What each item of a mapped resource takes, set-up and clean-up, which do nothing."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        command = [sys.executable, "-c", MAPPED, str(count)]
        environment = {**os.environ, "RESNB_HOME": home}
        return 1e3 * float(subprocess.check_output(command, env=environment)) / count


def until_rehearsed(home: Path) -> None:
    """Wait until no recipe is being checked any more."""
    until_none(home, "state = 'open' and rehearsal = 'due'")


def until_closed(home: Path) -> None:
    """Wait until no lease is left."""
    until_none(home, "state != 'closed'")


def until_none(home: Path, which: str) -> None:
    """Wait until there is no such lease any more."""
    deadline = time.monotonic() + PATIENCE
    with closing(sqlite3.connect(home / "leases.db")) as db:
        while db.execute(f"select 1 from leases where {which}").fetchone():  # noqa: S608
            if time.monotonic() > deadline:
                raise TimeoutError(which)
            pause(0.01)


def pause(seconds: float) -> None:
    """Let time pass."""
    time.sleep(seconds)  # noqa: TID251 - a benchmark measures by the clock


if __name__ == "__main__":
    main()
