"""The reaper for real: a process is killed, and another one cleans up after it."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from resnb.ledger import states
from resnb.ledger.owner import start_time
from resnb.ledger.store import Store

ROOT = Path(__file__).parents[2]
PATIENCE = 40.0
MOMENTS = ["after the record", "after the thing exists", "after the handle"]


def processes_that_name(text):
    """The processes whose command line holds `text`, counted without resnb's help."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        alive = entry.name.isdigit() and start_time(int(entry.name)) is not None
        if alive and text in command and int(entry.name) != os.getpid():
            found.append(command)
    return found


@pytest.mark.parametrize("moment", MOMENTS)
def test_what_a_killed_kernel_leaves_is_cleaned_up_and_the_reaper_ends(tmp_path, moment):
    home, thing = tmp_path / "ledger", tmp_path / "thing"
    done = subprocess.run(
        [sys.executable, "-m", "tests.ledger.kernel_stub", str(home), str(thing), moment],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == -9, done.stderr
    pause = threading.Event()
    for _ in range(int(PATIENCE / 0.05)):
        if not processes_that_name(str(tmp_path)):
            break
        pause.wait(0.05)
    assert processes_that_name(str(tmp_path)) == []
    assert not thing.exists()
    assert Store(home).alive() == []
    (closed,) = Store(home).history()
    assert closed.state == states.CLOSED
    assert closed.recipe == b""
