"""Things that outlive the process which made them, and what is there of them."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from resnb.ledger.owner import start_time

PATIENCE = 60.0
DIES = "RESNB_TEST_DIES"
"""Names the step at which the first reaper, or the first clean-up of its, dies."""


class Machine:
    """A pretend machine: ``root/<lease id>`` with the pid of a detached process in it.

    What its clean-ups do is in ``root/log``; two at once say so there.
    """

    find_for = 0.2

    def __init__(self, root):
        self.root = str(root)

    def setup(self):
        folder = Path(self.root, self.lease.id)
        folder.mkdir()
        process = subprocess.Popen(["sleep", "3600"], cwd=folder, start_new_session=True)
        (folder / "pid").write_text(f"{process.pid}")
        return self.lease.id

    def find(self, lease_id):
        return lease_id if Path(self.root, lease_id).exists() else None

    def cleanup(self, name):
        with Path(self.root, f"{name}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.say("overlap")
                raise
            self.say("begin")
            if Path(sys.argv[0]).name == "cleanup_main.py":
                die_in_the_middle(self.root)
            folder = Path(self.root, name)
            if (folder / "pid").exists():
                kill(int((folder / "pid").read_text()))
            shutil.rmtree(folder, ignore_errors=True)
            self.say("end")

    def say(self, word):
        with Path(self.root, "log").open("a") as log:
            log.write(f"{word}\n")


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def is_first(root):
    """Whether nobody has died yet; from now on somebody has."""
    try:
        os.close(os.open(Path(root, "died"), os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def die_in_the_middle(root):
    step = os.environ.get(DIES)
    if step == "in the middle":  # the reaper sees that it has begun, and dies
        until(Path(root, "died").exists)
    elif step in ("in the middle, its process", "in the middle, both") and is_first(root):
        if step.endswith("both"):
            kill(os.getppid())
        kill(os.getpid())


def alive(root):
    """What is there of all machines below `root`, counted without resnb's help."""
    folders = [one.name for one in Path(root).iterdir() if one.is_dir()]
    return folders + [pid for pid in processes() if at(pid, "cwd").startswith(str(root))]


def said(root):
    log = Path(root, "log")
    return log.read_text().split() if log.exists() else []


def processes():
    found = (int(one.name) for one in Path("/proc").iterdir() if one.name.isdigit())
    return [pid for pid in found if start_time(pid) is not None]


def at(pid, link):
    try:
        return str(Path(f"/proc/{pid}/{link}").readlink())
    except OSError:
        return ""


def command_of(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def reapers(home):
    """The reapers, sweepers and clean-ups of a ledger."""
    ours = ("reaper.py", "reaper_stub.py", "sweeper.py")
    found = {pid: command_of(pid) for pid in processes()}
    return [
        pid
        for pid, command in found.items()
        if str(home) in command and any(one in command for one in ours)
    ]


def until(condition, patience=PATIENCE):
    """Wait for a condition; gives its value."""
    import threading
    import time

    pause, deadline = threading.Event(), time.monotonic() + patience
    while not (value := condition()):
        if time.monotonic() > deadline:
            message = f"it did not come to pass: {condition}"
            raise TimeoutError(message)
        pause.wait(0.01)
    return value


def settle(home):
    """Wait until all reapers of a ledger have ended, which they do when nothing is left."""
    until(lambda: not reapers(home) and not reapers(home))  # one may fork while we look


def to_line(**values):
    return json.dumps(values) + "\n"
