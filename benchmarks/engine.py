"""What a no-op task costs in resnb, beside a plain loop and a bare thread pool on the same graph.

python benchmarks/engine.py [--sizes 100 1000 10000] [--repeat 5]
"""

import argparse
import gc
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from graphlib import TopologicalSorter
from queue import SimpleQueue
from statistics import median
from typing import Any, NamedTuple

from resnb import Flow, ThreadExecutor, resource_manager, task

WORKERS = 2
MODULUS = 1_000_003
BUDGET = 6  # µs of CPU a task at the largest size


class Graph(NamedTuple):
    """A graph of no-op tasks: the places of each task's inputs, all of them before its own."""

    name: str
    inputs: Sequence[tuple[int, ...]]
    in_scope: bool = False


def chain(size: int) -> Graph:
    """Each task reads the one before it."""
    return Graph("chain", [(), *((i,) for i in range(size - 1))])


def fan(size: int) -> Graph:
    """One task is read by all others, and the last reads all of those."""
    return Graph("fan-out/fan-in", [(), *[(0,)] * (size - 2), tuple(range(1, size - 1))])


def layered(size: int, *, in_scope: bool = False) -> Graph:
    """Layers as wide as their number, or nearly; each task reads two of the layer above."""
    width = max(w for w in range(1, size) if size % w == 0 and w * w <= size)
    inputs: list[tuple[int, ...]] = [()] * width
    for layer in range(1, size // width):
        above = (layer - 1) * width
        shift = 1 + layer % (width - 1)
        inputs += [(above + i, above + (i + shift) % width) for i in range(width)]
    return Graph("layered, in a scope" if in_scope else "layered", inputs, in_scope)


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


NO_OPS: Sequence[Callable[..., int]] = (source, one, two)


def call(inputs: tuple[int, ...], values: Sequence[Any]) -> int:
    """Do one task's work on the values that are there."""
    if len(inputs) < len(NO_OPS):
        return NO_OPS[len(inputs)](*(values[i] for i in inputs))
    return many([values[i] for i in inputs])


def loop(graph: Graph) -> int:
    """The value of the last task, by a plain loop."""
    values: list[int] = []
    for inputs in graph.inputs:
        values.append(call(inputs, values))
    return values[-1]


def pool(graph: Graph) -> int:
    """The value of the last task, by graphlib and a thread pool."""
    values: list[Any] = [None] * len(graph.inputs)
    finished: SimpleQueue[int] = SimpleQueue()
    order = TopologicalSorter(dict(enumerate(graph.inputs)))

    def work(place: int) -> None:
        values[place] = call(graph.inputs[place], values)
        finished.put(place)

    order.prepare()
    with ThreadPoolExecutor(WORKERS) as workers:
        while order.is_active():
            for place in order.get_ready():
                workers.submit(work, place)
            order.done(finished.get())
    last: int = values[-1]
    return last


@resource_manager
class Nothing:
    """A resource that costs nothing itself."""

    def setup(self) -> None:
        """Make nothing."""

    def cleanup(self, resource: None) -> None:
        """Remove nothing."""


def built(graph: Graph, functions: Sequence[Callable[..., int]] = NO_OPS) -> tuple[Flow, Any]:
    """The graph as a flow, and the handle of its last task; `functions` by how many inputs."""
    no_ops = [task(function) for function in functions]
    gather = task(many)
    handles: list[Any] = []
    with Flow(graph.name) as flow:
        scope: Any = Nothing() if graph.in_scope else nullcontext()
        with scope:
            for inputs in graph.inputs:
                arguments = [handles[i] for i in inputs]
                few = len(inputs) < len(no_ops)
                handles.append(no_ops[len(inputs)](*arguments) if few else gather(arguments))
    return flow, handles[-1]


def ran(flow: Flow, last: Any) -> int:
    """The value of the last task, by resnb."""
    state = flow.run(executor=ThreadExecutor(WORKERS))
    state.raise_for_failure()
    value: int = state.result[last].result
    return value


class Cost(NamedTuple):
    """Seconds that one call took, on the clock and of the processor."""

    wall: float
    cpu: float


def measured(work: Callable[..., Any], *arguments: Any) -> tuple[Cost, Any]:
    """What calling `work` cost and gave."""
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    result = work(*arguments)
    return Cost(time.perf_counter() - wall, time.process_time() - cpu), result


class Row(NamedTuple):
    """Medians of one graph, in µs a task."""

    graph: str
    size: int
    loop: float
    pool: float
    pool_cpu: float
    build: float
    run: float
    run_cpu: float


def compare(graph: Graph, repeat: int) -> Row:
    """Measure all contenders on one graph, in turn.

    Raises:
        ArithmeticError: a contender's result differs from the plain loop's.
    """
    turns = []
    for _ in range(repeat):
        by_loop, expected = measured(loop, graph)
        by_pool, from_pool = measured(pool, graph)
        building, (flow, last) = measured(built, graph)
        by_resnb, from_resnb = measured(ran, flow, last)
        if not expected == from_pool == from_resnb:
            raise ArithmeticError(f"{graph.name}: {expected=}, {from_pool=}, {from_resnb=}")
        turns.append(
            (by_loop.cpu, by_pool.wall, by_pool.cpu, building.cpu, by_resnb.wall, by_resnb.cpu)
        )
    size = len(graph.inputs)
    return Row(
        graph.name, size, *(median(column) / size * 1e6 for column in zip(*turns, strict=True))
    )


def graphs(sizes: Sequence[int]) -> Iterator[Graph]:
    """All graphs to measure, each shape from small to large."""
    for shape in (chain, fan, layered):
        yield from (shape(size) for size in sizes)
    yield from (layered(size, in_scope=True) for size in sizes)


def main() -> None:
    """Print the table and what follows from it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1_000, 10_000])
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    rows = []
    print("µs a task | tasks | loop | pool | its CPU | resnb: build | run | its CPU")
    print("---|--:|--:|--:|--:|--:|--:|--:")
    for graph in graphs(sorted(options.sizes)):
        row = compare(graph, options.repeat)
        rows.append(row)
        print(row.graph, f"{row.size:,}", *(f"{cost:.1f}" for cost in row[2:]), sep=" | ")
    largest = max(row.size for row in rows)
    worst = max((row for row in rows if row.size == largest), key=lambda row: row.run_cpu)
    print(
        f"\nMost CPU at {largest:,} tasks: {worst.run_cpu:.1f} µs a task ({worst.graph}); "
        f"budget {BUDGET}."
    )


if __name__ == "__main__":
    main()
