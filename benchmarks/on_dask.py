"""What a flow costs on a Dask cluster, beside the same graph by Dask alone, in three ways.

python -m benchmarks.on_dask [--sizes 100 1000 2000] [--repeat 5] [--only chain layered]

By hand means one `client.submit` for each task, with futures as arguments (`client.map` for the
mapped ones), one `client.get` of the whole graph, or `dask.delayed`, whose graph is optimised. All
take turns, and a row is over after `--repeat` rounds, or after two if they take longer than
`ENOUGH` seconds. Building a flow or the graphs is not counted.

For tasks of 5 ms, it also prints how much of the workers' time they use. A wait takes longer than
it is to, so that not even bare loops of as many waits, on the same workers, reach 100 %.
"""

import argparse
import gc
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from itertools import count
from statistics import median
from typing import Any, NamedTuple

import psutil
from dask.delayed import delayed
from distributed import Client, LocalCluster

from benchmarks import engine
from resnb import DaskExecutor, Flow, task

BUDGETS = {"chain": 0.05, "layered": 0.5, "fan-out/fan-in": 0.5}
"""How long a flow may take at most, in times of the best by hand; 1.0 for what is not listed."""
EFFICIENCY = 0.95
"""How much of the workers' time tasks of 5 ms are to use, compared with bare loops."""
WORKERS = 2
ENOUGH = 60.0
SLEEPS = (200, 2_000)
PAUSE = 0.005
PARTS = 60
STEPS = (1, 5, 20, 2)


class Call(NamedTuple):
    """One task.

    Attributes:
        inputs: the places of the tasks whose values it gets, all of them before its own.
        gathers: whether it gets these as one list.
        constants: what it gets before them.
    """

    function: Callable[..., int]
    inputs: tuple[int, ...]
    gathers: bool = False
    constants: tuple[int, ...] = ()

    def arguments(self, values: Sequence[Any]) -> list[Any]:
        """What to call the function with."""
        found = [values[i] for i in self.inputs]
        return [*self.constants, *([found] if self.gathers else found)]


class Work(NamedTuple):
    """A graph; the last call's value is asked for.

    Attributes:
        maps: whether the flow maps the function of all calls but the last.
    """

    name: str
    calls: Sequence[Call]
    maps: bool = False


def sleeps() -> int:
    """A task of 5 ms."""
    threading.Event().wait(PAUSE)
    return 1


def takes(milliseconds: int, *inputs: int) -> int:
    """A task that takes so long."""
    threading.Event().wait(milliseconds / 1_000)
    return (sum(inputs) + 1) % engine.MODULUS


# ---- what is measured


def graph(shape: engine.Graph, source: Callable[..., int] = engine.source) -> Work:
    """A graph of functions by how many inputs they have."""
    functions = (source, *engine.NO_OPS[1:])
    calls = [
        Call(functions[len(inputs)], inputs)
        if len(inputs) < len(functions)
        else Call(engine.many, inputs, gathers=True)
        for inputs in shape.inputs
    ]
    return Work(shape.name, calls)


def tree(size: int) -> engine.Graph:
    """A binary tree: each task but the leaves reads two."""
    leaves = (size + 1) // 2
    inputs = [*[()] * leaves, *((2 * i, 2 * i + 1) for i in range(leaves - 1))]
    return engine.Graph("tree", inputs)


def mapped(size: int) -> Work:
    """One task mapped over numbers."""
    calls = [Call(engine.one, (), constants=(number,)) for number in range(size - 1)]
    return Work(
        "mapped", [*calls, Call(engine.many, tuple(range(size - 1)), gathers=True)], maps=True
    )


def mixed() -> Work:
    """A pipeline: parts are read, cleaned, computed and written; one of them takes a second."""
    calls: list[Call] = []
    for part in range(PARTS):
        for number, usual in enumerate(STEPS):
            milliseconds = 1_000 if (part, number) == (7, 2) else usual * (1 + part % 3)
            inputs = (len(calls) - 1,) if number else ()
            calls.append(Call(takes, inputs, constants=(milliseconds,)))
    ends = tuple(range(len(STEPS) - 1, len(calls), len(STEPS)))
    return Work("mixed, 1 ms to 1 s", [*calls, Call(engine.many, ends, gathers=True)])


def works(sizes: Sequence[int]) -> list[Work]:
    """What is measured."""
    waiting = [engine.Graph("5 ms each", [*[()] * count, tuple(range(count))]) for count in SLEEPS]
    shapes = (engine.chain, engine.fan, engine.layered, tree)
    found: list[Work] = []
    for size in sizes:
        found += [*(graph(shape(size)) for shape in shapes), mapped(size)]
    return [*found, *(graph(one, sleeps) for one in waiting), mixed()]


# ---- how; each gives a call that gives the last task's value


def by_submit(client: Client, work: Work) -> Callable[[], int]:
    """One `client.submit` for each task, or `client.map`."""

    def run() -> int:
        futures: list[Any] = []
        if work.maps:
            numbers = [one.constants[0] for one in work.calls[:-1]]
            futures = client.map(work.calls[0].function, numbers, pure=False)
        for call in work.calls[len(futures) :]:
            futures.append(client.submit(call.function, *call.arguments(futures), pure=False))
        value: int = futures[-1].result()
        return value

    return run


