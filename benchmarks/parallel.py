"""How well tasks that wait run side by side, beside a bare thread pool.

python benchmarks/parallel.py [--repeat 5]
"""

import argparse
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from statistics import median
from typing import NamedTuple

from resnb import Flow, ThreadExecutor, task

SLEEPS, PAUSE, WORKERS = 32, 0.05, 8
SIDES, LONG_PAUSE = 2, 0.1


class Case(NamedTuple):
    """One graph of tasks that wait.

    Attributes:
        ideal: milliseconds that it takes if nothing else costs anything.
        budget: milliseconds that it may take.
    """

    name: str
    ideal: float
    budget: float
    by_pool: Callable[[], object]
    flow: Flow


def waited(seconds: float, _upstream: object = None) -> float:
    """Wait, and give how long."""
    time.sleep(seconds)  # noqa: TID251 - it is what the tasks of this benchmark do
    return seconds


def sleeps() -> Case:
    """As many sleeps as there are, independent of each other, on fewer threads."""
    wait = task(waited)
    with Flow("sleeps") as flow:
        for _ in range(SLEEPS):
            wait(PAUSE)

    def by_pool() -> None:
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(waited, [PAUSE] * SLEEPS))

    ideal = 1000 * PAUSE * SLEEPS / WORKERS
    return Case(f"{SLEEPS} sleeps of {1000 * PAUSE:.0f} ms", ideal, 211, by_pool, flow)


def diamond() -> Case:
    """Two sides between a task that gives them their input and one that takes what they give."""
    wait, begin, end = task(waited), task(time.time, name="begin"), task(max, name="end")
    with Flow("diamond") as flow:
        first = begin()
        end([wait(LONG_PAUSE, first) for _ in range(SIDES)])

    def by_pool() -> None:
        with ThreadPoolExecutor(WORKERS) as pool:
            begun = pool.submit(time.time).result()
            sides = [pool.submit(waited, LONG_PAUSE, begun) for _ in range(SIDES)]
            pool.submit(max, [one.result() for one in sides]).result()

    return Case(f"diamond of {SIDES} sides of 100 ms", 1000 * LONG_PAUSE, 120, by_pool, flow)


def milliseconds(work: Callable[[], object]) -> float:
    """How long a call takes."""
    begun = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - begun)


def run(flow: Flow) -> None:
    """Run the flow; the executor is the one that `engine.py` measures no-op tasks with."""
    flow.run(executor=ThreadExecutor(WORKERS)).raise_for_failure()


def main(cases: Sequence[Callable[[], Case]] = (sleeps, diamond)) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeat", type=int, default=5)
    repeat = parser.parse_args().repeat
    print(f"ms, {WORKERS} threads | ideal | pool | resnb | worst | budget")
    print("---|--:|--:|--:|--:|--:")
    for case in (make() for make in cases):
        run(case.flow)
        turns = [
            (milliseconds(case.by_pool), milliseconds(partial(run, case.flow)))
            for _ in range(repeat)
        ]
        pool, ours = zip(*turns, strict=True)
        figures = (case.ideal, median(pool), median(ours), max(ours))
        print(case.name, *(f"{one:.1f}" for one in figures), case.budget, sep=" | ")


if __name__ == "__main__":
    main()
