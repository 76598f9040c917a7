"""Plain scripts, without IPython: whatever ends them, their blocks leave nothing behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from resnb.ledger.admin.commands import LedgerCommands
from tests.conftest import end_reapers
from tests.kernel.client import wait_for

SCRIPT = """
import asyncio, sys, threading
from pathlib import Path
from resnb import resource_manager
from resnb.resources import Subprocess, TemporaryFolder

@resource_manager
class Mine:
    def setup(self):
        Path("mine").mkdir()
        return str(Path("mine").absolute())
    def find(self, lease_id):
        return "mine" if Path("mine").exists() else None
    def cleanup(self, folder):
        Path(folder).rmdir()

def wait():
    print("open", flush=True)
    for line in sys.stdin:
        exec(line)

def block():
    with TemporaryFolder("t-", ".") as folder, Mine() as mine:
        with Subprocess(["sleep", "600"]) as sleep:
            Path("pid").write_text(str(sleep.pid))
            wait()

def opened():
    TemporaryFolder("t-", ".").open()
    Mine().open()
    Path("pid").write_text(str(Subprocess(["sleep", "600"]).open("sleep").value.pid))
    wait()

def in_a_thread():
    def work():
        with Mine():
            wait()
            Path("went-on").touch()
    threading.Thread(target=work).start()

async def coroutine():
    async with TemporaryFolder("t-", "."), Mine():
        await asyncio.to_thread(wait)

def in_a_coroutine():
    asyncio.run(coroutine())

def setting_up():
    @resource_manager
    class Half(Mine.resource_class):
        def setup(self):
            made = super().setup()
            wait()
            return made
    with Half():
        pass

globals()[sys.argv[1]]()
"""
WAYS = ["block", "opened", "in_a_coroutine", "setting_up"]


class Script:
    def __init__(self, folder, way):
        self.way = way
        self.folder, self.home = folder / "work", folder / "ledger"
        self.folder.mkdir()
        (folder / "script.py").write_text(SCRIPT)
        self.process = subprocess.Popen(
            [sys.executable, str(folder / "script.py"), way],
            cwd=self.folder,
            env={**os.environ, "RESNB_HOME": str(self.home)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout.readline() == "open\n", self.process.stderr.read()

    def left(self):
        """What is there of what it has opened."""
        found = [one.name for one in self.folder.iterdir() if one.name not in ("pid", "went-on")]
        pid = self.folder / "pid"
        if pid.exists():
            try:
                stat = Path(f"/proc/{pid.read_text()}/stat").read_text()
                state = stat.rpartition(")")[2].split()[0]
            except OSError:
                state = "Z"
            found += ["process"] if state != "Z" else []
        return found

    def is_clean(self):
        """Whether nothing is left; after a set-up somebody looks for more for a while."""
        if self.left():
            return False
        return self.way == "setting_up" or not LedgerCommands(self.home).leases()


@pytest.fixture
def run(tmp_path):
    scripts = []

    def run(way):
        scripts.append(Script(tmp_path, way))
        return scripts[-1]

    yield run
    for one in scripts:
        one.process.kill()
        one.process.stdin.close()
        one.process.wait()
        one.process.stdout.close()
        one.process.stderr.close()
        end_reapers(one.home)


@pytest.mark.parametrize("way", WAYS)
def test_kill_9(run, way):
    script = run(way)
    assert "mine" in script.left()
    script.process.kill()
    wait_for(script.is_clean, "the clean-ups")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("end", "code"),
    [
        (signal.SIGTERM, -signal.SIGTERM),
        (signal.SIGINT, None),
        ("raise SystemExit(3)", 3),
        ("raise KeyError('mine')", 1),
    ],
)
def test_other_ends(run, way, end, code):
    script = run(way)
    if isinstance(end, str):
        script.process.stdin.write(f"{end}\n")
        script.process.stdin.flush()
    else:
        script.process.send_signal(end)
        if end == signal.SIGINT:
            script.process.stdin.close()  # what waits for more goes on; it might end before SIGTERM
    assert script.process.wait(60) == code or code is None
    wait_for(script.is_clean, "the clean-ups")


def test_a_block_in_a_thread_goes_on_after_the_main_thread(run):
    script = run("in_a_thread")
    assert script.left() == ["mine"]
    script.process.stdin.close()
    assert script.process.wait(60) == 0
    assert (script.folder / "went-on").exists()
    assert script.left() == []
    wait_for(script.is_clean, "the end of its lease")
