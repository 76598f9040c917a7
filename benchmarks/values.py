"""What values that last cost: a run in which all is kept, beside other caches; what a step adds.

    python -m benchmarks.values [--tasks 10000] [--repeat 3] [--peers 1000]

The functions add one to a number. A run's time is from ``flow.run`` to its end; joblib.Memory and
marimo are called in a loop for the same numbers, which they have all seen, and Hamilton runs a
graph of as many nodes. marimo and Hamilton are asked for fewer values, where they are installed.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import joblib
from IPython.core.interactiveshell import InteractiveShell

from benchmarks import value_peers
from resnb import Flow, task

CELL = "total = 0\nfor _ in range(1000):\n    total += 1"
_MS = 1e3


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--peers", type=int, default=1_000, help="values of marimo and Hamilton")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RESNB_CACHE"] = folder
        print(f"load {os.getloadavg()[0]:.1f}\n\n| | median | worst | budget |\n|---|--:|--:|--:|")
        computed, found = runs(options.tasks, options.repeat)
        row(f"{options.tasks:,} tasks, all computed and kept, s", [computed])
        row(f"{options.tasks:,} tasks, all found, s", [one for one, _ in found], "0.5")
        row("the same in CPU time, s", [one for _, one in found])
        row(f"joblib.Memory, {options.tasks:,} calls, all found, s", memory(options, Path(folder)))
        for peer in (value_peers.marimo, value_peers.hamilton):
            beside(peer, options, Path(folder))
        wall, cpu = steps()
        row("what a `--step` cell adds to its code, ms", wall, "1")
        row("the same in CPU time, ms", cpu)


def beside(peer: Callable[..., list[float]], options: argparse.Namespace, folder: Path) -> None:
    """Print the figures of a cache that is no dependency."""
    name, count = peer.__name__, f"{options.peers:,}"
    try:
        first, *later = peer(options.peers, options.repeat, folder)
    except ImportError:
        print(f"| {name} | not installed | | |")
        return
    row(f"{name}, {count} values, all computed and kept, s", [first])
    row(f"{name}, {count} values, all found, s", later)


def row(what: str, values: list[float], budget: str = "") -> None:
    """Print one figure."""
    print(f"| {what} | {statistics.median(values):.2f} | {max(values):.2f} | {budget} |")


def plus_one(number: int) -> int:
    """The next number."""
    return number + 1


def runs(count: int, repeat: int) -> tuple[float, list[tuple[float, float]]]:
    """Seconds of a run that keeps everything, and of those that find it, also of the CPU."""

    def once() -> tuple[float, float]:
        with Flow("values") as flow:
            one = task(plus_one, cache_for="1h")
            for number in range(count):
                one(number)
        began = time.perf_counter(), time.process_time()
        if not flow.run().is_successful():
            raise SystemExit("the run has failed")
        return time.perf_counter() - began[0], time.process_time() - began[1]

    return once()[0], [once() for _ in range(repeat)]


def memory(options: argparse.Namespace, folder: Path) -> list[float]:
    """Seconds of joblib for the same."""
    kept: Any = joblib.Memory(folder / "joblib", verbose=0).cache(plus_one)
    for number in range(options.tasks):
        kept(number)
    return [
        timed(lambda: [kept(number) for number in range(options.tasks)])
        for _ in range(options.repeat)
    ]


def steps() -> tuple[list[float], list[float]]:
    """Milliseconds that a cell takes more as a step than as plain code, run again and again.

    Returns:
        Of the clock, and of the CPU.
    """
    shell: Any = InteractiveShell.instance()
    shell.run_cell("%load_ext resnb")
    cells = CELL, f"%%flow etl --step --run --quiet\n{CELL}"
    wall, cpu = (
        [[timed(partial(shell.run_cell, cell), clock) for _ in range(60)][10:] for cell in cells]
        for clock in (time.perf_counter, time.process_time)
    )
    return added(*wall), added(*cpu)


def added(plain: list[float], step: list[float]) -> list[float]:
    """Milliseconds by which `step` is more than `plain` usually is."""
    return [_MS * (one - statistics.median(plain)) for one in step]


def timed(call: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """The seconds that a call takes, by `clock`."""
    began = clock()
    call()
    return clock() - began


if __name__ == "__main__":
    main()
