"""What values that last cost: a run in which all is kept, beside joblib.Memory; what a step adds.

    python benchmarks/values.py [--tasks 10000] [--repeat 3]

The functions add one to a number. A run's time is from ``flow.run`` to its end; joblib.Memory is
called in a loop for the same numbers, which it has all seen.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
from IPython.core.interactiveshell import InteractiveShell

from resnb import Flow, task

CELL = "total = 0\nfor _ in range(1000):\n    total += 1"
_MS, _S = 1e3, 1.0


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RESNB_CACHE"] = folder
        print(f"load {os.getloadavg()[0]:.1f}\n\n| | median | worst | budget |\n|---|--:|--:|--:|")
        computed, found = runs(options.tasks, options.repeat)
        row(f"{options.tasks:,} tasks, all computed and kept, s", [computed])
        row(f"{options.tasks:,} tasks, all found, s", found, "0.5")
        row(f"joblib.Memory, {options.tasks:,} calls, all found, s", memory(options, Path(folder)))
        row("what a `--step` cell adds to its code, ms", steps(), "1")


def row(what: str, values: list[float], budget: str = "") -> None:
    """Print one figure."""
    print(f"| {what} | {statistics.median(values):.2f} | {max(values):.2f} | {budget} |")


def plus_one(number: int) -> int:
    """The next number."""
    return number + 1


def runs(count: int, repeat: int) -> tuple[float, list[float]]:
    """Seconds of a run that keeps everything, and of those that find it."""

    def once() -> float:
        with Flow("values") as flow:
            one = task(plus_one, cache_for="1h")
            for number in range(count):
                one(number)
        began = time.perf_counter()
        if not flow.run().is_successful():
            raise SystemExit("the run has failed")
        return time.perf_counter() - began

    return once(), [once() for _ in range(repeat)]


def memory(options: argparse.Namespace, folder: Path) -> list[float]:
    """Seconds of joblib for the same."""
    kept: Any = joblib.Memory(folder / "joblib", verbose=0).cache(plus_one)
    for number in range(options.tasks):
        kept(number)
    return [
        timed(lambda: [kept(number) for number in range(options.tasks)])
        for _ in range(options.repeat)
    ]


def steps() -> list[float]:
    """Milliseconds that a cell takes more as a step than as plain code, run again and again."""
    shell: Any = InteractiveShell.instance()
    shell.run_cell("%load_ext resnb")
    plain = [timed(lambda: shell.run_cell(CELL)) for _ in range(30)]
    step = [
        timed(lambda: shell.run_cell(f"%%flow etl --step --run --quiet\n{CELL}")) for _ in range(30)
    ]
    return [_MS * (one - statistics.median(plain)) for one in step[5:]]


def timed(call: Callable[[], object]) -> float:
    """The seconds that a call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
