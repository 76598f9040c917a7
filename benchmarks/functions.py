"""What a no-op task costs in a ``@flow`` function, called, submitted, and inside a resource.

python benchmarks/functions.py [--sizes 1000 10000] [--repeat 5]
"""

import argparse
import gc
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from resnb import ThreadExecutor, flow, resource_manager, task

BUDGET = 50
"""µs of CPU a task at the largest size."""


@task
def step(values: list[int]) -> list[int]:
    """The no-op: each task reads the one before it."""
    return values[:]


@resource_manager
class Nothing:
    """A resource that costs nothing itself."""

    def setup(self) -> list[int]:
        """Make nothing."""
        return []

    def cleanup(self, resource: list[int]) -> None:
        """Remove nothing."""


@flow
def called(size: int) -> None:
    """Each task runs when it is called."""
    values: Any = [1]
    for _ in range(size):
        values = step(values)


@flow(executor=ThreadExecutor(2))
def submitted(size: int) -> None:
    """Each task waits for the future of the one before it."""
    future: Any = step.submit([1])
    for _ in range(size - 1):
        future = step.submit(future)
    future.result()


@flow
def in_a_block(size: int) -> None:
    """Each task is called inside a block that holds a resource."""
    scope: Any = Nothing()
    with scope as values:
        for _ in range(size):
            step(values)


def cost(function: Callable[[int], None], size: int) -> tuple[float, float]:
    """µs a task on the clock, and of the processor."""
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    function(size)
    spent = time.perf_counter() - wall, time.process_time() - cpu
    return spent[0] / size * 1e6, spent[1] / size * 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    print("µs a task in a @flow function | tasks | wall | its CPU")
    print("---|--:|--:|--:")
    worst = 0.0
    for function in (called, submitted, in_a_block):
        for size in options.sizes:
            rows = [cost(function, size) for _ in range(options.repeat)]
            wall, cpu = (median(column) for column in zip(*rows, strict=True))
            print(function.name, f"{size:,}", f"{wall:.1f}", f"{cpu:.1f}", sep=" | ")
            worst = max(worst, cpu) if size == max(options.sizes) else worst
    print(f"\nMost CPU at {max(options.sizes):,} tasks: {worst:.1f} µs a task; budget {BUDGET}.")


if __name__ == "__main__":
    main()
