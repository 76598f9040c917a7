"""What the rehearsal of recipes costs, beside set-up: CPU of the interpreter that looks.

    python benchmarks/rehearsals.py [--repeat 15]

Recipes that are due together are rehearsed together, as those of a mapped resource are.
"""

import argparse
import json
import os
import resource
import selectors
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import FunctionType
from typing import Any

from resnb import resource as resource_of
from resnb.ids import LeaseId
from resnb.ledger.owner import this_process
from resnb.ledger.reaper.cleanup_process import CleanupProcess
from resnb.ledger.recipes.recipe import handle_of, recipe_of
from resnb.ledger.record import Environment, LeaseRecord

CLASS = """
import os, shutil, subprocess
from pathlib import Path
FOLDER = "/tmp"
def folder_of(lease):
    return Path(FOLDER, lease)
def stop(pid):
    if os.path.exists(f"/proc/{pid}"):
        os.kill(pid, 9)
class Thing:
    def __init__(self, size):
        self.size, self.names = size, ["one", "two"]
    def setup(self):
        return {"pid": 1, "name": "thing"}
    def find(self, lease):
        return {"name": lease} if folder_of(lease).exists() else None
    def cleanup(self, thing):
        if hasattr(self, "size") and thing["pid"]:
            stop(thing["pid"])
        shutil.rmtree(folder_of(thing["name"]), ignore_errors=True)
"""


def generator(name: str = "thing") -> Any:
    """A generator as a resource."""
    path = Path(name)
    process = [1, 2]
    yield path
    path.unlink(missing_ok=True)
    print(process, os.getpid())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=15)
    options = parser.parse_args()
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(CLASS, names)  # noqa: S102 - as a notebook's cell
    thing = names["Thing"](3)
    assert isinstance(generator, FunctionType)
    of_generator: Any = resource_of(generator)
    adapter = of_generator.resource_class()
    made = adapter.setup()
    print(f"load {os.getloadavg()[0]:.1f}, {options.repeat} times")
    print("\n| a rehearsal | CPU, ms: median | worst | wall, ms: median | budget |")
    print("|---|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as folder:
        row("an empty interpreter", [empty() for _ in range(options.repeat)])
        row("one that imports cloudpickle", [empty("cloudpickle") for _ in range(options.repeat)])
        for many in (1, 10, 50):
            records = [lease(thing, thing.setup(), number) for number in range(many)]
            what = f"{many} of a notebook's class"
            row(what, [measure(Path(folder), records) for _ in range(options.repeat)], many)
        records = [lease(adapter, made, 0)]
        what = "1 of a generator, which imports resnb"
        row(what, [measure(Path(folder), records) for _ in range(options.repeat)], 1)


def row(what: str, values: list[tuple[float, float]], leases: int = 0) -> None:
    """Print one line."""
    cpu, wall = ([1e3 * one[number] for one in values] for number in (0, 1))
    each = f" ({statistics.median(cpu) / leases:.1f} a lease)" if leases > 1 else ""
    budget = "60 a lease" if leases else ""
    print(
        f"| {what} | {statistics.median(cpu):.1f}{each} | {max(cpu):.1f} | "
        f"{statistics.median(wall):.1f} | {budget} |"
    )


def lease(manager: Any, resource_value: Any, number: int) -> LeaseRecord:
    """An open lease."""
    environment = Environment(sys.executable, sys.prefix, tuple(sys.path), str(Path.cwd()), ())
    return LeaseRecord(
        LeaseId(f"{number:032x}"), "bench/thing", "open", this_process(), "", "", environment,
        recipe_of("thing", manager, is_open=True).data or b"",
        handle_of(manager, resource_value).data,
    )  # fmt: skip


def measure(home: Path, records: list[LeaseRecord]) -> tuple[float, float]:
    """CPU and wall time of one rehearsal, in seconds."""
    before, began = spent(), time.perf_counter()
    with selectors.DefaultSelector() as selector:
        process = CleanupProcess(home, records[0], subprocess.DEVNULL, selector, rehearsed=records)
        while (result := process.result()) is None:
            if process.awaits_order:
                process.give_order({})
            for key, _ in selector.select(process.ask_within()):
                key.data()
    if result != ("rehearsed", json.dumps([["", ""]] * len(records))):
        raise AssertionError(result)
    return spent() - before, time.perf_counter() - began


def empty(module: str = "sys") -> tuple[float, float]:
    """CPU and wall time of an interpreter that only imports a module."""
    before, began = spent(), time.perf_counter()
    subprocess.run([sys.executable, "-P", "-c", f"import {module}"], check=True)
    return spent() - before, time.perf_counter() - began


def spent() -> float:
    """The CPU time of the processes that have ended, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
