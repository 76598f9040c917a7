"""What `import resnb` and `%load_ext resnb` may import: every notebook pays for it at its start."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESNB_ALONE = {"resnb"}
HEAVY = {
    "IPython",
    "anywidget",
    "asyncio",
    "cloudpickle",
    "concurrent.futures",
    "dask",
    "dataclasses",
    "distributed",
    "graphviz",
    "inspect",
    "ipywidgets",
    "logging",
    "multiprocessing",
    "numpy",
    "pandas",
    "platformdirs",
    "psutil",
    "sqlite3",
}
NOT_BEFORE_USE = {"anywidget", "dask", "distributed", "graphviz", "ipywidgets", "numpy", "pandas"}

PROBE = """
import json, sys
sys.path.insert(0, {root!r})
{before}
known = set(sys.modules)
{statement}
print(json.dumps(sorted(set(sys.modules) - known)))
"""
A_SHELL = """
from IPython.core.interactiveshell import InteractiveShell
InteractiveShell.instance()
"""


def modules_that_come_with(statement, before="", home=None):
    probe = PROBE.format(root=str(ROOT), before=before, statement=statement)
    done = subprocess.run(
        [sys.executable, "-I", "-c", probe],
        capture_output=True,
        check=False,
        env={"IPYTHONDIR": str(home)} if home else {},
        text=True,
    )
    assert done.returncode == 0, done.stderr
    *printed, modules = done.stdout.splitlines()
    assert printed == []
    return set(json.loads(modules))


def test_import_resnb_imports_next_to_nothing():
    come = modules_that_come_with("import resnb")
    assert {name for name in come if name.partition(".")[0] == "resnb"} == RESNB_ALONE
    assert come & HEAVY == set()


def test_load_ext_imports_no_library_before_it_is_used(tmp_path):
    come = modules_that_come_with(
        "InteractiveShell.instance().run_line_magic('load_ext', 'resnb')", A_SHELL, tmp_path
    )
    assert come & NOT_BEFORE_USE == set()
