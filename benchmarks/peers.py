"""resnb beside other engines on the same graphs, in one sitting: one table in Markdown.

    python -m benchmarks.peers FOLDER [--python NAME=PROGRAM]... [--sizes 100 1000 10000]

FOLDER holds `bench_one.py`, which measures one engine in one process, between two raw loops on
the same graph, and checks its answer. An engine is measured with the interpreter that is named
for it (``resnb``: this one; ``prefect1`` and ``peers``: environments that have them).
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ENGINES = {  # what a column is called: the interpreter, the name that bench_one.py has for it
    "resnb": ("resnb", "prefect1"),
    "raw loop": ("resnb", "raw-loop"),
    "raw pool": ("resnb", "raw-pool"),
    "dask threads (dict)": ("peers", "dask-dict-threads"),
    "dask.delayed threads": ("peers", "dask-threads"),
    "Hamilton": ("peers", "hamilton"),
    "Prefect 1.4.1": ("prefect1", "prefect1-quiet"),
}
SHAPES = ("chain", "fan", "layered")
COLUMNS = ("build µs a task", "run µs", "CPU µs", "peak MB")
LIMIT = 300.0
"""Seconds that one measurement may take."""


def measured(program: str, folder: Path, peer: str, shape: str, size: int) -> Mapping[str, Any]:
    """What `bench_one.py` found out; with ``error`` if it did not."""
    environment = dict(os.environ)
    if program == sys.executable:
        environment["PREFECT_API_MODULE"] = "resnb"
        environment["PYTHONPATH"] = str(Path(__file__).parents[1])
    command = [program, "bench_one.py", peer, shape, str(size)]
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True,
            timeout=LIMIT, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {"error": f"over {LIMIT:.0f} s"}
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if not lines:
        return {"error": done.stderr.strip().splitlines()[-1:] or "no result"}
    found: Mapping[str, Any] = json.loads(lines[-1].removeprefix("RESULT "))
    return found


def cells(found: Mapping[str, Any], size: int) -> Sequence[str]:
    """The columns of one measurement."""
    if "error" in found:
        return [str(found["error"]), *[""] * (len(COLUMNS) - 1)]
    build, run, cpu = (found.get(f"{one}_s", 0.0) * 1e6 / size for one in ("build", "run", "cpu"))
    return [f"{build:.1f}", f"{run:.1f}", f"{cpu:.1f}", f"{found.get('peak_mb', 0):.0f}"]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--python", action="append", default=[], metavar="NAME=PROGRAM")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1_000, 10_000])
    parser.add_argument("--shapes", nargs="+", default=SHAPES)
    options = parser.parse_args()
    programs = {"resnb": sys.executable, **dict(one.split("=", 1) for one in options.python)}
    print("graph", "tasks", "engine", *COLUMNS, sep=" | ")
    print("---|--:|---|" + "--:|" * (len(COLUMNS) - 1) + "--:")
    for shape in options.shapes:
        for size in options.sizes:
            for name, (program, peer) in ENGINES.items():
                if program in programs:
                    found = measured(programs[program], options.folder, peer, shape, size)
                    line = cells(found, size)
                    print(shape, f"{size:,}", name, *line, sep=" | ", flush=True)


if __name__ == "__main__":
    main()
