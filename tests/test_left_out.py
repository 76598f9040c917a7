"""What Prefect has and resnb leaves out gives its advice in every form of import and call."""

import importlib
import subprocess
import sys

import pytest

import resnb
from resnb import unsupported

IMPORTS = {
    "from resnb.signals import PAUSE": "start the next one",
    "from resnb.states import Paused": "start the next one",
    "from resnb.triggers import manual_only": "start the next one",
    "from resnb import Secret": "os.environ",
    "from resnb import Flow, StartFlowRun": "call the other",
    "from resnb import tasks": "a task of a few lines",
    "from resnb import slack_notifier": "callback_factory",
    "from resnb import config": "os.environ",
    "import resnb.tasks.shell": "a task of a few lines",
    "import resnb.tasks.shell as shell": "a task of a few lines",
    "from resnb.tasks.shell import ShellTask": "a task of a few lines",
    "from resnb.schedules import IntervalSchedule": "cron",
    "from resnb.engine.results import LocalResult": "from resnb import .*LocalResult",
    "from resnb import S3Result": "LocalResult",
    "from resnb import JSONSerializer": "serializer=",
    "from resnb.engine.state import Success": "from resnb import signals, states",
    "from resnb.executors import LocalExecutor": "from resnb import LocalExecutor",
    "from resnb.run_configs import LocalRun": "executor=",
    "from resnb.client import Secret": "no server",
    "from resnb.task_runners import ConcurrentTaskRunner": "executor=ThreadExecutor",
    "from resnb.deployments import Deployment": "cron",
    "import resnb; resnb.config.debug": "os.environ",
    "import resnb; resnb.tasks.shell": "a task of a few lines",
    "import resnb; resnb.signals.PAUSE": "start the next one",
    "import importlib; importlib.import_module('resnb.storage')": "git",
}


@pytest.mark.parametrize(("line", "advice"), IMPORTS.items())
def test_a_line_that_imports_it(line, advice):
    with pytest.raises((ImportError, AttributeError), match=f"which Prefect has: .*{advice}"):
        exec(line, {})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("from resnb import nonsense", "cannot import name 'nonsense'"),
        ("import resnb.nonsense", "No module named 'resnb.nonsense'"),
        ("import resnb; resnb.nonsense", "resnb has no 'nonsense'"),
        ("from resnb.states import Nonsense", "cannot import name"),
    ],
)
def test_what_nobody_has_is_not_said_to_be_left_out(line, message):
    with pytest.raises((ImportError, AttributeError), match=message) as caught:
        exec(line, {})
    assert "Prefect" not in str(caught.value)


def test_asking_whether_it_is_there_raises_nothing():
    assert not hasattr(resnb, "Secret")
    assert getattr(resnb.signals, "PAUSE", None) is None
    assert not set(unsupported.NAMES) & set(resnb.__all__)


@pytest.mark.parametrize("name", sorted(unsupported.MODULES))
def test_resnb_has_no_module_of_that_name(name):
    with pytest.raises(ModuleNotFoundError, match="which Prefect has"):
        importlib.import_module(f"resnb.{name}")


def test_a_script_is_told_in_its_last_line():
    done = subprocess.run(
        [sys.executable, "-c", "from resnb.tasks.shell import ShellTask"],
        capture_output=True,
        check=False,
        text=True,
    )
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ModuleNotFoundError: resnb has no 'resnb.tasks'")
    assert "a task of a few lines" in last
