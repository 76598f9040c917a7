"""What a lease costs: on set-up's path, in CPU, from kill -9 to its claim, in the reaper's memory.

    python benchmarks/leases.py [--repeat 20] [--history 100000]

Everything is measured twice: in an empty ledger, and in one with many leases that were closed.
Each kernel is a process of its own, which is killed while its last lease is open.
"""

import argparse
import os
import re
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from resnb.ids import LeaseId
from resnb.ledger.owner import this_process
from resnb.ledger.record import Environment, LeaseRecord
from resnb.ledger.store.store import Store

LEASES = 10
"""How many leases a kernel opens; the first also starts the reaper and counts apart."""
KERNEL = """
import os, sys, time
from resnb.ledger.kernel.keeper import KEEPER
from resnb.ledger.kernel.thread import LeaseThread
from resnb.ledger.kernel.request import LeaseRequest

class Thing:
    def __init__(self):
        self.path = sys.argv[1]
    def setup(self):
        return self.path
    def cleanup(self, path):
        import time
        with open(path, "w") as file:
            file.write(repr(time.time()))

for left in reversed(range(int(sys.argv[2]))):
    began, cpu = time.perf_counter(), time.process_time()
    request = LeaseRequest("bench/thing", Thing(), LeaseThread(), key=str(os.getpid()))
    lease = KEEPER.prepare_alone(request)
    lease.set_up()
    took = time.perf_counter() - began
    if left:
        lease.close()
    print(took, time.process_time() - cpu)
print(KEEPER.book.reaper.pid, flush=True)
input()
"""
IMPORT = "import time; began = time.time(); import cloudpickle; print(time.time() - began)"
PATIENCE = 30.0


class Sample(NamedTuple):
    """What one kernel has shown, in seconds and megabytes; CPU is that of the kernel."""

    first: float
    first_cpu: float
    costs: list[float]
    cpu: list[float]
    claim: float
    line: float
    memory: float


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--history", type=int, default=100_000)
    options = parser.parse_args()
    recipe = statistics.median(import_time() for _ in range(5))
    load = os.getloadavg()[0]
    print(f"load {load:.1f}, {options.repeat} kernels, {LEASES} leases each")
    for history in (0, options.history):
        print(f"\n| {history:,} closed leases in the ledger | median | worst | budget |")
        print("|---|--:|--:|--:|")
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            home = Path(folder, "ledger")
            fill(Store(home), history)
            samples = [measure(home, Path(folder, "cleaned")) for _ in range(options.repeat)]
        show(samples, recipe)


def show(samples: list[Sample], recipe: float) -> None:
    """Print one table."""
    row("first lease of a kernel (starts the reaper), ms", [1e3 * one.first for one in samples])
    costs = [1e3 * cost for one in samples for cost in one.costs]
    row("its CPU, with its end, ms", [1e3 * one.first_cpu for one in samples])
    row("lease on set-up's path, ms", costs, "5 (median)")
    row("its CPU, with its end, ms", [1e3 * cpu for one in samples for cpu in one.cpu])
    row("kill -9 to the reaper's claim, ms", [1e3 * one.claim for one in samples], "150, 1,000")
    budget = f"{200 + 1e3 * recipe:.0f} (0.2 s + its import)"
    row("claim to the clean-up's first line, ms", [1e3 * one.line for one in samples], budget)
    row("the reaper's memory, MB", [one.memory for one in samples], "25")


def row(what: str, values: list[float], budget: str = "") -> None:
    """Print one figure."""
    print(f"| {what} | {statistics.median(values):.1f} | {max(values):.1f} | {budget} |")


def import_time() -> float:
    """What a fresh interpreter takes to import what every recipe needs, in seconds."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def fill(store: Store, count: int) -> None:
    """Put closed leases into a ledger."""
    environment = Environment("", "", (), "", ())
    now, owner = time.time(), this_process()._replace(pid=1, started=1)
    for start in range(0, count, 10_000):
        store.restore(
            LeaseRecord(
                LeaseId(f"{number:032x}"), "bench/closed", "closed", owner, "/notebooks", "",
                environment, created=now, used=now, ended=now, reason="cleaned up",
            )
            for number in range(start, min(count, start + 10_000))
        )  # fmt: skip


def measure(home: Path, marker: Path) -> Sample:
    """One kernel: the cost of each lease, and what its death sets off."""
    kernel = subprocess.Popen(  # noqa: TID251 - killed below
        [sys.executable, "-c", KERNEL, str(marker), str(LEASES)],
        env={**os.environ, "RESNB_HOME": str(home)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert kernel.stdout is not None
    lines = [map(float, kernel.stdout.readline().split()) for _ in range(LEASES)]
    costs, cpu = map(list, zip(*lines, strict=True))
    status = Path(f"/proc/{int(kernel.stdout.readline())}/status").read_text(encoding="ascii")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    with kernel, closing(sqlite3.connect(home / "leases.db")) as db:
        marker.unlink()  # earlier leases have left it
        killed = time.time()
        kernel.send_signal(signal.SIGKILL)
        claimed = when_none(db, "state != 'closed' and state in ('opening', 'open')")
        began = when_begun(marker)
        when_none(db, "state != 'closed'")
    claimed = min(claimed, began)
    memory = int(found[1]) / 1024 if found else 0.0
    dead, line = claimed - killed, began - claimed
    return Sample(costs[0], cpu[0], costs[1:], cpu[1:-1], dead, line, memory)  # the last is open


def when_none(db: sqlite3.Connection, which: str) -> float:
    """When there is no such lease any more; asked again and again."""
    deadline = time.time() + PATIENCE
    while time.time() < deadline:
        if not db.execute(f"select 1 from leases where {which}").fetchone():  # noqa: S608
            return time.time()
    raise TimeoutError


def when_begun(marker: Path) -> float:
    """When the clean-up says that it began."""
    deadline = time.time() + PATIENCE
    while time.time() < deadline:
        if marker.exists() and (text := marker.read_text(encoding="ascii")):
            return float(text)
    raise TimeoutError


if __name__ == "__main__":
    main()
