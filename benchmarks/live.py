"""What a displayed view costs a run: CPU, wall time, messages and bytes a second; a real kernel.

    python benchmarks/live.py [--repeat 5] [--tasks 10000]

One kernel runs the same flow with its view closed and open, in turn. A view is what a front end
makes of one: a message that opens it, and reading all that comes. "Paced" tasks wait a moment
each, so that about 5,000 tasks a second begin and end; no-op tasks run back-to-back.
"""

import argparse
import json
import queue
from statistics import median
from typing import Any, NamedTuple
from uuid import uuid4

from jupyter_client.manager import start_new_kernel

PATIENCE = 60.0
BUDGETS = {"paced": 5, "back-to-back": 15}  # per cent of CPU
MOST_MESSAGES = 20  # a second

PREPARE = """
%load_ext resnb
import gc, json, threading, time
from resnb import Flow, ThreadExecutor, resource_manager, task

@resource_manager(name="machine")
class Machine:
    dies_with_kernel = True
    def setup(self):
        return 1
    def cleanup(self, resource):
        pass

never = threading.Event()

def no_op(*values):
    return 1

def pause(*values):
    never.wait(0.0002)

def built(name, work, size, width=100):
    with Flow(name) as flow, Machine():
        row = [task(work)() for _ in range(width)]
        for _ in range(size // width - 1):
            row = [task(work)(row[i], row[i - 1]) for i in range(width)]
    return flow

def mapped(name, size):
    with Flow(name) as flow, Machine():
        task(no_op).map(list(range(size)))
    return flow

def measured(flow, times):
    gc.collect()  # else whoever comes next pays for what was left
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(times):
        flow.run(executor=ThreadExecutor(2)).raise_for_failure()
    print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu]))
"""


class Cost(NamedTuple):
    """What some runs cost: seconds on the clock and of the processor, messages and their bytes."""

    wall: float
    cpu: float
    messages: int
    size: int


class Kernel:
    """A kernel, and what it says to front ends."""

    def __init__(self) -> None:
        self.manager, self.client = start_new_kernel()
        self.models: list[str] = []
        """Ids of the comms of widgets, in the order in which they were opened."""

    def run(self, code: str) -> tuple[str, int, int]:
        """Run a cell.

        Returns:
            What it printed, and the number and bytes of widget messages since the last cell.
        """
        asked = self.client.execute(code)
        printed, messages, size = "", 0, 0
        while True:
            message = self.client.get_iopub_msg(timeout=PATIENCE)
            kind, content = message["msg_type"], message["content"]
            if kind == "comm_open" and "_esm" in content["data"].get("state", {}):
                self.models.append(content["comm_id"])
            elif kind == "comm_msg":
                messages += 1
                size += len(json.dumps(content))
            elif kind == "error":
                raise RuntimeError("\n".join(content["traceback"]))
            elif message["parent_header"].get("msg_id") == asked:
                printed += content["text"] if kind == "stream" else ""
                if kind == "status" and content["execution_state"] == "idle":
                    return printed, messages, size

    def say(self, model: str, what: str) -> None:
        """Send what a view says when it is opened or closed, and wait until all is quiet."""
        ask = uuid4().hex
        data = {"method": "custom", "content": {"do": what, "view": "bench", "ask": ask}}
        content = {"comm_id": model, "data": data}
        self.client.shell_channel.send(self.client.session.msg("comm_msg", content))
        try:
            while True:
                self.client.get_iopub_msg(timeout=1.0)
        except queue.Empty:
            return

    def close(self) -> None:
        """End it."""
        self.client.stop_channels()
        self.manager.shutdown_kernel()


def cost(kernel: Kernel, name: str, times: int) -> Cost:
    """What `times` runs of the flow called `name` cost."""
    printed, messages, size = kernel.run(f"measured({name}, {times})")
    wall, cpu = json.loads(printed)
    return Cost(wall, cpu, messages, size)


def compared(kernel: Kernel, name: str, model: str, times: int, repeat: int) -> tuple[Cost, Cost]:
    """The median costs without and with a view, measured in turn."""
    found: dict[str, list[Cost]] = {"close": [], "open": []}
    for number in range(repeat + 1):
        for what, costs in found.items():
            kernel.say(model, what)
            one = cost(kernel, name, times)
            if number:  # the first of each warms up
                costs.append(one)
    kernel.say(model, "close")
    without, seen = (
        Cost(*(median(one) for one in zip(*costs, strict=True))) for costs in found.values()
    )
    return without, seen


def row(name: str, tasks: int, times: int, without: Cost, seen: Cost) -> str:
    """A line of the table."""
    changes = 2 * tasks * times / without.wall
    cells: list[Any] = [
        name,
        f"{tasks:,}",
        f"{changes:,.0f}",
        f"{1e6 * without.cpu / (tasks * times):.1f}",
        f"{100 * (seen.cpu / without.cpu - 1):+.1f} %",
        f"{100 * (seen.cpu - without.cpu) / seen.wall:+.1f} %",
        f"{100 * (seen.wall / without.wall - 1):+.1f} %",
        f"{seen.messages / seen.wall:.1f}",
        f"{seen.size / seen.wall / 1000:.1f}",
    ]
    return " | ".join(cells)


def main() -> None:
    """Print the table and the budgets."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--tasks", type=int, default=10_000)
    options = parser.parse_args()
    size = options.tasks
    cases = (
        ("paced", f"built('paced', pause, {size})", size, 1),
        ("back-to-back", f"built('back_to_back', no_op, {size})", size, 20),
        ("10 mapped", "mapped('few', 10)", 10, 200),
        ("100,000 mapped", "mapped('many', 100_000)", 100_000, 1),
    )
    columns = (
        "flow", "tasks", "changes a second", "µs CPU a task", "CPU with a view", "of a core",
        "wall", "messages a second", "KB a second",
    )  # fmt: skip
    kernel = Kernel()
    try:
        kernel.run(PREPARE)
        print(*columns, sep=" | ")
        print("---|" + "--:|" * (len(columns) - 2) + "--:")
        for number, (name, source, tasks, times) in enumerate(cases):
            flow = f"flow_{number}"
            kernel.run(f"{flow} = {source}")
            kernel.run(flow)  # its widget
            without, seen = compared(kernel, flow, kernel.models[-1], times, options.repeat)
            print(row(name, tasks, times, without, seen), flush=True)
    finally:
        kernel.close()
    budgets = ", ".join(f"{name} {limit} %" for name, limit in BUDGETS.items())
    print(f"\nBudgets: CPU with a view: {budgets}; at most {MOST_MESSAGES} messages a second.")


if __name__ == "__main__":
    main()
