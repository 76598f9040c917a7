"""What a shared ledger costs: many owners with their leases on one PostgreSQL.

    python -m benchmarks.fleet [--owners 1000] [--leases 10] [--rounds 3]

A server of its own is started by ``shared/engines/postgres``, beside or above the repository. Every
owner renews once in each round, by a connection that was kept, as its reaper does every 10 s. The
share of a core is what all processes of the server took for that, spread over those 10 s.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil

from benchmarks.many_leases import KERNEL, pause
from resnb.ids import LeaseId
from resnb.ledger.owner import Owner, this_process
from resnb.ledger.record import Environment, LeaseRecord
from resnb.ledger.store.postgresql import PostgresServer
from resnb.ledger.store.store import LOST_AFTER, Store

RENEWED_EVERY = 10.0
"""How often an owner renews, in seconds."""
CONNECTIONS = 50
"""How many are kept at a time here; each owner has one, which costs memory and no time."""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--owners", type=int, default=1000)
    parser.add_argument("--leases", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    places = (one / "shared" / "engines" / "postgres" for one in Path(__file__).parents)
    script = next(one for one in places if one.exists())
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        done = subprocess.run([script, "start", folder], capture_output=True, text=True, check=True)
        try:
            postmaster = int(Path(folder, "data", "postmaster.pid").read_text().split()[0])
            show(done.stdout.strip(), Path(folder), postmaster, options)
        finally:
            subprocess.run([script, "stop", folder], capture_output=True, check=True)


def show(url: str, home: Path, postmaster: int, options: argparse.Namespace) -> None:
    """Measure, and print each figure."""
    me = this_process()
    owners = [me._replace(pid=number) for number in range(options.owners)]
    store = Store(home, PostgresServer(url, kept=True))
    store.restore(
        lease(f"{owner.pid}-{number}", owner)
        for owner in owners
        for number in range(options.leases)
    )
    count = options.owners * options.leases
    print(f"load {os.getloadavg()[0]:.1f}, {options.owners:,} owners, {count:,} leases\n")
    print("| a shared ledger | median | worst | budget |")
    print("|---|--:|--:|--:|")
    stores = [Store(home, PostgresServer(url, kept=True)) for _ in range(CONNECTIONS)]
    for one in stores:
        one.renew(me)
    shares = [share_of_renewals(stores, owners, postmaster) for _ in range(options.rounds)]
    row("all renewals, % of a core", shares, "5")
    looks = [1e3 * timed(store.expired) for _ in range(options.rounds)]
    row(f"to look for owners lost for {LOST_AFTER:g} s, ms", looks)
    for which, kept in (("a connection each time", False), ("one connection", True)):
        one = Store(home, PostgresServer(url, kept=kept))
        names = [f"path-{kept}-{number}" for number in range(50)]
        costs = [1e3 * timed(partial(hold, one, lease(name, me))) for name in names]
        row(f"lease on set-up's path, {which}, ms", costs, "15")
        one.let_go()
    for one in (store, *stores):
        one.let_go()
    row("a reaper's memory, MB", [reaper_megabytes(url, home) for _ in range(options.rounds)])


def hold(store: Store, one: LeaseRecord) -> None:
    """What is written on the path of a set-up."""
    store.add(one)
    store.open(one.id, one.owner, handle=b"handle")


def share_of_renewals(stores: list[Store], owners: list[Owner], postmaster: int) -> float:
    """What renewing once costs the server, in % of a core over the time between two renewals."""
    before = cpu_of(postmaster)
    for number, owner in enumerate(owners):
        assert stores[number % len(stores)].renew(owner)
    return 100 * (cpu_of(postmaster) - before) / RENEWED_EVERY


def reaper_megabytes(url: str, home: Path) -> float:
    """The memory of a reaper that has renewed once, whose kernel holds a lease there."""
    environment = {**os.environ, "RESNB_HOME": str(home / "kernel"), "RESNB_LEDGER": url}
    command = [sys.executable, "-c", KERNEL, str(home / "lines"), "1", "0"]
    with psutil.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as kernel:
        assert kernel.stdout is not None
        reaper = psutil.Process(int(kernel.stdout.readline()))
        pause(RENEWED_EVERY + 2)
        found = reaper.memory_info().rss / 2**20
        kernel.communicate("\n")
        return found


def cpu_of(postmaster: int) -> float:
    """The processor time of a server, in seconds."""
    first = psutil.Process(postmaster)
    times = [one.cpu_times() for one in (first, *first.children())]
    return sum(one.user + one.system for one in times)


def lease(name: str, owner: Owner) -> LeaseRecord:
    """A lease that is being opened."""
    environment = Environment("python", "/usr", ("/usr/lib",) * 5, "/", (("PATH", "/bin"),))
    now = time.time()
    return LeaseRecord(
        LeaseId(name), "bench/thing", "opening", owner, "/notebooks", "", environment,
        recipe=b"recipe" * 200, created=now, used=now,
    )  # fmt: skip


def timed(act: Callable[[], object]) -> float:
    """How long something takes, in seconds."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def row(what: str, values: list[float], budget: str = "") -> None:
    """Print one figure."""
    print(f"| {what} | {statistics.median(values):.1f} | {max(values):.1f} | {budget} |")


if __name__ == "__main__":
    main()
