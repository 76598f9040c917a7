"""What a notebook pays for resnb at its start, in milliseconds.

    python benchmarks/imports.py [--samples 7]

Each sample comes from a fresh interpreter or a fresh kernel.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import start_new_kernel

TIMED = """
from time import perf_counter
start = perf_counter()
{statement}
print(perf_counter() - start)
"""
IMPORT = "import resnb"
LOAD = "get_ipython().run_line_magic('load_ext', 'resnb')"
A_TASK = "from resnb import task\n@task\ndef one():\n    return 1"
A_FLOW_CELL = "%%flow first\nx = one()"
TIMEOUT = 60.0


def cold_import() -> float:
    """Seconds of `import resnb` in an interpreter that imported nothing else."""
    code = TIMED.format(statement=IMPORT)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    return float(done.stdout)


def kernel_import() -> float:
    """Seconds of `import resnb` in a kernel that has just started."""
    with fresh_kernel() as kernel:
        return timed(kernel, IMPORT)


def load_and_first_flow() -> tuple[float, float]:
    """Seconds of `%load_ext resnb` in a fresh kernel, then of a first flow cell to its output."""
    with fresh_kernel() as kernel:
        load = timed(kernel, LOAD)
        kernel.execute_interactive(A_TASK, timeout=TIMEOUT)
        start = time.perf_counter()
        request = kernel.execute(A_FLOW_CELL)
        wait_for_output(kernel, request)
        return load, time.perf_counter() - start


@contextmanager
def fresh_kernel() -> Iterator[BlockingKernelClient]:
    """A client of a kernel that ends with the block."""
    manager, client = start_new_kernel(extra_arguments=["--log-level=ERROR"])
    try:
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def timed(kernel: BlockingKernelClient, statement: str) -> float:
    """Seconds that `statement` takes in the kernel, by the kernel's own clock."""
    request = kernel.execute(TIMED.format(statement=statement))
    return float(wait_for_output(kernel, request)["text"])


def wait_for_output(kernel: BlockingKernelClient, request: str) -> dict[str, Any]:
    """The content of the first output of a request.

    Raises:
        RuntimeError: the cell failed, or gave no output.
    """
    while True:
        message = kernel.get_iopub_msg(timeout=TIMEOUT)
        if message["parent_header"].get("msg_id") != request:
            continue
        content: dict[str, Any] = message["content"]
        match message["msg_type"]:
            case "stream" | "display_data" | "execute_result":
                return content
            case "error":
                raise RuntimeError("\n".join(content["traceback"]))
            case "status" if content["execution_state"] == "idle":
                raise RuntimeError("the cell gave no output")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--samples", type=int, default=7)
    samples = range(parser.parse_args().samples)
    cold = [cold_import() for _ in samples]
    warm = [kernel_import() for _ in samples]
    load, flow = zip(*(load_and_first_flow() for _ in samples), strict=True)
    print("ms | median | worst | budget")
    print("---|--:|--:|--:")
    print_row("`import resnb`, cold", cold, 80)
    print_row("`import resnb` in a started kernel", warm, 60)
    print_row("`%load_ext resnb`", load, 150)
    print_row("first `%%flow` output", flow, 400)


def print_row(name: str, seconds: Sequence[float], budget: int) -> None:
    """Print one line of the table."""
    print(f"{name} | {median(seconds) * 1e3:.1f} | {max(seconds) * 1e3:.1f} | {budget}")


if __name__ == "__main__":
    main()
