"""Programs for Prefect, rewritten for resnb."""

import ast
import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from resnb.cli.main import main
from resnb.migrate.names import _MODULES, _RENAMED, moved, moved_module
from resnb.migrate.program import migrated

# what was written -> what it becomes
REWRITTEN = {
    "import prefect": "import resnb",
    "import prefect as p\np.task(f)": "import resnb as p\np.task(f)",
    "import os, prefect": "import os, resnb",
    "import prefect.engine.signals as s": "import resnb.signals as s",
    "from prefect import Flow, task  # keep": "from resnb import Flow, task  # keep",
    "from prefect import (\n    Flow,  # one\n    task,\n)": (
        "from resnb import (\n    Flow,  # one\n    task,\n)"
    ),
    "from prefect.core.flow import Flow as F": "from resnb import Flow as F",
    "from prefect.engine import signals, state": "from resnb import signals, states as state",
    "from prefect.engine.state import Success": "from resnb.states import Success",
    "from prefect.engine.cache_validators import all_inputs, duration_only": (
        "from resnb.cache_validators import all_inputs, duration_only"
    ),
    "from prefect.engine import cache_validators as v": "from resnb import cache_validators as v",
    "prefect.engine.cache_validators.all_inputs": "resnb.cache_validators.all_inputs",
    "from prefect.engine.results import LocalResult": "from resnb import LocalResult",
    "from prefect.engine.results.local_result import LocalResult": "from resnb import LocalResult",
    "prefect.engine.results.LocalResult(dir='.')": "resnb.LocalResult(dir='.')",
    "@task(target='{today}.pkl', result=R(), cache_validator=v)\ndef f(): ...": (
        "@task(target='{today}.pkl', result=R(), cache_validator=v)\ndef f(): ..."
    ),
    "from prefect.engine.signals import SKIP, LOOP": "from resnb.signals import SKIP, LOOP",
    "from prefect.triggers import all_failed": "from resnb.triggers import all_failed",
    "from prefect.tasks.control_flow.case import case": "from resnb import case",
    "from prefect.executors import DaskExecutor": "from resnb import DaskExecutor",
    "from prefect.utilities.edges import unmapped": "from resnb import unmapped",
    "from prefect.utilities.logging import get_logger": (
        "from resnb import get_run_logger as get_logger"
    ),
    "from prefect.utilities.notifications import callback_factory": (
        "from resnb import callback_factory"
    ),
    "from prefect.futures import wait, as_completed": "from resnb import wait, as_completed",
    "from prefect.tasks import task, exponential_backoff": (
        "from resnb import task, exponential_backoff"
    ),
    "from prefect.logging import get_run_logger": "from resnb import get_run_logger",
    "from prefect.states import Completed": "from resnb.states import Success as Completed",
    "from prefect import *": "from resnb import *",
    "from prefect.tasks.core.function import FunctionTask": (
        "from resnb import task as FunctionTask"
    ),
    "x = prefect.states.Completed()": "x = resnb.states.Success()",
    "if x:\n\tfrom prefect import \\\n\t\tFlow": "if x:\n\tfrom resnb import \\\n\t\tFlow",
    "f'{prefect.triggers.all_failed!r:>{9}}'": "f'{resnb.triggers.all_failed!r:>{9}}'",
    "from prefect.orion.schemas.states import Completed, Failed": (
        "from resnb.states import Success as Completed, Failed"
    ),
    "x = prefect.context.get('a')": "x = resnb.context.get('a')",
    "raise prefect.engine.signals.SKIP('ä')": "raise resnb.signals.SKIP('ä')",
    "é = 'ü'; prefect.engine.state.Success": "é = 'ü'; resnb.states.Success",
    "@prefect.task(nout=2)\ndef f(): ...": "@resnb.task(nout=2)\ndef f(): ...",
    "%time x\nfrom prefect import Flow\n!ls prefect": "%time x\nfrom resnb import Flow\n!ls prefect",
    "files = !ls\nimport prefect": "files = !ls\nimport resnb",
    "from . import prefect": "from . import prefect",
    "import prefectionist": "import prefectionist",
    "from prefect import Flow  # why?": "from resnb import Flow  # why?",
    "from prefect import Flow\nx = (1\n  % 2\n  != 3)": "from resnb import Flow\nx = (1\n  % 2\n  != 3)",
    "%time x\nfrom prefect import Flow\nx = (1\n  % 2)": (
        "%time x\nfrom resnb import Flow\nx = (1\n  % 2)"
    ),
    "\f\nfrom prefect import Flow\nfrom prefect import task": (
        "\f\nfrom resnb import Flow\nfrom resnb import task"
    ),
    "x = 'a\fb\u2028c'; from prefect import Flow": "x = 'a\fb\u2028c'; from resnb import Flow",
    "if x:\n\tfrom prefect.engine import state\n\tfrom prefect.exceptions import PrefectSignal": (
        "if x:\n\tfrom resnb import states as state\n"
        "\tfrom resnb.signals import Signal as PrefectSignal"
    ),
    "if x: from prefect import task; from prefect.utilities.logging import get_logger": (
        "if x: from resnb import task; from resnb import get_run_logger as get_logger"
    ),
    "if x: from prefect.states import Completed, State; y = 1": (
        "if x: from resnb.states import Success as Completed, State; y = 1"
    ),
    "import prefect\nprint(prefect)": "import resnb\nprint(resnb)",
    "try: import prefect\nexcept ImportError: prefect = None\nprefect.task": (
        "try: import resnb as prefect\nexcept ImportError: prefect = None\nprefect.task"
    ),
    "text = 'prefect.task'  # prefect.task": "text = 'prefect.task'  # prefect.task",
}

