"""Clean-ups that cannot see their resource, or lack what they need, say so and keep the lease."""

import os
import selectors
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from resnb.ledger.admin.commands import LedgerCommands
from resnb.ledger.owner import NOBODY, nobody, this_process
from resnb.ledger.reaper import cleanup_process
from resnb.ledger.reaper.cleanup_process import CleanupProcess
from resnb.ledger.reaper.reaper import Reaper
from resnb.ledger.recipes.pickling import pickled
from resnb.ledger.store.home import made_private
from resnb.ledger.store.store import Store
from tests.kernel.client import wait_for
from tests.ledger.recipes.recipes import File
from tests.ledger.records import HERE, record

INSIDE = """
import subprocess, sys
from pathlib import Path
from resnb.ledger.owner import this_process
from resnb.ledger.recipes.pickling import pickled
process = subprocess.Popen(["sleep", "600"], start_new_session=True)
Path(sys.argv[1], "handle").write_bytes(pickled(process).data)
Path(sys.argv[1], "owner").write_text(this_process().to_text())
sys.stdin.read()
"""
UNSHARE = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]


class Stops:
    """A recipe of this module, which stops a process."""

    def cleanup(self, process):
        process.kill()
        process.wait(10)


@pytest.fixture
def home(tmp_path):
    return made_private(tmp_path / "ledger")


@pytest.fixture
def container(tmp_path):
    """A process in a pid namespace of its own; gives the folder with its handle."""
    command = [*UNSHARE, sys.executable, "-c", INSIDE, str(tmp_path)]
    can = subprocess.run([*UNSHARE, "true"], check=False, capture_output=True)
    if can.returncode:
        pytest.skip(f"pid namespaces need other rights: {can.stderr.decode()}")
    root = str(Path(__file__).parents[3])
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, env={**os.environ, "PYTHONPATH": root}
    ) as started:
        wait_for((tmp_path / "owner").exists, "the process in the container")
        wait_for(lambda: (tmp_path / "owner").read_text(), "its owner")
        yield tmp_path, started.pid
        started.kill()


def sleepers(pid):
    found = psutil.Process(pid).children(recursive=True)
    return [one for one in found if one.name() == "sleep" and one.status() != "zombie"]


def swept(home):
    """Sweep once; gives what is left."""
    Reaper(
        Store(home), chosen=lambda records: [one for one in records if one.next_try == 0.0]
    ).run()
    return LedgerCommands(home).store.alive()


def test_a_process_of_another_container_is_not_called_cleaned_up(home, container):
    folder, pid = container
    recipe, handle = pickled(Stops()).data, (folder / "handle").read_bytes()
    owner = nobody(this_process())
    environment = HERE._replace(path=(str(Path(__file__).parents[3]), *HERE.path))
    Store(home).add(record(owner=owner, recipe=recipe, handle=handle, environment=environment))
    (left,) = swept(home)
    assert left.state == "failed"
    assert left.reason.startswith("wrong environment: OutOfSightError: process ")
    assert "cannot be seen from here: it is of another container or machine" in left.reason
    assert "resnb forget a" in left.reason
    assert sleepers(pid), "the process was there all the time"


@pytest.mark.parametrize("is_there", [True, False])
def test_a_path_that_was_made_elsewhere(home, tmp_path, is_there):
    path = tmp_path / "thing"
    if is_there:
        path.touch()
    owner = nobody(this_process())._replace(namespace="another")
    assert owner.pid == NOBODY
    handle = pickled(str(path)).data
    Store(home).add(record(owner=owner, recipe=pickled(File()).data, handle=handle))
    left = swept(home)
    assert not path.exists()
    if is_there:
        assert left == []
    else:
        assert left[0].reason.startswith(f"wrong environment: {path} was made in another container")


def test_a_relative_path_whose_folder_is_gone(home, tmp_path):
    environment = HERE._replace(folder=str(tmp_path / "gone"))
    owner, handle = nobody(this_process()), pickled(Path("thing")).data
    Store(home).add(
        record(owner=owner, recipe=pickled(File()).data, handle=handle, environment=environment)
    )
    (left,) = swept(home)
    assert left.reason.startswith(
        f"wrong environment: thing is relative to {tmp_path / 'gone'}, which is gone"
    )


def cleaned_up(home, record):
    with selectors.DefaultSelector() as selector:
        process = CleanupProcess(home, record, subprocess.DEVNULL, selector)
        while (result := process.result()) is None:
            if process.awaits_order:
                process.give_order({})
            for key, _ in selector.select(process.ask_within()):
                key.data()
    return result


@pytest.mark.parametrize("what", ["removed", "upgraded"])
def test_a_reaper_whose_package_was_replaced_says_so_in_one_line(home, tmp_path, monkeypatch, what):
    script = tmp_path / "cleanup_main.py"
    script.write_text("raise SystemExit(3)")
    monkeypatch.setattr(cleanup_process, "_SCRIPT", script)
    monkeypatch.setattr(cleanup_process, "_AT_FIRST", cleanup_process._seen(script))
    assert cleaned_up(home, record()) == ("failed", "its interpreter ended with 3")
    script.unlink()
    if what == "upgraded":
        (tmp_path / "new").write_text("raise SystemExit(3)")
        (tmp_path / "new").rename(script)
    result, reason = cleaned_up(home, record())
    assert result == "failed"
    assert ", since resnb was upgraded or removed in " in reason
    assert "install it there again, or run resnb sweep" in reason
    assert "\n" not in reason
