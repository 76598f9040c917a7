"""What a picture of a flow costs, from the flow to PNG, on each Graphviz engine.

    python benchmarks/drawing.py [--sizes 20 100 300 1000] [--repeat 5]

The flow: scopes of 50 tasks with two inputs each. "as shown" folds large flows, as a notebook's
static picture does; "unfolded" draws every task.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator, Sequence
from statistics import median
from typing import Any

from resnb import Flow, resource_manager, task
from resnb.view.dot import dot_source
from resnb.view.engines import VARIABLE, render
from resnb.view.folding import folded
from resnb.view.snapshot import snapshot
from resnb.view.text import flow_text

IN_A_SCOPE = 50
WIDTH = 10
BUDGETS = {20: 50, 1_000: 2_000}  # ms, as shown
ENGINES = ("system", "bundled")


@resource_manager
def machine() -> Iterator[None]:
    """A resource that costs nothing itself."""
    yield


@task
def start() -> int:
    """A task without inputs."""
    return 1


@task
def work(left: int, right: int) -> int:
    """A task with two inputs."""
    return left + right


def built(size: int) -> Flow:
    """A flow of `size` tasks: layers inside each scope, and an edge from scope to scope."""
    last = None
    with Flow(f"{size} tasks") as flow:
        for begin in range(0, size, IN_A_SCOPE):
            with machine():
                tasks: list[Any] = []
                for number in range(min(IN_A_SCOPE, size - begin)):
                    if number >= WIDTH:
                        above = number - WIDTH
                        beside = above - above % WIDTH + (above + 1) % WIDTH
                        tasks.append(work(tasks[above], tasks[beside]))
                    else:
                        tasks.append(start() if last is None else work(last, number))
            last = tasks[-1]
    return flow


def measured(call: Callable[[], Any], repeat: int) -> tuple[float, Any]:
    """The median of milliseconds that `call` takes, and what it gives."""
    found = []
    for _ in range(repeat):
        begin = time.perf_counter()
        result = call()
        found.append((time.perf_counter() - begin) * 1e3)
    return median(found), result


def cells(size: int, repeat: int) -> Sequence[str]:
    """One line of the table."""
    flow = built(size)
    in_python, _ = measured(lambda: dot_source(folded(snapshot(flow))), repeat)
    text, _ = measured(lambda: flow_text(snapshot(flow)), repeat)
    found = [f"{size:,}", f"{in_python:.1f}", f"{text:.1f}"]
    for engine in ENGINES:
        os.environ[VARIABLE] = engine
        shown, png = measured(lambda: render(dot_source(folded(snapshot(flow)))), repeat)
        whole, _ = measured(lambda: render(dot_source(snapshot(flow))), 1)
        found += [f"{shown:.0f}", f"{len(png) / 1000:.0f}", f"{whole:.0f}"]
    return found


def main() -> None:
    """Print the table and the budgets."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[20, 100, 300, 1_000])
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    render("digraph {}")  # what the first drawing of a process pays once
    dot_source(snapshot(built(1)))
    columns = ["tasks", "ms to DOT", "ms to text"]
    for engine in ENGINES:
        columns += [f"{engine}: ms to PNG, as shown", "KB", "ms, unfolded"]
    print(*columns, sep=" | ")
    print("--:|" * (len(columns) - 1) + "--:")
    for size in sorted(options.sizes):
        print(*cells(size, options.repeat), sep=" | ")
    budgets = ", ".join(f"{size:,} tasks {limit:,} ms" for size, limit in BUDGETS.items())
    print(f"\nBudgets, as shown: {budgets}.")


if __name__ == "__main__":
    main()
