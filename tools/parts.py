"""Run named parts of the checks in order; stop at the first that fails; print each one's time.

    python tools/parts.py set-up lint unit

It is run by the Python that the developer has, before there is a virtual environment: its first
part makes that. So it imports only the standard library and what does likewise.
"""

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pythons

ROOT = Path(__file__).resolve().parents[1]
PYTEST = ".venv/bin/python -m pytest"
REAL_KERNELS = "tests/kernel"
REAL_BROWSER = "tests/browser"
LEDGER = str(ROOT / "build" / "ledger")
"""Where resources are listed while anything is tested: not with the developer's own."""
CRASHES = "tests/crash"
WITHOUT_SLOW_PARTS = " ".join(f"--ignore={one}" for one in (REAL_KERNELS, REAL_BROWSER, CRASHES))

WAITING = "-n 4"  # most of these wait for other processes, so two cores have time for four
NOTEBOOKS = f"{PYTEST} --nbval notebooks --ignore=notebooks/resources"
"""One by one: nbval's kernels might meet at a port. Others need engines, which tests start."""
DRAWN = " ".join(f"notebooks/{name}.ipynb" for name in ("quickstart", "across-cells"))
"""What is told of a picture is the same with either Graphviz: two notebooks show that."""
MORE_EXAMPLES = "-m 'long or hypothesis' --hypothesis-profile=long"

LARGE = "pyspark[connect]>=4.0 testcontainers>=4.9"
"""Nearly 1 GB, so only the long tests have it."""

OLDEST = (
    "jupyterlab==4.2.* notebook==7.2.* ipykernel==6.29.* ipython==8.20.* jupyter-server==2.14.* "
    "anywidget==0.9.* ipywidgets==8.1.* click cloudpickle graphviz graphviz-pure platformdirs "
    "psutil"
)
"""The front ends and kernels that resnb supports at least, and what else it needs in a kernel."""
ON_OLDEST = " ".join(
    f"{REAL_BROWSER}/test_{name}.py" for name in ("run_all", "live", "notebook_7", "at_rest")
)


class Part(NamedTuple):
    """Commands that stand or fall together."""

    title: str
    commands: Sequence[str]
    environment: Mapping[str, str] = {}
    program: str | None = None
    """A program that the part needs, and installs if it may: Debian's package is in `package`."""
    package: str = ""


def environment(python: str, folder: str) -> list[str]:
    """Commands that make a virtual environment, with today's pip.

    The pip that comes with a Python may try older and older versions of a library, and compile one.
    """
    return [
        f"{python} -m venv {folder}",
        f"{folder}/bin/python -m pip install --quiet --upgrade pip",
    ]


def on_python(version: str) -> Part:
    """The unit part on another Python, if that is there: byte code differs, and warnings do."""
    there = f"build/python-{version}"
    return Part(
        f"unit and stateful on Python {version}",
        [
            *environment(f"python{version}", there),
            f"{there}/bin/python -m pip install --quiet --editable .[lab,test]",
            f"{there}/bin/python -m pytest tests {WITHOUT_SLOW_PARTS} {WAITING}",
        ],
        program=f"python{version}",
        package=f"python{version}",
    )


