"""What a flow costs on a Dask cluster, beside the same graph submitted by hand.

python -m benchmarks.on_dask [--sizes 100 1000 10000] [--repeat 5]

By hand means one `client.submit` for each task, with futures as arguments, and `client.map` for the
mapped ones. The two take turns, who begins changes from round to round, and a row is over after
`--repeat` rounds, or after two if they take longer than `ENOUGH` seconds.
"""

import argparse
import gc
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from statistics import median
from typing import Any, NamedTuple

import psutil
from distributed import Client, LocalCluster

from benchmarks import engine
from resnb import DaskExecutor, Flow, task

BUDGET = 1.2
WORKERS = 2
ENOUGH = 60.0
SLEEPS = 200


def sleeps() -> int:
    """A task of 5 ms."""
    threading.Event().wait(0.005)
    return 1


class Work(NamedTuple):
    """What is done in both ways.

    Attributes:
        name: of its shape.
        size: how many tasks it has.
        by_hand: gives the value of the last task, by Dask alone.
        built: gives the flow, and its last task.
    """

    name: str
    size: int
    by_hand: Callable[[Client], int]
    built: Callable[[], tuple[Flow, Any]]


def graph(shape: engine.Graph, functions: Sequence[Callable[..., int]] = engine.NO_OPS) -> Work:
    """A graph of functions by how many inputs they have."""
    by_hand = partial(submitted, shape, functions)
    built = partial(engine.built, shape, functions)
    return Work(shape.name, len(shape.inputs), by_hand, built)


def submitted(shape: engine.Graph, functions: Sequence[Callable[..., int]], client: Client) -> int:
    """The value of the last task, by `client.submit` for each."""
    futures: list[Any] = []
    for inputs in shape.inputs:
        values = [futures[i] for i in inputs]
        few = len(inputs) < len(functions)
        function = functions[len(inputs)] if few else engine.many
        futures.append(client.submit(function, *(values if few else [values]), pure=False))
    value: int = futures[-1].result()
    return value


def mapped(size: int) -> Work:
    """One task mapped over numbers."""

    def by_hand(client: Client) -> int:
        each = client.map(engine.one, range(size - 1), pure=False)
        value: int = client.submit(engine.many, each, pure=False).result()
        return value

    def built() -> tuple[Flow, Any]:
        with Flow("mapped") as flow:
            last = task(engine.many)(task(engine.one).map(list(range(size - 1))))
        return flow, last

    return Work("mapped", size, by_hand, built)


def works(sizes: Sequence[int]) -> list[Work]:
    """What is measured."""
    waiting = engine.Graph("5 ms each", [*[()] * SLEEPS, tuple(range(SLEEPS))])
    shapes = (engine.chain, engine.fan, engine.layered)
    found: list[Work] = []
    for size in sizes:
        found += [*(graph(shape(size)) for shape in shapes), mapped(size)]
    return [*found, graph(waiting, (sleeps, *engine.NO_OPS[1:]))]


def by_flow(client: Client, flow: Flow, last: Any) -> int:
    """The value of the last task, by resnb."""
    state = flow.run(executor=DaskExecutor(client))
    state.raise_for_failure()
    value: int = state.result[last].result
    return value


class Cost(NamedTuple):
    """Seconds on the clock and of this process's processor, and what came of it."""

    wall: float
    cpu: float
    value: int


def measured(work: Callable[[], int]) -> Cost:
    """What one call costs."""
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    value = work()
    return Cost(time.perf_counter() - wall, time.process_time() - cpu, value)


def settle(client: Client) -> None:
    """Wait until the cluster has forgotten the tasks of the last measurement."""
    gc.collect()
    never = threading.Event()
    while any(client.run_on_scheduler(_left)):
        never.wait(0.05)


def _left(dask_scheduler: Any) -> tuple[int, int]:
    """How many tasks the scheduler knows, and how many events of runs it keeps."""
    topics = dask_scheduler.get_events()
    return len(dask_scheduler.tasks), sum(topic.startswith("resnb-") for topic in topics)


def compared(client: Client, work: Work, repeat: int) -> tuple[list[Cost], list[Cost]]:
    """The costs by hand and by resnb.

    Raises:
        ArithmeticError: the two results differ.
    """
    hand: list[Cost] = []
    ours: list[Cost] = []
    began = time.perf_counter()
    for turn in count():
        if turn >= repeat or (turn >= 2 and time.perf_counter() - began > ENOUGH):  # noqa: PLR2004
            return hand, ours
        for mine in (turn % 2 == 0, turn % 2 == 1):
            if mine:
                flow, last = work.built()
                ours.append(measured(partial(by_flow, client, flow, last)))
                del flow, last
            else:
                hand.append(measured(partial(work.by_hand, client)))
            settle(client)
        if hand[-1].value != ours[-1].value:
            raise ArithmeticError(f"{work.name}: {hand[-1].value=}, {ours[-1].value=}")
    raise AssertionError


def megabytes(client: Client) -> float:
    """How much memory the workers' processes take."""
    found = client.run(lambda: psutil.Process().memory_info().rss)
    return float(sum(found.values())) / 1e6


def main() -> None:
    """Print the table and what follows from it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1_000, 10_000])
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    print("seconds | tasks | rounds | by hand | CPU | resnb | CPU | ratio | workers' MB after")
    print("---|--:|--:|--:|--:|--:|--:|--:|--:", flush=True)
    worst = 0.0
    with (
        LocalCluster(
            n_workers=WORKERS, threads_per_worker=1, dashboard_address="127.0.0.1:0"
        ) as cluster,
        Client(cluster) as client,
    ):
        compared(client, graph(engine.chain(10)), 1)  # what the first calls import
        before = megabytes(client)
        for work in works(options.sizes):
            hand, ours = compared(client, work, options.repeat)
            row = [median(one[place] for one in side) for side in (hand, ours) for place in (0, 1)]
            ratio = row[2] / row[0]
            worst = max(worst, ratio)
            costs = " | ".join(f"{cost:.2f}" for cost in row)
            print(
                f"{work.name} | {work.size:,} | {len(hand)} | {costs} | "
                f"{ratio:.2f} | {megabytes(client):.0f}",
                flush=True,
            )
    print(f"\nThe most by which a flow takes longer: {worst:.2f} times; budget {BUDGET}.")
    print(f"Before, the workers took {before:.0f} MB. No task or event was left on the cluster.")


if __name__ == "__main__":
    main()
