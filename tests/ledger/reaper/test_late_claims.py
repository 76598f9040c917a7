"""Whoever has claimed a clean-up and does not come to its end loses it."""

import os
import signal
from pathlib import Path

import pytest

from resnb.ledger.store.store import Store
from tests.ledger.held import held, killed
from tests.ledger.reaper.test_reaper import words
from tests.ledger.things import settle, until
from tests.run.scripts import LIMIT, lines_until, outcome

HANGING = """
@resource_manager(cleanup_timeout=1.0)
class Hanging:
    def setup(self):
        return "thing"
    def cleanup(self, thing):
        import os, sys
        if not sys.argv[0].endswith("cleanup_main.py"):
            {hang}
        with open(log, "a") as file:
            file.write("cleaned\\n")

say("begun")
hold(Hanging)
wait()
"""


@pytest.fixture(autouse=True)
def _patient(monkeypatch):
    """The reaper's own clean-up has more time than the kernel's, however busy the machine."""
    monkeypatch.setenv("RESNB_TEST_EXTRA", "60")


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log"


def is_closed(home):
    return Store(home).alive() == [] and bool(Store(home).history())


def test_a_kernel_that_is_stopped_in_its_clean_up(ledger_home, log):
    hang = "import signal; os.kill(os.getpid(), signal.SIGSTOP); return"
    kernel = held(log, HANGING.format(hang=hang))
    lines_until(kernel, "begun")
    until(lambda: words(log) == ["cleaned"])  # it may have been stopped while it held the ledger
    kernel.send_signal(signal.SIGCONT)
    kernel.stdin.write("\n")
    kernel.stdin.flush()
    assert outcome(kernel)[1:] == ("", 0)
    settle(ledger_home)
    assert is_closed(ledger_home)
    assert words(log) == ["cleaned"]


def test_a_kernel_whose_clean_up_holds_the_interpreter_lock(ledger_home, log):
    hang = "import ctypes; ctypes.PyDLL(None).sleep(60)"
    kernel = held(log, HANGING.format(hang=hang))
    lines_until(kernel, "begun")
    until(lambda: is_closed(ledger_home))
    assert words(log) == ["cleaned"]
    killed(kernel)
    settle(ledger_home)


LOCKED = """
hold(Held)
import sqlite3
child = os.fork()
if child == 0:
    db = sqlite3.connect(Path(os.environ["RESNB_HOME"]) / "leases.db", isolation_level=None)
    db.execute("begin immediate")
    say(os.getpid())
    signal.pause()
wait()
"""


def test_a_ledger_that_somebody_locks_holds_up_no_end(ledger_home, log):
    """The reaper writes later what the kernel could not."""
    kernel = held(log, LOCKED)
    lines_until(kernel, "open")
    child = int(kernel.stdout.readline())
    kernel.send_signal(signal.SIGTERM)
    kernel.wait(LIMIT)
    until(lambda: words(log) == ["cleaned"])  # a kernel that is slow leaves it to the reaper
    assert Path(f"/proc/{child}").exists()
    assert len(Store(ledger_home).alive()) == 1
    os.kill(child, signal.SIGKILL)
    kernel.communicate()
    settle(ledger_home)
    assert words(log) == ["cleaned"]
    assert is_closed(ledger_home)