def by_get(client: Client, work: Work) -> Callable[[], int]:
    """One `client.get` of all."""
    keys = [f"{call.function.__name__}-{uuid.uuid4().hex}" for call in work.calls]
    found = {
        key: (call.function, *call.arguments(keys))
        for key, call in zip(keys, work.calls, strict=True)
    }
    return lambda: int(client.get(found, keys[-1]))


def by_delayed(client: Client, work: Work) -> Callable[[], int]:
    """`dask.delayed`."""
    values: list[Any] = []
    for call in work.calls:
        values.append(delayed(call.function, pure=False)(*call.arguments(values)))
    return lambda: int(client.compute(values[-1]).result())


def by_resnb(client: Client, work: Work) -> Callable[[], int]:
    """A flow."""
    known = {call.function: task(call.function) for call in work.calls}
    handles: list[Any] = []
    with Flow(work.name) as flow:
        if work.maps:
            handles = [known[work.calls[0].function].map([c.constants[0] for c in work.calls[:-1]])]
            last = known[work.calls[-1].function](handles[0])
        else:
            for call in work.calls:
                handles.append(known[call.function](*call.arguments(handles)))
            last = handles[-1]

    def run() -> int:
        state = flow.run(executor=DaskExecutor(client))
        state.raise_for_failure()
        value: int = state.result[last].result
        return value

    return run


WAYS = (by_submit, by_get, by_delayed, by_resnb)


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


def compared(client: Client, work: Work, repeat: int) -> list[list[Cost]]:
    """The costs of each way, round by round.

    Raises:
        ArithmeticError: two results differ.
    """
    costs: list[list[Cost]] = [[] for _ in WAYS]
    began = time.perf_counter()
    for turn in count():
        if turn >= repeat or (turn >= 2 and time.perf_counter() - began > ENOUGH):  # noqa: PLR2004
            return costs
        for place in range(len(WAYS)):
            number = (place + turn) % len(WAYS)
            run = WAYS[number](client, work)
            costs[number].append(measured(run))
            del run
            settle(client)
        values = {one[-1].value for one in costs}
        if len(values) > 1:
            raise ArithmeticError(f"{work.name}: {values}")
    raise AssertionError


def slept(count: int) -> float:
    """How long so many waits take in a bare loop."""
    began = time.perf_counter()
    for _ in range(count):
        sleeps()
    return time.perf_counter() - began


def efficiency(client: Client, count: int, by_hand: float, wall: float, repeat: int) -> str:
    """How much of the workers' time so many tasks of 5 ms have used."""
    loops = [max(client.run(slept, count // WORKERS).values()) for _ in range(repeat)]
    ideal, bare = PAUSE * count / WORKERS, median(loops)
    divided = median(divided_by_hand(client, count) for _ in range(repeat))
    return (
        f"(in use: {ideal / wall:.0%} of the workers' time, by hand {ideal / by_hand:.0%}, by bare "
        f"loops {ideal / bare:.0%}; that is {bare / wall:.1%} of what is possible, to be "
        f"{EFFICIENCY:.0%}; one loop for each worker and their sum by client.submit: "
        f"{bare / divided:.1%})"
    )


def divided_by_hand(client: Client, count: int) -> float:
    """How long so many waits take if each worker is given its share as one task of Dask."""
    began = time.perf_counter()
    shares = [client.submit(waited, count // WORKERS, pure=False) for _ in range(WORKERS)]
    client.submit(total, *shares, pure=False).result()
    return time.perf_counter() - began


def total(*shares: list[int]) -> int:
    """The sum of all that the workers' tasks gave."""
    return sum(map(sum, shares))


def waited(count: int) -> list[int]:
    """So many waits in one task."""
    return [sleeps() for _ in range(count)]


def megabytes(client: Client) -> float:
    """How much memory the workers' processes take."""
    found = client.run(lambda: psutil.Process().memory_info().rss)
    return float(sum(found.values())) / 1e6


def main() -> None:
    """Print the table and what follows from it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1_000, 2_000])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--only", nargs="+", default=[])
    options = parser.parse_args()
    print("seconds | tasks | rounds | submit | get | delayed | resnb | its CPU | ratio | budget")
    print("---|--:|--:|--:|--:|--:|--:|--:|--:|--:", flush=True)
    with (
        LocalCluster(
            n_workers=WORKERS, threads_per_worker=1, dashboard_address="127.0.0.1:0"
        ) as cluster,
        Client(cluster) as client,
    ):
        compared(client, graph(engine.chain(10)), 1)  # what the first calls import
        before = megabytes(client)
        for work in works(options.sizes):
            if options.only and work.name not in options.only:
                continue
            costs = compared(client, work, options.repeat)
            walls = [median(one.wall for one in some) for some in costs]
            cpu = median(one.cpu for one in costs[-1])
            ratio, budget = walls[-1] / min(walls[:-1]), BUDGETS.get(work.name, 1.0)
            print(
                f"{work.name} | {len(work.calls):,} | {len(costs[0])} | "
                f"{' | '.join(f'{one:.2f}' for one in walls)} | {cpu:.2f} | {ratio:.2f} | {budget}",
                flush=True,
            )
            if work.calls[0].function is sleeps:
                count, best = len(work.calls) - 1, min(walls[:-1])
                print(efficiency(client, count, best, walls[-1], options.repeat), flush=True)
        after = megabytes(client)
    print(f"\nThe workers took {before:.0f} MB before, and {after:.0f} MB after all of it.")
    print("No task or event was left on the cluster.")


if __name__ == "__main__":
    main()
