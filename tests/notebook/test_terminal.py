"""Cells that are typed into a terminal, which has no ids for them."""

import subprocess
import sys

LINES = [
    "%load_ext resnb",
    "data = [3, 1]",
    "%%flow etl --step Sort --run --quiet\ndata = sorted(data)",
    "%%flow etl --step Check --run --quiet\n1 / 0",
    "%%flow etl --step Check --run --quiet\nassert data",
    "%%flow etl --step Sort --run --quiet\ndata = sorted(data, reverse=True)",
    "%flow etl",
    "print(data)",
    "%%flow etl --step Add --quiet\ntotal = 1",
    "%%flow etl --step --quiet\ntotal = 2",
    "%flow etl",
]
SCRIPT = f"""
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance(colors="nocolor")
for line in {LINES!r}:
    shell.run_cell(line, store_history=True)
"""
SHOWN = """\
etl · success
✓ Sort
○ Check · stale: its input data has changed ← Sort
[3, 1]
etl · success
✓ Sort
○ Check · stale: its input data has changed ← Sort
○ total
"""


def test_a_step_that_is_typed_again_by_its_title_replaces_the_one_before(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout[done.stdout.index("etl ·") :] == SHOWN
