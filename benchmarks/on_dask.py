"""What a flow costs on a Dask cluster, beside the same graph submitted by hand.

python benchmarks/on_dask.py [--size 10000] [--repeat 3]

By hand means one `client.submit` for each task, with futures as arguments. A chain takes as long
as Dask needs from one task to the next, so it is shorter than the others.
"""

import argparse
import gc
import threading
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, NamedTuple

from distributed import Client, LocalCluster

from resnb import DaskExecutor, Flow, task

BUDGET = 1.2
MODULUS = 1_000_003
WORKERS = 2
CHAIN = 10
"""How many times shorter a chain is."""
SLEEPS = 200


class Graph(NamedTuple):
    """A graph: the function of each task, and the places of its inputs, all before its own."""

    name: str
    tasks: Sequence[tuple[Callable[..., Any], tuple[int, ...]]]


def source() -> int:
    """The no-op without inputs."""
    return 1


def one(a: int) -> int:
    """The no-op of one input."""
    return (a + 1) % MODULUS


def two(a: int, b: int) -> int:
    """The no-op of two inputs."""
    return (a + b + 1) % MODULUS


def many(values: list[int]) -> int:
    """The no-op of a list of inputs."""
    return (sum(values) + 1) % MODULUS


def sleeps() -> int:
    """A task of 5 ms."""
    threading.Event().wait(0.005)
    return 1


def graphs(size: int) -> list[Graph]:
    """The graphs to measure."""
    width = 100
    layers: list[Any] = [(source, ())] * width
    for layer in range(1, size // width):
        above, shift = (layer - 1) * width, 1 + layer % (width - 1)
        layers += [(two, (above + i, above + (i + shift) % width)) for i in range(width)]
    short = size // CHAIN
    return [
        Graph("chain", [(source, ()), *[(one, (i,)) for i in range(short - 1)]]),
        Graph(
            "fan-out/fan-in",
            [(source, ()), *[(one, (0,))] * (size - 2), (many, tuple(range(1, size - 1)))],
        ),
        Graph("layered", layers),
        Graph("5 ms each", [*[(sleeps, ())] * SLEEPS, (many, tuple(range(SLEEPS)))]),
    ]


def by_hand(client: Client, graph: Graph) -> Any:
    """The value of the last task, by `client.submit`."""
    futures: list[Any] = []
    for function, inputs in graph.tasks:
        values: list[Any] = [futures[i] for i in inputs]
        arguments = [values] if function is many else values
        futures.append(client.submit(function, *arguments, pure=False))
    return futures[-1].result()


def built(graph: Graph) -> tuple[Flow, Any]:
    """The graph as a flow, and the handle of its last task."""
    known = {function: task(function) for function in (source, one, two, many, sleeps)}
    handles: list[Any] = []
    with Flow(graph.name) as flow:
        for function, inputs in graph.tasks:
            values = [handles[i] for i in inputs]
            handles.append(known[function](*([values] if function is many else values)))
    return flow, handles[-1]


def by_flow(client: Client, flow: Flow, last: Any) -> Any:
    """The value of the last task, by resnb."""
    state = flow.run(executor=DaskExecutor(client))
    state.raise_for_failure()
    return state.result[last].result


def measured(work: Callable[..., Any], *arguments: Any) -> tuple[float, float, Any]:
    """Seconds on the clock and of this process's processor, and what came of it."""
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    result = work(*arguments)
    return time.perf_counter() - wall, time.process_time() - cpu, result


def settle(client: Client) -> None:
    """Wait until the cluster has forgotten the tasks of the last measurement."""
    gc.collect()
    never = threading.Event()
    while any(client.has_what().values()):
        never.wait(0.1)


def main() -> None:
    """Print the table and what follows from it.

    Raises:
        ArithmeticError: the two results differ.
    """
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    print("seconds | tasks | by hand | CPU | resnb | CPU | ratio")
    print("---|--:|--:|--:|--:|--:|--:", flush=True)
    worst = 0.0
    with (
        LocalCluster(
            n_workers=WORKERS, threads_per_worker=1, dashboard_address="127.0.0.1:0"
        ) as cluster,
        Client(cluster) as client,
    ):
        for graph in graphs(options.size):
            turns = []
            for _ in range(options.repeat):
                *hand, expected = measured(by_hand, client, graph)
                settle(client)
                flow, last = built(graph)
                *ours, found = measured(by_flow, client, flow, last)
                if expected != found:
                    raise ArithmeticError(f"{graph.name}: {expected=}, {found=}")
                del flow, last
                settle(client)
                turns.append((*hand, *ours))
            row = [median(column) for column in zip(*turns, strict=True)]
            ratio = row[2] / row[0]
            worst = max(worst, ratio)
            costs = " | ".join(f"{cost:.2f}" for cost in row)
            print(f"{graph.name} | {len(graph.tasks):,} | {costs} | {ratio:.2f}", flush=True)
    print(f"\nThe most by which a flow takes longer: {worst:.2f} times; budget {BUDGET}.")


if __name__ == "__main__":
    main()