# what asks for something that is left out -> what is said about it
LEFT_OUT = {
    "import prefect.tasks.shell": "prefect.tasks.shell: write a task",
    "from prefect.tasks.shell import ShellTask": "ShellTask: write a task",
    "from prefect.schedules import IntervalSchedule": "run the notebook later",
    "from prefect.engine.signals import PAUSE": "PAUSE: let the flow end",
    "from prefect.task_runners import ConcurrentTaskRunner": "executor=ThreadExecutor",
    "from prefect_dask import DaskTaskRunner": "prefect_dask.DaskTaskRunner: use executor=Dask",
    "import prefect_shell": "prefect_shell: write a task of a few lines",
    "from prefect.context import get_run_context": "get_run_context: use `from resnb import cont",
    "from prefect.flow_runners import SubprocessFlowRunner": "FlowRunner: a flow runs where",
    "@flow\ndef f(): ...\nprint(f.version)": "flow.version: flows are not registered",
    "prefect.config.x": "prefect.config.x: read os.environ",
    "Flow('f', schedule=daily)": "Flow(schedule=): run the notebook later",
    "@task(cache_policy=v)\ndef f(): ...": "task(cache_policy=): use cache_for",
    "from prefect.engine.results import S3Result": "S3Result: use LocalResult",
    "from prefect.engine.serializers import JSONSerializer": "give LocalResult a serializer=",
    "@flow(task_runner=x)\ndef f(): ...": "flow(task_runner=): use executor",
    "with Flow('f') as f:\n    f.run_config = 1\n": "flow.run_config: a flow runs where",
    "f = Flow('f')\nf.register('x')": "flow.register: there is no server",
    "@flow\ndef f(): ...\nf.serve()": "flow.serve: run the notebook later",
    "with Flow('f') as f: ...\nf.run(runner_cls=x)": "run(runner_cls=): choose executor",
    "context.get('config')": "context.get('config'): read os.environ",
    "from prefect import context\ncontext.config": "context.config: read os.environ",
    "prefect.context['secrets']": "prefect.context['secrets']: read os.environ",
    "import prefect as p\np.context.caches": "p.context.caches: use cache_for",
    "from prefect import triggers\ntriggers.manual_only": "triggers.manual_only: let the flow end",
    "from prefect.engine import signals as s\ns.PAUSE": "s.PAUSE: let the flow end there",
    "from prefect.tasks.shell import *": "prefect.tasks.shell: write a task",
    "Flow('f', daily)": "Flow(schedule=): run the notebook later",
    "from prefect import Flow as F\nF('f', storage=x)": "F(storage=): a flow lives",
    "from prefect import Flow as F\nf = F('f')\nf.register('x')": "flow.register: there is no ser",
    "from prefect import flow as f\n@f\ndef g(): ...\ng.serve()": "flow.serve: run the notebook",
    "from prefect import task as t\n@t(slug='x')\ndef f(): ...": "t(slug=): use name=",
    "@task(result_handler=x)\ndef f(): ...": "task(result_handler=): use result=LocalResult",
    "from prefect.utilities.tasks import pause_task": "pause_task: let the flow end there",
    "from prefect.utilities.debug import raise_on_exception": "call state.raise_for_failure()",
    "from prefect.tasks.core.constants import Constant": "Constant: pass the value itself",
    "import prefect.context as c": "prefect.context: use `from resnb import context`",
    "Flow.load('f')": "flow.load: run the notebook or import",
    "import_module('prefect.triggers')": "import_module('prefect.triggers'): import it from resnb",
}


@pytest.mark.parametrize(("before", "after"), REWRITTEN.items())
def test_what_becomes_of_a_line(before, after):
    found = migrated(before)
    assert found.text == after
    assert found.remarks == []
    assert migrated(after).text == after  # nothing is left to do


