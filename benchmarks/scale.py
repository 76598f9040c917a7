"""How far one machine goes: time and memory a task, for flows of up to a million no-op tasks.

    python -m benchmarks.scale [--sizes 10000 100000 1000000]

Each flow is built and run in a process of its own, on two worker threads. "Mapped" is one task
mapped over a list of that many numbers, and one that takes all results; "layered" is as many
tasks, with two inputs each. Below it: what a `%%flow` cell of ten tasks takes in a flow of 10,000,
without its output.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from benchmarks import engine
from resnb import Flow, ThreadExecutor, task

REPEAT = 9
COLUMNS = (
    "flow", "tasks", "build: CPU, µs a task", "run µs", "its CPU", "bytes a task", "MB at most",
)  # fmt: skip
MEMORY = 1_000  # MB that a layered flow of a million tasks takes at most


def layered(size: int) -> Flow:
    """As many tasks in layers."""
    flow, _ = engine.built(engine.layered(size))
    return flow


def mapped(size: int) -> Flow:
    """One task mapped over as many numbers."""
    with Flow("mapped") as flow:
        task(engine.many, name="total")(task(engine.one, name="each").map(list(range(size))))
    return flow


KINDS: dict[str, Callable[[int], Flow]] = {"mapped": mapped, "layered": layered}


def megabytes() -> float:
    """The most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(kind: str, size: int) -> list[Any]:
    """A line of the table."""
    before = megabytes()
    cpu = time.process_time()
    flow = KINDS[kind](size)
    build = time.process_time() - cpu
    began, cpu = time.perf_counter(), time.process_time()
    flow.run(executor=ThreadExecutor(engine.WORKERS)).raise_for_failure()
    run, cpu = time.perf_counter() - began, time.process_time() - cpu
    each = [1e6 * seconds / size for seconds in (build, run, cpu)]
    return [*each, (megabytes() - before) * 1024 * 1024 / size, megabytes()]


def cell_milliseconds() -> float:
    """What a cell takes that adds ten tasks to a flow of 10,000."""
    from IPython.core.interactiveshell import InteractiveShell

    shell: Any = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "resnb")
    shell.run_cell("from resnb import task\ndef no_op(*values):\n    return 1\n")
    many = "last = task(no_op)()\nfor _ in range(9_999):\n    last = task(no_op)(last)"
    shell.run_cell_magic("flow", "big --quiet", many)
    found = []
    for cell in range(REPEAT):
        body = "\n".join(f"t{cell}_{number} = task(no_op)(last)" for number in range(10))
        began = time.perf_counter()
        shell.run_cell_magic("flow", "big --quiet", body)
        found.append(1e3 * (time.perf_counter() - began))
    return median(found)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measured(options.one[0], int(options.one[1]))))
        return
    print(*COLUMNS, sep=" | ")
    print("---|" + "--:|" * (len(COLUMNS) - 2) + "--:")
    for kind in KINDS:
        for size in options.sizes:
            command = [sys.executable, "-m", "benchmarks.scale", "--one", kind, str(size)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            build, run, cpu, memory, most = json.loads(done.stdout)
            print(
                kind, f"{size:,}", f"{build:.1f}", f"{run:.1f}", f"{cpu:.1f}", f"{memory:,.0f}",
                f"{most:,.0f}", sep=" | ", flush=True,
            )  # fmt: skip
    print(f"\nThe budget of the largest flow is {MEMORY:,} MB.")
    print(f"A cell of ten tasks: {cell_milliseconds():.1f} ms (budget 5).")


if __name__ == "__main__":
    main()