PARTS = {
    "set-up": Part("set-up", ["make setup"]),
    "lint": Part(
        "lint",
        [
            ".venv/bin/ruff check",
            ".venv/bin/ruff format --check",
            ".venv/bin/mypy",
            ".venv/bin/lint-imports --no-logo",
            ".venv/bin/python tools/circles.py",
        ],
    ),
    "front": Part("front end", ["make widget", "npm run --silent check", "npm test --silent"]),
    "unit": Part(
        "unit and stateful",
        [f"{PYTEST} tests {WITHOUT_SLOW_PARTS} {WAITING}"],
    ),
    "python-3.12": on_python("3.12"),
    "python-3.13": on_python("3.13"),
    "kernel": Part("real kernels", [f"{PYTEST} {REAL_KERNELS} {WAITING}"]),
    "browser": Part(
        "real browser",
        [f"{PYTEST} {REAL_BROWSER} -n 2"],
        program="chromium",
        package="chromium",
    ),
    "browser-all": Part(
        "real browser: the rest",
        [f"{PYTEST} {REAL_BROWSER} -m long -n 2"],
        program="chromium",
        package="chromium",
    ),
    "browser-oldest": Part(
        "real browser: the oldest Jupyter that is supported",
        [
            *environment("python3", "build/oldest"),
            f"build/oldest/bin/python -m pip install --quiet {OLDEST}",
            f"{PYTEST} {ON_OLDEST} -n 2 -m 'long or not long'",
        ],
        environment={"RESNB_JUPYTER": str(ROOT / "build" / "oldest" / "bin" / "python")},
        program="chromium",
        package="chromium",
    ),
    "crash": Part("crash: a sample", [f"{PYTEST} -rs {CRASHES}"]),
    "crash-all": Part(
        "crash: all of it",
        [
            ".venv/bin/python -m benchmarks.crash --ends processes",
            ".venv/bin/python -m benchmarks.crash --ends containers --trials 3",
        ],
    ),
    "notebooks": Part(
        "notebooks, bundled Graphviz",
        [NOTEBOOKS],
        environment={"RESNB_GRAPHVIZ": "bundled"},
    ),
    "notebooks-dot": Part(
        "notebooks, system Graphviz",
        [f"{PYTEST} --nbval {DRAWN}"],
        environment={"RESNB_GRAPHVIZ": "system"},
        program="dot",
        package="graphviz",
    ),
    "long": Part(
        "long: more examples",
        [
            f".venv/bin/python -m pip install --quiet {LARGE}",
            f"{PYTEST} tests --ignore={REAL_BROWSER} {MORE_EXAMPLES} --timeout=3600 -n 2",
        ],
    ),
}


def run(part: Part) -> str:
    """Run a part's commands with their output as it comes.

    Returns:
        What became of the part: "passed", "failed" or why it was skipped.
    """
    if part.program is not None and not available(part.program, part.package):
        return f"skipped: no `{part.program}` here, and nobody to install {part.package}"
    for command in part.commands:
        setting = "".join(f"{name}={value} " for name, value in part.environment.items())
        print(f"\n=== {part.title}: {setting}{command}", flush=True)
        path = f"{os.environ['PATH']}{os.pathsep}{ROOT / '.venv' / 'bin'}"  # Node may be there
        environment = {**os.environ, "RESNB_HOME": LEDGER, **part.environment, "PATH": path}
        words = shlex.split(command)
        words[0] = located(words[0], path) or words[0]
        done = subprocess.run(words, cwd=ROOT, env=environment, check=False)
        if done.returncode != 0:
            return "failed"
    return "passed"


def available(program: str, package: str) -> bool:
    """Whether `program` is there, if need be after installing Debian's `package` as root."""
    apt = shutil.which("apt-get")
    if located(program) is None and apt is not None and os.geteuid() == 0:
        subprocess.run([apt, "update", "-qq"], check=False)
        subprocess.run([apt, "install", "-y", "-qq", package], check=False)
    return located(program) is not None


def located(program: str, path: str | None = None) -> str | None:
    """Where a program is, `python3.12` among them; None if it is not here."""
    name, _, version = program.partition("python3.")
    if not name and version:
        return pythons.find(f"3.{version}")
    return shutil.which(program, path=path)


def print_table(rows: Sequence[tuple[str, float, str]]) -> None:
    """Print what each part took, in seconds, and what became of it."""
    width = max((len(title) for title, _, _ in rows), default=len("total"))
    total = ("total", sum(seconds for _, seconds, _ in rows), "")
    print()
    for title, seconds, outcome in [*rows, total]:
        print(f"{title:<{width}}  {seconds:7.1f} s  {outcome}".rstrip())


def main(names: Sequence[str]) -> int:
    """Run the parts called `names`; 0 if none failed."""
    if unknown := [name for name in names if name not in PARTS]:
        print(f"no part is called {', '.join(unknown)}; there are: {', '.join(PARTS)}")
        return 2
    rows: list[tuple[str, float, str]] = []
    try:
        for part in (PARTS[name] for name in names):
            start = time.perf_counter()
            outcome = run(part)
            rows.append((part.title, time.perf_counter() - start, outcome))
            if outcome == "failed":
                return 1
    finally:
        print_table(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
