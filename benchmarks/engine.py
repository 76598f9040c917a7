"""What a no-op task costs in resnb, beside a plain loop and a bare thread pool on the same graph.

    python benchmarks/engine.py [--sizes 100 1000 10000] [--repeat 5]

The pool is graphlib's order and a `ThreadPoolExecutor`, whose CPU includes making the order; it is
compared with that of resnb for building and running. A second table says what the layered graph
costs if one more task of its flow uses what the others do not.
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
from resnb.notebook.cells.freshness import Freshness

WORKERS = 2
MODULUS = 1_000_003
BUDGET = 6  # µs of CPU a task to run at the largest size
AT_MOST = 1.0  # CPU to build and run, to that of graphlib with the pool
SWITCHED_IN = 1.1  # CPU with something switched in that no task of the graph uses, to that without


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
    """Medians of one graph: CPU to build and run to that of the pool, and costs in µs a task."""

    graph: str
    size: int
    ratio: float
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
    costs = (median(column) / size * 1e6 for column in zip(*turns, strict=True))
    ratio = median((build + run) / by_pool for _, _, by_pool, build, _, run in turns)
    return Row(graph.name, size, ratio, *costs)


# ---- what is switched in, and not used


def a_hook() -> None:
    """One task has a hook."""
    task(source, on_failure=print, state_handlers=[lambda *_: None])()


def a_value_that_lasts() -> None:
    """One task's value is kept on disk."""
    task(source, cache_for="1h")()


def a_scope() -> None:
    """One task is in a scope."""
    scope: Any = Nothing()
    with scope:
        task(source)()


EXTRAS: dict[str, Callable[[], object]] = {
    "nothing": task(source),
    "a hook on one more task": a_hook,
    "a value that lasts, of one more": a_value_that_lasts,
    "a scope around one more": a_scope,
    "noting what tasks are made of": task(source),
}


def with_extra(graph: Graph, name: str) -> float:
    """Seconds of CPU to build and run `graph` with that switched in."""

    def work() -> None:
        flow, last = built(graph)
        with flow:
            EXTRAS[name]()
        ran(flow, last)
        if "noting" in name:
            noted.note(flow)

    noted = Freshness()
    return measured(work)[0].cpu


def switched_in(graph: Graph, repeat: int) -> dict[str, float]:
    """For each extra, CPU to build and run, to that without any, measured in turns."""
    turns = [{name: with_extra(graph, name) for name in EXTRAS} for _ in range(repeat)]
    return {name: median(one[name] / one["nothing"] for one in turns) for name in EXTRAS}


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
    print("µs a task | tasks | loop | pool | its CPU | resnb: build | run | its CPU | ratio of CPU")
    print("---|--:|--:|--:|--:|--:|--:|--:|--:")
    for graph in graphs(sorted(options.sizes)):
        row = compare(graph, options.repeat)
        rows.append(row)
        costs = (f"{cost:.1f}" for cost in row[3:])
        print(row.graph, f"{row.size:,}", *costs, f"{row.ratio:.2f}", sep=" | ", flush=True)
    largest = max(row.size for row in rows)
    worst = max((row for row in rows if row.size == largest), key=lambda row: row.run_cpu)
    print(
        f"\nMost CPU at {largest:,} tasks: {worst.run_cpu:.1f} µs a task ({worst.graph}); "
        f"budget {BUDGET}."
    )
    worst = max((row for row in rows if row.size == largest), key=lambda row: row.ratio)
    print(
        f"Built and run, to graphlib with the pool: {worst.ratio:.2f} at most ({worst.graph}); "
        f"budget {AT_MOST:.1f}.\n"
    )
    print(f"layered, {largest:,} tasks, and switched in | CPU to that with nothing | budget")
    print("---|--:|--:")
    for name, ratio in switched_in(layered(largest), options.repeat).items():
        print(name, f"{ratio:.2f}", SWITCHED_IN, sep=" | ")


if __name__ == "__main__":
    main()