@pytest.mark.parametrize(("line", "said"), LEFT_OUT.items())
def test_what_is_left_out_is_said_with_its_line(line, said):
    (found,) = migrated(f"\n{line}").remarks
    assert said in f"{found.name}: {found.advice}"
    assert found.line >= 2


@pytest.mark.parametrize("line", LEFT_OUT)
def test_what_is_left_out_stays_python(line):
    ast.parse(migrated(line).text)


@pytest.mark.parametrize(
    "line",
    [
        "Flow('f', None)",
        "Flow('f', schedule=None)",
        "task(result=False)",
        "flow(version=None)",
        "context.get('x')",
    ],
)
def test_what_asks_for_nothing_is_not_mentioned(line):
    assert migrated(line).remarks == []


def test_one_statement_becomes_several_and_keeps_its_comments():
    text = (
        "if x:\n"
        "    from prefect.engine import (\n"
        "        signals,  # of tasks\n"
        "        state,\n"
        "        results,\n"
        "    )\n"
    )
    found = migrated(text)
    assert found.text == (
        "if x:\n    # of tasks\n    from resnb import signals, states as state, results\n"
    )
    assert [one.name for one in found.remarks] == ["prefect.engine.results"]


def test_a_long_line_is_broken():
    names = ", ".join(f"task as a_rather_long_name_{number}" for number in range(4))
    lines = migrated(f"from prefect.engine import {names}, state, signals").text.splitlines()
    assert len(lines) > 4
    assert max(map(len, lines)) <= 88
    assert migrated("\n".join(lines)).text == "\n".join(lines)


@pytest.mark.parametrize("name", sorted({*_RENAMED, *_MODULES}))
def test_each_name_of_the_table_exists(name):
    new = moved(name) if name in _RENAMED else moved_module(name)
    module, _, last = new.rpartition(".")
    exec(f"from {module} import {last}" if module else f"import {new}", {})


# ---- files


def test_a_cell_knows_the_flows_of_the_others(tmp_path):
    path = tmp_path / "a.ipynb"
    cells = ["from prefect import Flow\nwith Flow('f') as mine: ...", "mine.run(runner_cls=x)"]
    content = {"cells": [{"cell_type": "code", "source": text} for text in cells]}
    path.write_text(json.dumps(content), encoding="utf-8")
    assert f"{path} [cell 2]:1: run(runner_cls=): choose executor" in ran(path).output


def test_a_cell_knows_what_the_others_import(tmp_path):
    path = tmp_path / "a.ipynb"
    cells = ["import prefect as p", "from prefect.engine import signals as s", "p.Flow; s.PAUSE"]
    cells += ["p.engine.state.Success"]
    content = {"cells": [{"cell_type": "code", "source": text} for text in cells]}
    path.write_text(json.dumps(content), encoding="utf-8")
    output = ran(path).output
    assert f"{path} [cell 3]:1: s.PAUSE: let the flow end" in output
    assert "+p.states.Success" in output


@pytest.mark.parametrize(
    "head", [b"\xef\xbb\xbf", "# -*- coding: latin-1 -*-\n# é\n".encode("latin-1")]
)
def test_a_script_keeps_its_encoding(tmp_path, head):
    path = tmp_path / "a.py"
    path.write_bytes(head + b"import prefect\n")
    assert ran("--write", path).exit_code == 0
    assert path.read_bytes() == head + b"import resnb\n"


NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "metadata": {}, "source": ["import prefect\n"]},
        {"cell_type": "code", "metadata": {}, "outputs": [], "source": ["import prefect\n", "x"]},
        {"cell_type": "code", "metadata": {}, "source": "%%time\nfrom prefect import Client, Flow"},
        {"cell_type": "code", "metadata": {}, "source": "%%bash\npip install prefect"},
        {"cell_type": "code", "metadata": {}, "source": "import prefect as ("},
    ],
    "metadata": {"kernelspec": {"name": "pythön"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


@pytest.fixture
def notebook(tmp_path):
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps(NOTEBOOK, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def ran(*arguments):
    return CliRunner().invoke(main, ["migrate", *map(str, arguments)])


def test_nothing_is_written_unless_asked(notebook):
    before = notebook.read_bytes()
    done = ran(notebook)
    assert done.exit_code == 0
    assert notebook.read_bytes() == before
    assert "-import prefect\n+import resnb\n" in done.output
    assert f"{notebook} [cell 3]:2: prefect.Client: there is no server" in done.output
    assert f"{notebook} [cell 5]:1: cannot be read" in done.output
    assert "1 of 1 files to be rewritten with --write, 2 lines need a look" in done.output


def test_a_notebook_keeps_all_but_its_imports(notebook):
    before = notebook.read_text(encoding="utf-8")
    done = ran("--write", notebook)
    assert done.exit_code == 0
    after = notebook.read_text(encoding="utf-8")
    changed = [
        (old, new)
        for old, new in zip(before.splitlines(), after.splitlines(), strict=True)
        if old != new
    ]
    assert changed == [
        ('    "import prefect\\n",', '    "import resnb\\n",'),
        (
            '   "source": "%%time\\nfrom prefect import Client, Flow"',
            '   "source": "%%time\\nfrom resnb import Client, Flow"',
        ),
    ]


def test_a_script_runs_afterwards(tmp_path):
    path = tmp_path / "etl.py"
    path.write_text(
        "import prefect\r\n"
        "from prefect import Flow, task\r\n"
        "from prefect.engine.state import Success\r\n\r\n"
        "@task\r\ndef name():\r\n    return prefect.context.flow_name\r\n\r\n"
        "with Flow('etl') as flow:\r\n    n = name()\r\n"
        "state = flow.run()\r\nprint(isinstance(state, Success), state.result[n].result)\r\n",
        encoding="utf-8",
        newline="",
    )
    module = [sys.executable, "-m", "resnb.migrate", "--write", str(path)]
    subprocess.run(module, check=True, capture_output=True)
    assert path.read_bytes().count(b"\r\n") == 12
    done = subprocess.run([sys.executable, str(path)], check=True, capture_output=True, text=True)
    assert done.stdout == "True etl\n"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("no.py", None, "No such file"),
        ("a.py", b"\xff", "a.py: this is not UTF-8, and its first lines declare no other"),
        ("a.py", b"\n\n\nimport prefect # \xe9", "a.py: line 4: 0xe9 is no text in utf-8"),
        ("a.py", b"# coding: odd", "a.py: unknown encoding: odd"),
        ("a.py", b"import prefect\nx = " + 100_000 * b"-" + b"1", "a.py: the code is nested too"),
        ("a.py", b"import prefect\nx = a" + 9_000 * b".b", "a.py: the code is nested too deeply"),
        ("a.ipynb", b"\xff", "a.ipynb: line 1: 0xff is no text in utf-8"),
        ("a.ipynb", 100_000 * b"[", "a.ipynb: this is no JSON: "),
        ("a.ipynb", b'{"cells": [{}, 1]}', "a.ipynb: cell 2 of this notebook is damaged"),
        ("a.ipynb", b'{"cells": [{"source": 5}]}', "a.ipynb: cell 1 of this notebook is damaged"),
        ("a.ipynb", b'{"cells": [{"source": [5]}]}', "cell 1 of this notebook is damaged"),
        ("a.py", b"from prefect import (", "a.py: line 1: '(' was never closed"),
        ("a.py", b"import prefect\n\0", "a.py: source code string cannot contain null bytes"),
        ("a.ipynb", b"[]", "is no notebook"),
        ("a.ipynb", b"{", "this is no JSON: Expecting"),
    ],
)
def test_a_file_that_cannot_be_read_stops_no_other(tmp_path, name, content, said):
    path, good = tmp_path / name, tmp_path / "good.py"
    if content is not None:
        path.write_bytes(content)
    good.write_text("import prefect\n", encoding="utf-8")
    done = ran("--write", path, good)
    assert done.exit_code == 2
    assert said in done.output
    assert good.read_text(encoding="utf-8") == "import resnb\n"


def test_a_file_is_replaced_as_a_whole_and_stays_what_it_was(tmp_path):
    path, link = tmp_path / "a.py", tmp_path / "link.py"
    path.write_text("import prefect\n", encoding="utf-8")
    path.chmod(0o750)
    link.symlink_to("a.py")
    assert ran("--write", link).exit_code == 0
    assert (link.is_symlink(), path.stat().st_mode & 0o777) == (True, 0o750)
    assert path.read_text(encoding="utf-8") == "import resnb\n"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.py", "link.py"]


def test_a_file_that_cannot_be_written_stays_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "a.py"
    path.write_text("import prefect\n", encoding="utf-8")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    done = ran("--write", path)
    assert done.exit_code == 2
    assert f"{path}: No space left on device\n" in done.output
    assert [one.read_text(encoding="utf-8") for one in tmp_path.iterdir()] == ["import prefect\n"]


def test_the_lines_of_the_diff_are_those_of_python(tmp_path):
    path = tmp_path / "a.py"
    path.write_text("x = '\u2028'\n\x0c\nimport prefect\n", encoding="utf-8")
    assert "@@ -3 +3 @@" in ran(path).output
